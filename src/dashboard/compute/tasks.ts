import { findBrokenRow, hashTexts } from '../proof/hash.ts';
import { toHtml } from '../text/markdown.ts';
import { mergeLines, mergeTexts } from '../text/merge.ts';
import { secretsIn } from '../text/secrets.ts';
import { compareTexts } from '../text/words.ts';

/** Computations on untrusted texts. They run in a worker with a time limit, because they may take long. */
export const TASKS = { mergeTexts, mergeLines, compareTexts, toHtml, findBrokenRow, hashTexts, secretsIn };

export type Tasks = typeof TASKS;
