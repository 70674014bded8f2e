import { diff3Merge } from 'node-diff3';

export interface Merge {
  text: string;
  /** Whether both sides changed the same lines, so that the text contains conflict markers. */
  clash: boolean;
}

const START = '<<<<<<<';
const MIDDLE = '=======';
const END = '>>>>>>>';

/** The result of the library, which its types do not describe. */
interface Region {
  ok?: string[];
  conflict?: { a: string[]; o: string[]; b: string[] };
}

const mergeParts = (mine: string[], base: string[], theirs: string[]): Region[] =>
  diff3Merge(mine, base, theirs, { excludeFalseConflicts: true }) as Region[];

const markBoth = (mine: string[], theirs: string[]): string[] => [START, ...mine, MIDDLE, ...theirs, END];

/** Each word with the blanks after it: blanks alone would repeat so often that the comparison takes quadratic time. */
const wordsOf = (lines: string[]): string[] => lines.join('\n').match(/^\s+|\S+\s*/g) ?? [];

/** Merges lines that both sides changed, word by word. @returns undefined where both changed the same words */
function mergeWords({ a, o, b }: NonNullable<Region['conflict']>): string | undefined {
  const regions = mergeParts(wordsOf(a), wordsOf(o), wordsOf(b));
  if (regions.some(({ conflict }) => conflict)) return undefined;
  return regions.flatMap(({ ok = [] }) => ok).join('');
}

function merge([base, mine, theirs]: string[], mergeConflict: typeof mergeWords): Merge {
  const linesOf = (text = '') => text.split('\n');
  let clash = false;
  const lines = mergeParts(linesOf(mine), linesOf(base), linesOf(theirs)).flatMap(({ ok = [], conflict }) => {
    if (!conflict) return ok;
    const merged = mergeConflict(conflict);
    if (merged !== undefined) return [merged];
    clash = true;
    return markBoth(conflict.a, conflict.b);
  });
  return { text: lines.join('\n'), clash };
}

/**
 * Merges two versions that come from the same text: line by line, and lines that both changed word by word. Where both
 * changed the same words, both versions of the lines stay, between the markers that developers know. Texts that repeat
 * themselves take quadratic time, so callers bound it.
 */
export const mergeTexts = (base: string, mine: string, theirs: string): Merge =>
  merge([base, mine, theirs], mergeWords);

/** As `mergeTexts`, by whole lines: coarser, and faster. */
export const mergeLines = (base: string, mine: string, theirs: string): Merge =>
  merge([base, mine, theirs], () => undefined);

/** Both versions whole, between markers: what is left to do when merging takes too long. */
export const keepBoth = (mine: string, theirs: string): Merge => ({
  text: markBoth([mine], [theirs]).join('\n'),
  clash: true,
});

/** Whether the text still contains a conflict marker. */
export const hasMarkers = (text: string): boolean => /^(?:<{7}|>{7})$/m.test(text);
