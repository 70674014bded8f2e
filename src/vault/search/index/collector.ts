import { type Document, PostingsWriter, type Segment, writeDocuments } from './segment.ts';

/** Twice as large, with the same beginning. */
function grown<A extends Uint32Array | Int32Array>(array: A): A {
  const larger = new (array.constructor as new (length: number) => A)(array.length * 2);
  larger.set(array);
  return larger;
}

/** Collects the hashes of rows, and makes a segment of them. */
export class Collector {
  /** By hash: the number of the gram, plus one. Open addressing. */
  #table = new Uint32Array(65_536);
  /** By number of the gram. */
  #hashes = new Uint32Array(32_768);
  #counts = new Uint32Array(32_768);
  #lastRow = new Int32Array(32_768);
  #grams = 0;
  /** The grams of each row, one row after the other. */
  #postings = new Uint32Array(262_144);
  #end = 0;
  readonly #ends: number[] = [];
  readonly documents: Document[] = [];

  /** @param document a row, whose hashes are added next; later ones are newer */
  begin(document: Document): void {
    if (this.documents.length > 0) this.#ends.push(this.#end);
    this.documents.push(document);
  }

  readonly add = (hash: number): void => {
    const row = this.documents.length - 1;
    const gram = this.#gramOf(hash);
    if (this.#lastRow[gram] === row) return;
    this.#lastRow[gram] = row;
    this.#counts[gram] = (this.#counts[gram] ?? 0) + 1;
    if (this.#end === this.#postings.length) this.#postings = grown(this.#postings);
    this.#postings[this.#end++] = gram;
  };

  #gramOf(hash: number): number {
    const mask = this.#table.length - 1;
    let at = hash & mask;
    for (let known = this.#table[at]; known; at = (at + 1) & mask, known = this.#table[at]) {
      if (this.#hashes[known - 1] === hash) return known - 1;
    }
    const gram = this.#grams++;
    if (gram === this.#hashes.length) {
      this.#hashes = grown(this.#hashes);
      this.#counts = grown(this.#counts);
      this.#lastRow = grown(this.#lastRow);
    }
    this.#hashes[gram] = hash;
    this.#lastRow[gram] = -1;
    this.#table[at] = gram + 1;
    if (this.#grams * 2 > this.#table.length) this.#rehash();
    return gram;
  }

  #rehash(): void {
    this.#table = new Uint32Array(this.#table.length * 2);
    const mask = this.#table.length - 1;
    for (let gram = 0; gram < this.#grams; gram++) {
      let at = (this.#hashes[gram] ?? 0) & mask;
      while (this.#table[at]) at = (at + 1) & mask;
      this.#table[at] = gram + 1;
    }
  }

  finish(): Segment {
    const rows = this.documents.length;
    const starts = new Uint32Array(this.#grams + 1);
    for (let gram = 0; gram < this.#grams; gram++) {
      starts[gram + 1] = (starts[gram] ?? 0) + (this.#counts[gram] ?? 0);
    }
    const positions = new Uint32Array(this.#end);
    const next = starts.slice();
    for (let at = 0, row = 0; at < this.#end; at++) {
      while (row < this.#ends.length && at >= (this.#ends[row] ?? 0)) row++;
      const gram = this.#postings[at] ?? 0;
      positions[next[gram] ?? 0] = row;
      next[gram] = (next[gram] ?? 0) + 1;
    }
    const writer = new PostingsWriter(rows, this.#grams);
    for (const hash of this.#hashes.slice(0, this.#grams).sort()) {
      const gram = this.#gramOf(hash);
      writer.add(hash, positions.subarray(starts[gram], starts[gram + 1]));
    }
    const { slotBits } = writer;
    return { rows, slotBits, documents: writeDocuments(this.documents), postings: writer.finish() };
  }
}
