import { diff3Merge } from 'node-diff3';

export interface Merge {
  text: string;
  /** Whether both sides changed the same lines, which then stand between markers. */
  clash: boolean;
}

const START = '<<<<<<<';
const MIDDLE = '=======';
const END = '>>>>>>>';

/** What the library answers; its own types leave it open. */
interface Region {
  ok?: string[];
  conflict?: { a: string[]; o: string[]; b: string[] };
}

const mergeParts = (mine: string[], base: string[], theirs: string[]): Region[] =>
  diff3Merge(mine, base, theirs, { excludeFalseConflicts: true }) as Region[];

/** The same lines, changed by both, word by word. @returns undefined where both changed the same words */
function mergeWords({ a, o, b }: NonNullable<Region['conflict']>): string | undefined {
  const wordsOf = (lines: string[]) => lines.join('\n').split(/(\s+)/);
  const regions = mergeParts(wordsOf(a), wordsOf(o), wordsOf(b));
  if (regions.some(({ conflict }) => conflict)) return undefined;
  return regions.flatMap(({ ok = [] }) => ok).join('');
}

/**
 * Puts two versions that come from the same text into one: line by line, and word by word within lines that both
 * changed. Where both changed the same words, both lines stay, between the markers that developers know.
 */
export function mergeTexts(base: string, mine: string, theirs: string): Merge {
  const linesOf = (text: string) => text.split('\n');
  let clash = false;
  const lines = mergeParts(linesOf(mine), linesOf(base), linesOf(theirs)).flatMap(({ ok = [], conflict }) => {
    if (!conflict) return ok;
    const words = mergeWords(conflict);
    if (words !== undefined) return [words];
    clash = true;
    return [START, ...conflict.a, MIDDLE, ...conflict.b, END];
  });
  return { text: lines.join('\n'), clash };
}

/** Whether a marker of a merge still stands in the text. */
export const hasMarkers = (text: string): boolean =>
  text.split('\n').some((line) => line === START || line === END);
