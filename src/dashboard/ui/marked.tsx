import { showReordering } from '../text/bidi.ts';

interface MarkedProps {
  text: string;
  /** Start and end of each match in UTF-16 code units, in order. */
  matches: readonly (readonly [start: number, end: number])[];
}

/** Another person's text on one line, with marks on what was found. */
export function Marked({ text, matches }: MarkedProps) {
  return (
    <bdi>
      {matches.map(([start, end], n) => (
        <span key={start}>
          {showReordering(text.slice(matches[n - 1]?.[1] ?? 0, start))}
          <mark>{showReordering(text.slice(start, end))}</mark>
        </span>
      ))}
      {showReordering(text.slice(matches.at(-1)?.[1] ?? 0))}
    </bdi>
  );
}
