import { type RefObject, useEffect, useState } from 'react';
import { useText } from '../i18n/index.ts';
import { labelOf } from '../text/labels.ts';
import type { FeedHandle } from '../ui/feed.tsx';
import { announce } from '../ui/toast.tsx';
import { useWatch } from './queries.ts';
import { makeFilter, type Row } from './rows.ts';

interface Arrivals {
  /** Number of unseen new entries, which are below the viewport or hidden by the filter. */
  unseen: number;
  /** Whether the filter hides one of them. */
  hidden: boolean;
  /** The row that arrived last. */
  arrived: Row | undefined;
  /** The person has seen them. */
  see: () => void;
}

/**
 * Follows the vault, and counts new entries that cannot be seen.
 * @param filter what the view is filtered by
 * @param own numbers of entries that the person just wrote here
 */
export function useArrivals(
  vaultId: string,
  feed: RefObject<FeedHandle | null>,
  { filter, own }: { filter: string; own: ReadonlySet<number> },
): Arrivals {
  const { vault: t } = useText();
  const [unseen, setUnseen] = useState<readonly Row[]>([]);
  const [arrived, setArrived] = useState<Row>();
  const matches = makeFilter(filter);
  useWatch(vaultId, true, (rows) => {
    const content = rows.filter(({ kind }) => kind === 'content');
    setArrived(rows.at(-1));
    const changed = content.findLast(({ version }) => version > 1);
    if (changed) announce(t.arrived(labelOf(changed), changed.writer_id));
    const showsEnd = feed.current?.showsEnd() ?? false;
    const missed = content.filter(
      (row) => row.version === 1 && !own.has(row.entry_no) && (!showsEnd || matches?.(row) === false),
    );
    if (missed.length > 0) setUnseen((before) => [...before, ...missed]);
  });
  const hidden = unseen.some((row) => matches?.(row) === false);
  useEffect(() => {
    const look = () => !hidden && feed.current?.showsEnd() && setUnseen([]);
    window.addEventListener('scroll', look, { passive: true });
    return () => window.removeEventListener('scroll', look);
  }, [feed, hidden]);
  return { unseen: unseen.length, hidden, arrived, see: () => setUnseen([]) };
}
