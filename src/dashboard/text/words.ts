import { diffLines, diffWordsWithSpace } from 'diff';

/** A stretch of text, and whether it came or went. */
export interface Change {
  kind: 'same' | 'added' | 'removed';
  text: string;
}

export interface Difference {
  /** Lines, where comparing words would take too long to wait for. */
  by: 'words' | 'lines';
  changes: Change[];
}

/** Characters of both texts together up to which words are compared. */
const MAX_WORD_CHARACTERS = 60_000;
/** How long a comparison may keep the page from answering, in ms. */
const PATIENCE_MS = 400;

/**
 * What changed between two texts, by words. Words are found as the languages of the world write them, so that Chinese
 * is not one word a sentence.
 */
export function compareTexts(before: string, after: string): Difference {
  const intlSegmenter = new Intl.Segmenter(undefined, { granularity: 'word' });
  const short = before.length + after.length <= MAX_WORD_CHARACTERS;
  const words = short
    ? diffWordsWithSpace(before, after, { intlSegmenter, timeout: PATIENCE_MS })
    : undefined;
  const parts = words ?? diffLines(before, after, { timeout: PATIENCE_MS });
  const changes = parts?.map(
    ({ added, removed, value }): Change => ({
      kind: added ? 'added' : removed ? 'removed' : 'same',
      text: value,
    }),
  );
  return {
    by: words ? 'words' : 'lines',
    changes: changes ?? [
      { kind: 'removed', text: before },
      { kind: 'added', text: after },
    ],
  };
}
