import { setImmediate as nextTurn } from 'node:timers/promises';
import { byPlace } from '../cursor.ts';
import {
  type Document,
  EntryReader,
  PostingsWriter,
  readDocuments,
  type Segment,
  writeDocuments,
} from './segment.ts';

/** Entries that are merged before other work has its turn. */
const AT_ONCE = 2000;

/** Reads the entries of a segment with their hashes. */
class HashReader extends EntryReader {
  readonly #slots: Buffer;
  readonly #slotBits: number;
  #slot = 0;
  hash = 0;

  constructor({ postings, slotBits }: Segment) {
    const head = (2 ** slotBits + 1) * 4;
    super(postings, head);
    this.#slots = postings.subarray(0, head);
    this.#slotBits = slotBits;
  }

  override next(): boolean {
    const { at } = this;
    if (!super.next()) return false;
    while (this.#slots.readUInt32BE((this.#slot + 1) * 4) <= at) this.#slot++;
    this.hash = this.#slot * 2 ** (32 - this.#slotBits) + this.rest;
    return true;
  }
}

/** @returns all rows in the order of time, and the new position of each row of each segment */
function mergeDocuments(segments: readonly Segment[], vaultIds: ReadonlyMap<number, string>) {
  const rows = segments.flatMap(({ documents }, part) =>
    readDocuments(documents).map((document, position) => ({
      document,
      part,
      position,
      vaultId: vaultIds.get(document.vaultNo) ?? '',
    })),
  );
  rows.sort((a, b) => -byPlace({ ...a.document, vaultId: a.vaultId }, { ...b.document, vaultId: b.vaultId }));
  const moved = segments.map(({ rows: count }) => new Uint32Array(count));
  const documents: Document[] = [];
  for (const { document, part, position } of rows) {
    const positions = moved[part];
    if (positions) positions[position] = documents.length;
    documents.push(document);
  }
  return { documents, moved };
}

/**
 * Merges segments of one work session. Other work has its turn now and then.
 * @param vaultIds the id of each vault by its number
 */
export async function mergeSegments(
  segments: readonly Segment[],
  vaultIds: ReadonlyMap<number, string>,
): Promise<Segment> {
  const { documents, moved } = mergeDocuments(segments, vaultIds);
  const readers = segments.map((segment, part) => ({ reader: new HashReader(segment), part }));
  let open = readers.filter(({ reader }) => reader.next());
  const bytes = segments.reduce((sum, { postings }) => sum + postings.length, 0);
  // An entry of a merged segment has about this many bytes.
  const writer = new PostingsWriter(documents.length, bytes / 40);
  const positions = new Uint32Array(documents.length);
  for (let merged = 1; open.length > 0; merged++) {
    let lowest = open[0]?.reader.hash ?? 0;
    for (const { reader } of open) if (reader.hash < lowest) lowest = reader.hash;
    let [count, sorted, ended] = [0, true, false];
    for (const { reader, part } of open) {
      if (reader.hash !== lowest) continue;
      const map = moved[part];
      reader.each((position) => {
        const to = map?.[position] ?? 0;
        if (count > 0 && to < (positions[count - 1] ?? 0)) sorted = false;
        positions[count++] = to;
      });
      if (!reader.next()) {
        reader.hash = -1;
        ended = true;
      }
    }
    if (ended) open = open.filter(({ reader }) => reader.hash >= 0);
    const list = positions.subarray(0, count);
    writer.add(lowest, sorted ? list : list.sort());
    if (merged % AT_ONCE === 0) await nextTurn();
  }
  const { slotBits } = writer;
  return {
    rows: documents.length,
    slotBits,
    documents: writeDocuments(documents),
    postings: writer.finish(),
  };
}
