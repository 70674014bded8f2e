import type { Term } from './grams.ts';
import { EntryReader } from './segment.ts';

/** So few rows are checked faster than another list is read. */
const FEW = 32;

/** The slot of a term. */
export interface Slot {
  term: Term;
  bytes: Buffer;
}

/** The slots of a segment that a search asks for. */
export interface Slots {
  rows: number;
  slotBits: number;
  /** Rows have every one of these terms. */
  slots: readonly Slot[];
  /** Rows have one of these terms, which name vaults; undefined: they are in any vault. */
  vaults?: readonly Slot[] | undefined;
}

/** The rows of a term, in one list or in several. */
interface List {
  bytes: number;
  entries: EntryReader[];
}

/** @returns undefined where no row has the term */
function listOf({ term: { hash, isPrefix }, bytes }: Slot, slotBits: number) {
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

/** The rows of any of some terms; undefined: there is no such row. */
function unionOf(slots: readonly Slot[], slotBits: number): List | undefined {
  const lists = slots.flatMap((slot) => listOf(slot, slotBits) ?? []);
  const entries = lists.flatMap((list) => list.entries);
  const bytes = lists.reduce((sum, list) => sum + list.bytes, 0);
  return entries.length > 0 ? { bytes, entries } : undefined;
}

/**
 * Finds the rows that may have every term. Within some vaults, all lists count: what other vaults have must not decide how many rows
 * are looked at.
 * @returns their positions, the newest first
 */
export function candidatesOf({ rows, slotBits, slots, vaults }: Slots): Uint32Array {
  const lists: List[] = [];
  for (const slot of slots) {
    const list = listOf(slot, slotBits);
    if (!list) return new Uint32Array();
    lists.push(list);
  }
  lists.sort((a, b) => a.bytes - b.bytes);
  if (vaults) {
    const union = unionOf(vaults, slotBits);
    if (!union) return new Uint32Array();
    lists.unshift(union);
  }
  const bits = new Uint8Array((rows + 7) >> 3).fill(0xff);
  let left = rows;
  for (const list of lists) {
    left = intersect(bits, list);
    if (left <= FEW && !vaults) break;
  }
  const candidates = new Uint32Array(left);
  for (let position = rows - 1, n = 0; n < left; position--) {
    if (((bits[position >> 3] ?? 0) & (1 << (position & 7))) !== 0) candidates[n++] = position;
  }
  return candidates;
}
