import { type RefObject, useEffect, useRef } from 'react';
import { setParameter, useParameter } from '../address.ts';
import type { FeedHandle, Place } from './feed.tsx';

/** A pause in scrolling after which the place is kept. */
const PAUSE_MS = 120;

const write = (place: Place | undefined): string => (place ? `${place.offset}.${place.key}` : '');

function parse(text: string): Place | undefined {
  const [, offset, key] = /^(-?\d{1,6})\.(.+)$/s.exec(text) ?? [];
  return offset === undefined || key === undefined ? undefined : { key, offset: Number(offset) };
}

/**
 * Keeps in the address where the window stands in a feed, and goes where the address says: after a reload, on the way
 * back, and by a link.
 * @param begin shows where reading begins when the address says nothing; the top of the page if left out
 */
export function usePosition(
  feed: RefObject<FeedHandle | null>,
  begin: () => void = () => window.scrollTo(0, 0),
): void {
  const at = useParameter('at');
  /** What this page wrote into the address: the window stands there already. */
  const written = useRef<string>(undefined);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it begins once
  useEffect(() => {
    const place = parse(at);
    if (at !== written.current && place) feed.current?.show(place.key, place.offset);
    else if (written.current === undefined) begin();
    written.current = at;
  }, [at, feed]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const keep = () => {
      if (!feed.current?.isSteady()) return;
      written.current = write(feed.current.place());
      setParameter('at', written.current);
    };
    const onScroll = () => {
      clearTimeout(timer);
      timer = setTimeout(keep, PAUSE_MS);
    };
    window.addEventListener('scroll', onScroll, { passive: true });
    return () => {
      clearTimeout(timer);
      window.removeEventListener('scroll', onScroll);
    };
  }, [feed]);
}
