import { diffLines, diffWordsWithSpace } from 'diff';

/** A stretch of text, and whether it came or went. */
export interface Change {
  kind: 'same' | 'added' | 'removed';
  text: string;
}

export interface Difference {
  /** What was compared: lines or the whole texts, where comparing words would take too long or show too much. */
  by: 'words' | 'lines' | 'nothing';
  changes: Change[];
}

/** Characters of both texts together up to which words are compared. */
const MAX_WORD_CHARACTERS = 60_000;
/** How long one comparison may take, in ms. */
const WORDS_MS = 200;
const LINES_MS = 100;
/** Changes that a page shows at most: each is an element. */
const MAX_CHANGES = 2000;

type Parts = { added: boolean; removed: boolean; value: string }[] | undefined;

function toDifference(by: 'words' | 'lines', parts: Parts): Difference | undefined {
  if (!parts || parts.length > MAX_CHANGES) return undefined;
  const changes = parts.map(
    ({ added, removed, value }): Change => ({
      kind: added ? 'added' : removed ? 'removed' : 'same',
      text: value,
    }),
  );
  return { by, changes };
}

function compareWords(before: string, after: string): Difference | undefined {
  if (before.length + after.length > MAX_WORD_CHARACTERS) return undefined;
  const intlSegmenter = new Intl.Segmenter(undefined, { granularity: 'word' });
  return toDifference('words', diffWordsWithSpace(before, after, { intlSegmenter, timeout: WORDS_MS }));
}

/** Both texts whole: the coarsest difference. */
export function replaceWhole(before: string, after: string): Difference {
  const removed: Change = { kind: 'removed', text: before };
  const added: Change = { kind: 'added', text: after };
  return { by: 'nothing', changes: [removed, added].filter(({ text }) => text !== '') };
}

/**
 * What changed between two texts, by words. Words are found as the languages of the world write them, so that Chinese
 * is not one word a sentence.
 */
export function compareTexts(before: string, after: string): Difference {
  return (
    compareWords(before, after) ??
    toDifference('lines', diffLines(before, after, { timeout: LINES_MS })) ??
    replaceWhole(before, after)
  );
}
