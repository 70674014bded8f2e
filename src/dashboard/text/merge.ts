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
  conflict?: { a: string[]; b: string[] };
}

/**
 * Puts two versions that come from the same text into one, line by line. Where both changed the same lines, both stay,
 * between the markers that developers know.
 */
export function mergeTexts(base: string, mine: string, theirs: string): Merge {
  const linesOf = (text: string) => text.split('\n');
  const regions = diff3Merge(linesOf(mine), linesOf(base), linesOf(theirs), {
    excludeFalseConflicts: true,
  }) as Region[];
  const lines = regions.flatMap(({ ok = [], conflict }) =>
    conflict ? [START, ...conflict.a, MIDDLE, ...conflict.b, END] : ok,
  );
  return { text: lines.join('\n'), clash: regions.some(({ conflict }) => conflict !== undefined) };
}

/** Whether a marker of a merge still stands in the text. */
export const hasMarkers = (text: string): boolean =>
  text.split('\n').some((line) => line === START || line === END);
