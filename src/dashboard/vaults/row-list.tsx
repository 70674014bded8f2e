import { type ReactNode, useRef } from 'react';
import { Feed, type FeedHandle } from '../ui/feed.tsx';
import { usePosition } from '../ui/use-position.ts';

interface RowListProps<T> {
  label: string;
  items: readonly T[];
  keyOf: (item: T) => string;
  render: (item: T) => ReactNode;
}

/** A card with a row for each item. It scrolls to where its reader was when the address is opened again. */
export function RowList<T>(props: RowListProps<T>) {
  const feed = useRef<FeedHandle>(null);
  usePosition(feed);
  return (
    <div className="card vault-list">
      <Feed ref={feed} role="list" {...props} />
    </div>
  );
}
