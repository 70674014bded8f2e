import { useEffect, useRef, useState } from 'react';
import type { Row } from './row.ts';

/** How far a page may be scrolled and still count as at its top. */
const TOP_PX = 40;

/** Whether something that moves would move under the reader's eyes, pointer or cursor. */
const isReading = (): boolean =>
  window.scrollY > TOP_PX || document.querySelector('.now-list:is(:hover, :focus-within)') !== null;

/**
 * Holds back new rows while somebody reads the list, until the reader asks for them. Older rows, which come at the end, are
 * shown at once.
 * @param list identifies the list; a change of it shows all rows
 */
export function useSettledRows(rows: readonly Row[] | undefined, list: string) {
  const [newest, setNewest] = useState<{ list: string; at: string } | undefined>();
  const first = rows?.[0]?.at;
  const isKnown = newest?.list === list;
  const reading = useRef(false);
  reading.current = isKnown && isReading();
  useEffect(() => {
    if (first !== undefined && !reading.current) setNewest({ list, at: first });
  }, [first, list]);
  if (!rows) return undefined;
  const isShown = ({ at }: Row) => !isKnown || at <= newest.at || !reading.current;
  const shown = rows.filter(isShown);
  const show = () => {
    if (first !== undefined) setNewest({ list, at: first });
    window.scrollTo(0, 0);
  };
  return { shown, waiting: rows.length - shown.length, show };
}
