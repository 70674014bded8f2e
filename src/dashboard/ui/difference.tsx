import { showReordering } from '../text/bidi.ts';
import type { Difference as Found } from '../text/words.ts';

interface DifferenceProps {
  /** Undefined while the texts are compared: then `after` is shown as it is. */
  found: Found | undefined;
  after: string;
}

/** A text with what came and what went. */
export function Difference({ found, after }: DifferenceProps) {
  const changes = found?.changes ?? [{ kind: 'same', text: after }];
  return (
    <div className="difference" dir="auto" aria-busy={!found}>
      {changes.map(({ kind, text }, index) => {
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
