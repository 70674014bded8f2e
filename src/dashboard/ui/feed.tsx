import { useWindowVirtualizer } from '@tanstack/react-virtual';
import {
  memo,
  type ReactNode,
  type Ref,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
} from 'react';

/** What the page above may ask of a feed. */
export interface FeedHandle {
  /** Brings an item to the top of the window. */
  show: (index: number) => void;
  /** Whether the last item can be seen. */
  showsEnd: () => boolean;
}

interface FeedProps<T> {
  items: readonly T[];
  keyOf: (item: T) => string | number;
  render: (item: T, index: number) => ReactNode;
  label: string;
  ref?: Ref<FeedHandle>;
}

/** Height of an item before it was measured. */
const ESTIMATE = 132;
/** What the bar at the top covers, and a little air. */
const TOP = 76;

interface ItemProps<T> {
  item: T;
  index: number;
  render: (item: T, index: number) => ReactNode;
}

/** While the page scrolls, items that stay are not rendered again. */
const Item = memo(function Item({ item, index, render }: ItemProps<unknown>) {
  return render(item, index);
}) as <T>(props: ItemProps<T>) => ReactNode;

/** Items of different heights that scroll with the page; only those near the window exist. */
export function Feed<T>({ items, keyOf, render, label, ref }: FeedProps<T>) {
  const place = useRef<HTMLDivElement>(null);
  const [scrollMargin, setScrollMargin] = useState(0);
  useLayoutEffect(() => {
    const top = (place.current?.getBoundingClientRect().top ?? 0) + window.scrollY;
    if (Math.abs(top - scrollMargin) > 1) setScrollMargin(top);
  });
  const virtualizer = useWindowVirtualizer({
    count: items.length,
    estimateSize: () => ESTIMATE,
    getItemKey: (index) => {
      const item = items[index];
      return item === undefined ? index : keyOf(item);
    },
    overscan: 6,
    scrollMargin,
    scrollPaddingStart: TOP,
  });
  useImperativeHandle(ref, () => ({
    show: (index) => virtualizer.scrollToIndex(index, { align: 'start' }),
    showsEnd: () => (virtualizer.range?.endIndex ?? 0) >= items.length - 1,
  }));
  return (
    <div
      ref={place}
      className="feed"
      role="feed"
      aria-label={label}
      style={{ height: virtualizer.getTotalSize() }}
    >
      {virtualizer.getVirtualItems().map(({ key, index, start }) => {
        const item = items[index];
        if (item === undefined) return null;
        return (
          <div
            key={key}
            ref={virtualizer.measureElement}
            data-index={index}
            className="feed-item"
            style={{ transform: `translateY(${start - scrollMargin}px)` }}
          >
            <Item item={item} index={index} render={render} />
          </div>
        );
      })}
    </div>
  );
}
