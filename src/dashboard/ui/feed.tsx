import { useWindowVirtualizer } from '@tanstack/react-virtual';
import {
  memo,
  type ReactNode,
  type Ref,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
} from 'react';
import { Pursuit } from './pursuit.ts';
import { usePrinting } from './use-printing.ts';
import { readingLine } from './window-edges.ts';

/** A position in a feed: an item, and the pixels of it above the reading line. */
export interface Place {
  key: string;
  offset: number;
}

/** The imperative interface of a feed. */
export interface FeedHandle {
  /** Brings an item to the line where reading begins; also one that is still to come. */
  show: (key: string, offset?: number) => void;
  /** Brings the last item into the window; also one that is still to come. */
  showEnd: () => void;
  /** Whether the last item can be seen. */
  showsEnd: () => boolean;
  /** Whether scrolling has reached its target, because `show` and `showEnd` take several frames. */
  isSteady: () => boolean;
  /** The scroll position; undefined at the beginning. */
  place: () => Place | undefined;
}

interface FeedProps<T> {
  items: readonly T[];
  keyOf: (item: T) => string | number;
  render: (item: T, index: number) => ReactNode;
  label: string;
  /** Whether all items are there, or some are still to come. */
  complete?: boolean;
  role?: 'feed' | 'list';
  ref?: Ref<FeedHandle>;
}

/** Items that are printed at most. */
const MAX_PRINTED = 2000;
/** Height of an item before it was measured. */
const ESTIMATE = 132;

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
export function Feed<T>({ items, keyOf, render, label, complete = true, role = 'feed', ref }: FeedProps<T>) {
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
  });
  const pursuit = useRef(new Pursuit());
  // Each render may bring the item that is looked for, or change where it stands.
  useEffect(() => {
    pursuit.current.goOn({
      indexOf: (key) => items.findIndex((item) => String(keyOf(item)) === key),
      count: items.length,
      complete,
      find: (index) => place.current?.querySelector<HTMLElement>(`[data-index="${index}"]`) ?? undefined,
      bringNear: (index) => virtualizer.scrollToIndex(index, { align: 'start' }),
    });
  });
  useEffect(() => () => pursuit.current.stop(), []);
  useImperativeHandle(ref, () => ({
    show: (key, offset = 0) => pursuit.current.start({ key, offset }),
    showEnd: () => pursuit.current.start('end'),
    showsEnd: () => complete && (virtualizer.range?.endIndex ?? 0) >= items.length - 1,
    isSteady: () => !pursuit.current.isUnderWay,
    place: () => {
      const line = readingLine();
      const elements = [...(place.current?.children ?? [])];
      const top = elements.find((element) => element.getBoundingClientRect().bottom > line + 1);
      const item = items[Number(top?.getAttribute('data-index') ?? -1)];
      if (window.scrollY < 1 || !top || item === undefined) return undefined;
      return { key: String(keyOf(item)), offset: Math.round(line - top.getBoundingClientRect().top) };
    },
  }));
  const printing = usePrinting();
  const list = { role, 'aria-label': label, 'aria-busy': !complete };
  if (printing) {
    return (
      <div ref={place} className="feed printed" {...list}>
        {items.slice(0, MAX_PRINTED).map((item, index) => (
          <Item key={keyOf(item)} item={item} index={index} render={render} />
        ))}
      </div>
    );
  }
  return (
    <div ref={place} className="feed" {...list} style={{ height: virtualizer.getTotalSize() }}>
      {virtualizer.getVirtualItems().map(({ key, index, start }) => {
        const item = items[index];
        if (item === undefined) return null;
        return (
          <div
            key={key}
            ref={virtualizer.measureElement}
            data-index={index}
            className="feed-item"
            role={role === 'list' ? 'listitem' : undefined}
            style={{ transform: `translateY(${start - scrollMargin}px)` }}
          >
            <Item item={item} index={index} render={render} />
          </div>
        );
      })}
    </div>
  );
}
