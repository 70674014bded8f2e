import type { Secret } from '../../secrets/scan.ts';
import { keepBoth, type Merge } from '../text/merge.ts';
import { type Difference, replaceWhole } from '../text/words.ts';
import { Lane } from './lane.ts';

const lane = new Lane();

/** How long each step of a merge may take before a coarser one follows. */
const MERGE_MS = 300;
/** Longer than a comparison takes that keeps its own limits. */
const COMPARE_MS = 500;
const FORMAT_MS = 500;
const SCAN_MS = 500;

/** Two versions, and the text that both came from. */
export interface Sides {
  base: string;
  mine: string;
  theirs: string;
}

export interface Merged extends Merge {
  /** The granularity of the merge: within lines, by whole lines, or none. */
  by: 'words' | 'lines' | 'nothing';
}

/** Merges two versions: by words, else by lines, else by keeping both, as far as the time limit allows. */
export async function merge({ base, mine, theirs }: Sides, signal: AbortSignal): Promise<Merged> {
  const options = { limitMs: MERGE_MS, signal };
  const words = await lane.run('mergeTexts', [base, mine, theirs], options);
  if (words) return { ...words, by: 'words' };
  const lines = await lane.run('mergeLines', [base, mine, theirs], options);
  return lines ? { ...lines, by: 'lines' } : { ...keepBoth(mine, theirs), by: 'nothing' };
}

/** Compares two texts, as finely as the time limit allows. */
export async function compare(before: string, after: string, signal: AbortSignal): Promise<Difference> {
  const found = await lane.run('compareTexts', [before, after], { limitMs: COMPARE_MS, signal });
  return found ?? replaceWhole(before, after);
}

/** Formats Markdown as HTML that still has to be sanitised. @returns undefined where that takes too long or too much */
export const format = (text: string, signal: AbortSignal): Promise<string | undefined> =>
  lane.run('toHtml', [text], { limitMs: FORMAT_MS, signal });

/** Finds what looks like a secret, as far as the time limit allows. */
export const scan = async (text: string, signal: AbortSignal): Promise<Secret[]> =>
  (await lane.run('secretsIn', [text], { limitMs: SCAN_MS, signal })) ?? [];
