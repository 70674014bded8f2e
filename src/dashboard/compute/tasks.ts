import { findBrokenRow, hashTexts } from '../proof/hash.ts';
import { toHtml } from '../text/markdown.ts';
import { mergeLines, mergeTexts } from '../text/merge.ts';
import { compareTexts } from '../text/words.ts';

/** Computations on strangers' texts, which may take long: they run in a worker, each with a time limit. */
export const TASKS = { mergeTexts, mergeLines, compareTexts, toHtml, findBrokenRow, hashTexts };

export type Tasks = typeof TASKS;
