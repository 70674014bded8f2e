import { showReordering } from '../text/bidi.ts';
import type { Change } from '../text/words.ts';

/** A text with what came and what went. @param show leaves one of the two out */
export function Difference({ changes, show }: { changes: Change[]; show?: 'added' | 'removed' }) {
  const shown = changes.filter(({ kind }) => kind === 'same' || show === undefined || kind === show);
  return (
    <div className="difference" dir="auto">
      {shown.map(({ kind, text }, index) => {
        const words = showReordering(text);
        // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a text have no other name
        if (kind === 'added') return <ins key={index}>{words}</ins>;
        // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a text have no other name
        if (kind === 'removed') return <del key={index}>{words}</del>;
        return words;
      })}
    </div>
  );
}
