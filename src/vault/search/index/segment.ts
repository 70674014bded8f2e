/**
 * A segment: some rows of a work session, and for each hash the rows that have it. Rows are sorted by time, and named by
 * their position. Segments never change; several are merged into one.
 *
 * `documents` has 20 bytes for each row: number of the vault, `seq`, and µs since 1970, in network order. `postings` begins with the
 * places of its slots, 4 bytes each, and one more for the end. A slot has the entries whose hashes begin with its number, in
 * order: the other bits of the hash in 3 bytes, a varint (twice the length of the data, and 1 more for a bitmap), and
 * the data. A list has the varint of each distance to the position before, less one.
 */
export interface Segment {
  rows: number;
  slotBits: number;
  documents: Buffer;
  postings: Buffer;
}

export const DOCUMENT_BYTES = 20;
const MIN_SLOT_BITS = 8;
const MAX_SLOT_BITS = 16;
/** Entries of a slot, about. */
const ENTRIES_OF_SLOT = 16;

/** One row of a segment. */
export interface Document {
  vaultNo: number;
  seq: number;
  createdUs: number;
}

export function writeDocuments(documents: readonly Document[]): Buffer {
  const bytes = Buffer.allocUnsafe(documents.length * DOCUMENT_BYTES);
  for (const [n, { vaultNo, seq, createdUs }] of documents.entries()) {
    const at = n * DOCUMENT_BYTES;
    bytes.writeUInt32BE(vaultNo, at);
    bytes.writeBigInt64BE(BigInt(seq), at + 4);
    bytes.writeBigInt64BE(BigInt(createdUs), at + 12);
  }
  return bytes;
}

export const readDocuments = (bytes: Buffer): Document[] =>
  Array.from({ length: bytes.length / DOCUMENT_BYTES }, (_, n) => ({
    vaultNo: bytes.readUInt32BE(n * DOCUMENT_BYTES),
    seq: Number(bytes.readBigInt64BE(n * DOCUMENT_BYTES + 4)),
    createdUs: Number(bytes.readBigInt64BE(n * DOCUMENT_BYTES + 12)),
  }));

/** Writes the postings of a segment, entry by entry in the order of their hashes. */
export class PostingsWriter {
  readonly #rows: number;
  readonly slotBits: number;
  readonly #slots: number[] = [0];
  #bytes = Buffer.allocUnsafe(65_536);
  #end = 0;

  /** @param entries how many there will be, about */
  constructor(rows: number, entries: number) {
    this.#rows = rows;
    const bits = Math.round(Math.log2(Math.max(1, entries / ENTRIES_OF_SLOT)));
    this.slotBits = Math.max(MIN_SLOT_BITS, Math.min(MAX_SLOT_BITS, bits));
  }

  /** @param positions in ascending order */
  add(hash: number, positions: Uint32Array): void {
    const slot = hash >>> (32 - this.slotBits);
    while (this.#slots.length <= slot) this.#slots.push(this.#end);
    const bitmapBytes = (this.#rows + 7) >> 3;
    this.#reserve(8 + Math.max(bitmapBytes, positions.length * 5));
    const rest = hash & (2 ** (32 - this.slotBits) - 1);
    this.#bytes.writeUIntBE(rest, this.#end, 3);
    this.#end += 3;
    const length = listBytes(positions);
    if (length <= bitmapBytes) {
      this.#varint(length * 2);
      let before = -1;
      for (const position of positions) {
        this.#varint(position - before - 1);
        before = position;
      }
      return;
    }
    this.#varint(bitmapBytes * 2 + 1);
    this.#bytes.fill(0, this.#end, this.#end + bitmapBytes);
    for (const position of positions) {
      const at = this.#end + (position >> 3);
      this.#bytes[at] = (this.#bytes[at] ?? 0) | (1 << (position & 7));
    }
    this.#end += bitmapBytes;
  }

  finish(): Buffer {
    const slots = 2 ** this.slotBits;
    while (this.#slots.length <= slots) this.#slots.push(this.#end);
    const head = Buffer.allocUnsafe((slots + 1) * 4);
    for (let n = 0; n <= slots; n++) head.writeUInt32BE((this.#slots[n] ?? 0) + head.length, n * 4);
    return Buffer.concat([head, this.#bytes.subarray(0, this.#end)]);
  }

  #varint(value: number): void {
    let left = value;
    for (; left > 127; left >>>= 7) this.#bytes[this.#end++] = (left & 127) | 128;
    this.#bytes[this.#end++] = left;
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe((this.#end + bytes) * 2);
    this.#bytes.copy(larger, 0, 0, this.#end);
    this.#bytes = larger;
  }
}

function listBytes(positions: Uint32Array): number {
  let [bytes, before] = [0, -1];
  for (const position of positions) {
    const distance = position - before - 1;
    bytes += distance < 128 ? 1 : distance < 16_384 ? 2 : distance < 2_097_152 ? 3 : 4;
    before = position;
  }
  return bytes;
}

/** Reads entries one after the other. */
export class EntryReader {
  readonly #bytes: Buffer;
  #at: number;
  /** The bits of the hash beside the slot, and the data. */
  rest = 0;
  #isBitmap = false;
  #start = 0;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get at(): number {
    return this.#at;
  }

  /** @returns whether there was another entry */
  next(): boolean {
    if (this.#at >= this.#bytes.length) return false;
    this.rest = this.#bytes.readUIntBE(this.#at, 3);
    this.#at += 3;
    const length = this.#varint();
    this.#isBitmap = (length & 1) === 1;
    this.#start = this.#at;
    this.#at += length >>> 1;
    return true;
  }

  /** Bytes of the data of this entry: the fewer, the rarer. */
  get bytes(): number {
    return this.#at - this.#start;
  }

  /** The rows of this entry, a bit each, where it is written so. */
  get bitmap(): Uint8Array | undefined {
    return this.#isBitmap ? this.#bytes.subarray(this.#start, this.#at) : undefined;
  }

  /** Calls a function with each position of this entry, in ascending order. */
  each(use: (position: number) => void): void {
    const end = this.#at;
    if (this.#isBitmap) {
      for (let at = this.#start; at < end; at++) {
        for (let byte = this.#bytes[at] ?? 0; byte !== 0; byte &= byte - 1) {
          use((at - this.#start) * 8 + 31 - Math.clz32(byte & -byte));
        }
      }
      return;
    }
    this.#at = this.#start;
    for (let position = -1; this.#at < end; ) {
      position += this.#varint() + 1;
      use(position);
    }
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes[this.#at++] ?? 0;
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  }
}
