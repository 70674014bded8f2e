import type { Term } from './grams.ts';
import { EntryReader } from './segment.ts';

/** So few rows are checked faster than another list is read. */
const FEW = 32;

/** The slots of a segment that a search asks for. */
export interface Slots {
  rows: number;
  slotBits: number;
  /** The slot of each term. */
  slots: readonly { term: Term; bytes: Buffer }[];
}

/** The rows of a term, in one list or in several. */
interface List {
  bytes: number;
  entries: EntryReader[];
}

/** @returns undefined where no row has the term */
function listOf({ term: { hash, isPrefix }, bytes }: Slots['slots'][number], slotBits: number) {
  const rest = hash & (2 ** (32 - slotBits) - 1);
  const list: List = { bytes: 0, entries: [] };
  for (const reader = new EntryReader(bytes); ; ) {
    const { at } = reader;
    if (!reader.next()) break;
    if (isPrefix ? reader.rest >>> 16 !== rest >>> 16 : reader.rest !== rest) continue;
    const entry = new EntryReader(bytes, at);
    entry.next();
    list.entries.push(entry);
    list.bytes += entry.bytes;
    if (!isPrefix) break;
  }
  return list.entries.length > 0 ? list : undefined;
}

/** Keeps of some bits those that a list has too. @returns how many */
function intersect(bits: Uint8Array, { entries }: List): number {
  const [entry] = entries;
  const listed = entries.length === 1 ? entry?.bitmap : undefined;
  const others = listed ?? new Uint8Array(bits.length);
  if (!listed) for (const one of entries) one.each((position) => setBit(others, position));
  let left = 0;
  for (let at = 0; at < bits.length; at++) {
    const both = (bits[at] ?? 0) & (others[at] ?? 0);
    bits[at] = both;
    for (let byte = both; byte !== 0; byte &= byte - 1) left++;
  }
  return left;
}

function setBit(bits: Uint8Array, position: number): void {
  const at = position >> 3;
  bits[at] = (bits[at] ?? 0) | (1 << (position & 7));
}

/** @returns the positions of rows that may have every term, the newest first */
export function candidatesOf({ rows, slotBits, slots }: Slots): Uint32Array {
  const lists: List[] = [];
  for (const slot of slots) {
    const list = listOf(slot, slotBits);
    if (!list) return new Uint32Array();
    lists.push(list);
  }
  lists.sort((a, b) => a.bytes - b.bytes);
  const bits = new Uint8Array((rows + 7) >> 3).fill(0xff);
  let left = rows;
  for (const list of lists) {
    left = intersect(bits, list);
    if (left <= FEW) break;
  }
  const candidates = new Uint32Array(left);
  for (let position = rows - 1, n = 0; n < left; position--) {
    if (((bits[position >> 3] ?? 0) & (1 << (position & 7))) !== 0) candidates[n++] = position;
  }
  return candidates;
}
