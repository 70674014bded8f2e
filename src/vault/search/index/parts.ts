import type { IndexedRow } from './rows.ts';

/** Rows of one vault that no segment has. */
export interface Part {
  bucket: number;
  vault_id: string;
  after: number;
  up_to: number;
  erasures: number;
  /** At most so many rows. */
  count: number;
  bytes: number;
}

/** The first parts that have enough rows or bytes, so that a statement does not look at rows of all parts. */
export function firstOf(parts: readonly Part[], rows: number, bytes: number): readonly Part[] {
  const sums = { rows: 0, bytes: 0 };
  const end = parts.findIndex((part) => {
    sums.rows += part.count;
    sums.bytes += part.bytes;
    return sums.rows >= rows || sums.bytes >= bytes;
  });
  return end < 0 ? parts : parts.slice(0, end + 1);
}

/** What is left of some parts after a row. */
export function partsAfter(parts: readonly Part[], last: IndexedRow | undefined): readonly Part[] {
  const at = parts.findIndex(({ vault_id }) => vault_id === last?.vault_id);
  const [part, ...others] = parts.slice(Math.max(0, at));
  if (!part || !last || last.seq >= part.up_to) return others;
  return [{ ...part, after: last.seq, count: Math.min(part.count, part.up_to - last.seq) }, ...others];
}

/** How far the vaults of some rows are indexed by them. */
export function partsOf(rows: readonly IndexedRow[], parts: readonly Part[]) {
  const known = new Map(parts.map((part) => [part.vault_id, part]));
  const done = new Map<string, Part>();
  for (const { vault_id, seq, content } of rows) {
    const part = done.get(vault_id) ?? { ...(known.get(vault_id) as Part), bytes: 0 };
    done.set(vault_id, { ...part, up_to: seq, bytes: part.bytes + Buffer.byteLength(content) });
  }
  return [...done.values()];
}
