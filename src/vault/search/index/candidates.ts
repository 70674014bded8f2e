import { EntryReader } from './segment.ts';

/** So few rows are checked faster than another list is read. */
const FEW = 32;

/** The slots of a segment that a search asks for. */
export interface Slots {
  rows: number;
  slotBits: number;
  /** By hash, in the order that was asked for. */
  slots: readonly { hash: number; bytes: Buffer }[];
}

function findEntry(bytes: Buffer, rest: number): EntryReader | undefined {
  const reader = new EntryReader(bytes);
  while (reader.next()) if (reader.rest === rest) return reader;
  return undefined;
}

/** @returns the positions of rows that may have every hash, the newest first */
export function candidatesOf({ rows, slotBits, slots }: Slots): Uint32Array {
  const lists: EntryReader[] = [];
  for (const { hash, bytes } of slots) {
    const entry = findEntry(bytes, hash & (2 ** (32 - slotBits) - 1));
    if (!entry) return new Uint32Array();
    lists.push(entry);
  }
  lists.sort((a, b) => a.bytes - b.bytes);
  /** How many lists have a row, as long as each list before has it. */
  const had = new Uint8Array(rows);
  let [left, read] = [rows, 0];
  for (const list of lists) {
    let still = 0;
    list.each((position) => {
      if (had[position] !== read) return;
      had[position] = read + 1;
      still++;
    });
    read++;
    left = still;
    if (left <= FEW) break;
  }
  const candidates = new Uint32Array(left);
  for (let position = rows - 1, n = 0; n < left; position--) {
    if (had[position] === read) candidates[n++] = position;
  }
  return candidates;
}
