import { setImmediate as nextTurn } from 'node:timers/promises';
import { fold } from '../../../fold.ts';
import { toSafeNumber } from '../../../numbers.ts';
import { byPlace } from '../cursor.ts';
import { Collector } from './collector.ts';
import { eachGram, hashOfFact } from './grams.ts';
import type { Segment } from './segment.ts';

/** Characters of texts that are indexed before other work has its turn. */
const AT_ONCE = 32_768;

/** A row to index. */
export interface IndexedRow {
  vault_no: number;
  vault_id: string;
  seq: number;
  created_us: number;
  kind: string;
  writer_id: string;
  author: string | null;
  tags: string[];
  content: string;
}

/** As the driver returns it. */
export type Raw<T, K extends keyof T> = Omit<T, K> & Record<K, bigint>;

export type RawRow = Raw<IndexedRow, 'seq' | 'created_us'>;

export const rowOf = ({ seq, created_us, ...row }: RawRow): IndexedRow => ({
  ...row,
  seq: toSafeNumber(seq),
  created_us: toSafeNumber(created_us),
});

function addFacts(row: IndexedRow, add: (hash: number) => void): void {
  add(hashOfFact('vault', row.vault_id));
  add(hashOfFact('kind', row.kind));
  add(hashOfFact('writer', row.writer_id));
  if (row.author !== null) add(hashOfFact('author', row.author));
  for (const tag of row.tags) add(hashOfFact('tag', tag));
}

/** Makes a segment of rows in any order. Other work has its turn now and then. */
export async function segmentOf(rows: readonly IndexedRow[]): Promise<Segment> {
  const inOrder = rows
    .map((row) => ({ row, place: { createdUs: row.created_us, vaultId: row.vault_id, seq: row.seq } }))
    .sort((a, b) => -byPlace(a.place, b.place));
  const collector = new Collector();
  let done = 0;
  for (const { row } of inOrder) {
    const { vault_no: vaultNo, seq, created_us: createdUs } = row;
    collector.begin({ vaultNo, seq, createdUs });
    addFacts(row, collector.add);
    const form = fold(row.content);
    for (let at = 0; at < form.length; at += AT_ONCE) {
      // Two more characters, because a gram may begin in this part and end in the next.
      eachGram(form.slice(at, at + AT_ONCE + 2), collector.add);
      done += Math.min(AT_ONCE, form.length - at);
      if (done < AT_ONCE) continue;
      done = 0;
      await nextTurn();
    }
  }
  return collector.finish();
}
