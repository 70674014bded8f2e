import { z } from 'zod';
import type { VaultEntry } from '../schema.ts';

/** What a tool's answer has beside its rows: what it is, and how to continue. */
const AROUND = 1024;
const DEFAULT = 24_576;
const MIN = 4096;
export const MAX_BUDGET = 1_000_000;

/** The argument with which a model bounds what an answer costs it. */
export const maxBytes = z.int().min(MIN).max(MAX_BUDGET).default(DEFAULT).meta({
  description: 'Longest answer.',
});

/** The bytes that the rows of an answer may have. */
export const budgetOfRows = (max: number = DEFAULT): number => max - AROUND;

/** An entry whose text is longer than the whole answer may be. */
export interface Cut {
  /** Of the text in UTF-8. */
  bytes: number;
  shown_bytes: number;
}

const bytesAsJson = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

/** The longest beginning of a text that takes at most `room` bytes as JSON, in whole characters. */
function beginningOf(text: string, room: number): string {
  let [fits, tooLong] = [0, text.length + 1];
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    if (bytesAsJson(text.slice(0, middle)) <= room) fits = middle;
    else tooLong = middle;
  }
  const beginning = text.slice(0, fits);
  return beginning.isWellFormed() ? beginning : beginning.slice(0, -1);
}

/**
 * Cuts the text of a row that alone is longer than the budget. The store returns such a row alone on its page.
 * @returns the rows, and what was cut
 */
export function cutToFit(
  entries: readonly VaultEntry[],
  budget: number,
): { entries: readonly VaultEntry[]; cut: Cut | null } {
  const [only, another] = entries;
  if (!only || another) return { entries, cut: null };
  const excess = bytesAsJson(only) - budget;
  if (excess <= 0) return { entries, cut: null };
  const content = beginningOf(only.content, bytesAsJson(only.content) - excess);
  const [bytes, shown_bytes] = [Buffer.byteLength(only.content), Buffer.byteLength(content)];
  return { entries: [{ ...only, content }], cut: { bytes, shown_bytes } };
}

/** A budget with which the whole row fits. @returns undefined where none is large enough */
export function budgetFor(entry: VaultEntry): number | undefined {
  const needed = Math.ceil((bytesAsJson(entry) + AROUND) / 1000) * 1000;
  return needed > MAX_BUDGET ? undefined : needed;
}
