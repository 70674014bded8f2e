import type { Database } from '../../../db/client.ts';
import { isReadOnly, readFault } from '../../../db/pg-errors.ts';
import { toSafeNumber } from '../../../numbers.ts';
import { mergeSegments } from './merge.ts';
import { firstOf, type Part, partsAfter, partsOf } from './parts.ts';
import { type IndexedRow, type Raw, type RawRow, rowOf, segmentOf } from './rows.ts';
import { readDocuments, type Segment } from './segment.ts';
import {
  BEHIND,
  LOST,
  MERGEABLE,
  NUMBER_VAULTS,
  READ_ONLY,
  ROWS,
  ROWS_AT,
  SIZE,
  STORE,
  UNINDEXED,
  VAULT_IDS,
} from './sql.ts';

export interface SegmentSizes {
  /** Rows of a segment that is made of rows. So many of a work session are not indexed, and searches scan them. */
  rows: number;
  /** The bytes of their texts. Whichever is reached first. */
  bytes: number;
  /** Segments that are merged into one. */
  merged: number;
  /** Vaults that one look at work sessions joins. */
  swept: number;
}

const SIZES: SegmentSizes = { rows: 1024, bytes: 262_144, merged: 8, swept: 20_000 };
const MERGED_BYTES = 8_388_608;
/** Bytes of texts that one statement reads; one more text may be longer. */
const READ_BYTES = 524_288;

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);

/** What a step of the builder did. */
export interface Step {
  /** Rows that became part of a segment. */
  rows: number;
  /** Whether another step may have work. */
  more: boolean;
}

const TAKER = { group: 'search index', caller: 'search index' };

/** Makes the segments of work sessions. */
export class IndexBuilder {
  readonly #rows: Database['rows'];
  readonly #sizes: SegmentSizes;
  /** Whether the database has refused a write since `isReadOnly`. */
  wasRefused = false;

  constructor(db: Pick<Database, 'scan'>, sizes: Partial<SegmentSizes> = {}) {
    // In turn with searches, so that the index never takes the last connection.
    this.#rows = async <Row>(sql: string, ...values: unknown[]) => {
      try {
        return await db.scan<Row>(TAKER, sql, ...values);
      } catch (error) {
        if (isReadOnly(readFault((error as Error).cause))) this.wasRefused = true;
        throw error;
      }
    };
    this.#sizes = { ...SIZES, ...sizes };
  }

  #isEnough(rows: number, bytes: number): boolean {
    return rows >= this.#sizes.rows || bytes >= this.#sizes.bytes;
  }

  /**
   * Looks at a part of the vaults.
   * @param after the work session before the first
   * @returns the work sessions that may have enough rows for a segment, and after which one to go on; '': from the start
   * @throws RelayError `SERVICE_UNAVAILABLE`
   */
  async behind(after = ''): Promise<{ workSessionIds: string[]; next: string }> {
    const { rows, bytes, swept } = this.#sizes;
    const found = await this.#rows<{ work_session_id: string | null; next: string | null }>(
      BEHIND,
      rows,
      bytes,
      after,
      swept,
    );
    const next = found[0]?.next ?? '';
    const behind = found.flatMap(({ work_session_id }) => work_session_id ?? []);
    return { workSessionIds: next === '' ? behind : [...new Set([...behind, next])], next };
  }

  /** @returns the bytes of the index in the database @throws RelayError `SERVICE_UNAVAILABLE` */
  async size(): Promise<number> {
    const [row] = await this.#rows<{ bytes: bigint }>(SIZE);
    return Number(row?.bytes ?? 0);
  }

  /** @returns whether the database refuses writes @throws RelayError `SERVICE_UNAVAILABLE` */
  async isReadOnly(): Promise<boolean> {
    const [row] = await this.#rows<{ is: boolean }>(READ_ONLY);
    this.wasRefused = row?.is === true;
    return this.wasRefused;
  }

  /**
   * Makes one segment of rows, if there are enough, and merges segments, if there are enough. Every number of servers may do it at
   * once: the first to finish is stored.
   * @param signal stops it between two statements
   * @throws RelayError `SERVICE_UNAVAILABLE`; the reason of the signal
   */
  async step(workSessionId: string, signal?: AbortSignal): Promise<Step> {
    const found = await this.#rows<Raw<Part, 'after' | 'up_to' | 'bytes'>>(
      UNINDEXED,
      workSessionId,
      this.#sizes.rows,
    );
    signal?.throwIfAborted();
    const parts = found.map(({ after, up_to, bytes, ...part }) => ({
      ...part,
      after: toSafeNumber(after),
      up_to: toSafeNumber(up_to),
      bytes: toSafeNumber(bytes),
    }));
    const count = sum(parts.map((part) => part.count));
    if (!this.#isEnough(count, sum(parts.map(({ bytes }) => bytes)))) {
      const again =
        (await this.#rebuild(workSessionId, signal)) || (await this.#merge(workSessionId, signal));
      return { rows: 0, more: again };
    }
    const vaultIds = parts.map(({ vault_id }) => vault_id);
    await this.#rows(NUMBER_VAULTS, vaultIds);
    const rows = await this.#read(parts, signal);
    if (rows.length === 0) return { rows: 0, more: false };
    const segment = await segmentOf(rows);
    const made = { workSessionId, level: 0, parts: partsOf(rows, parts) };
    const stored = await this.#store(made, segment, signal);
    signal?.throwIfAborted();
    await this.#merge(workSessionId, signal);
    return { rows: stored ? rows.length : 0, more: true };
  }

  /** Reads the rows of the next segment. */
  async #read(parts: readonly Part[], signal: AbortSignal | undefined): Promise<IndexedRow[]> {
    const rows: IndexedRow[] = [];
    let bytes = 0;
    for (let left = parts; left.length > 0 && !this.#isEnough(rows.length, bytes); ) {
      signal?.throwIfAborted();
      const most = this.#sizes.rows - rows.length;
      const mostBytes = Math.min(READ_BYTES, this.#sizes.bytes - bytes);
      const asked = firstOf(left, most, mostBytes);
      const read = await this.#rows<RawRow>(
        ROWS,
        asked.map(({ vault_id }) => vault_id),
        asked.map(({ after }) => after),
        asked.map(({ up_to }) => up_to),
        most,
        mostBytes,
      );
      for (const row of read) {
        rows.push(rowOf(row));
        bytes += Buffer.byteLength(row.content);
      }
      left = read.length === 0 ? left.slice(asked.length) : partsAfter(left, rows.at(-1));
    }
    return rows;
  }

  /** Builds a segment again that has lost its postings. @returns whether there was one */
  async #rebuild(workSessionId: string, signal: AbortSignal | undefined): Promise<boolean> {
    const [lost] = await this.#rows<{ segment: bigint; level: number; documents: Buffer }>(
      LOST,
      workSessionId,
    );
    if (!lost) return false;
    const documents = readDocuments(lost.documents);
    const segments: Segment[] = [];
    const vaultIds = new Map<number, string>();
    for (let at = 0; at < documents.length; ) {
      signal?.throwIfAborted();
      const part = documents.slice(at, at + this.#sizes.rows);
      const read = await this.#rows<RawRow & { place: number }>(
        ROWS_AT,
        part.map(({ vaultNo }) => vaultNo),
        part.map(({ seq }) => seq),
        READ_BYTES,
      );
      for (const { vault_no, vault_id } of read) vaultIds.set(vault_no, vault_id);
      segments.push(await segmentOf(read.map(({ place: _, ...row }) => rowOf(row))));
      at += read.at(-1)?.place ?? part.length;
    }
    const replaced = [String(lost.segment)];
    return this.#store(
      { workSessionId, level: lost.level, replaced },
      await mergeSegments(segments, vaultIds),
      signal,
    );
  }

  /** @returns whether segments were merged */
  async #merge(workSessionId: string, signal: AbortSignal | undefined): Promise<boolean> {
    const found = await this.#rows<Segment & { segment: bigint; level: number; slot_bits: number }>(
      MERGEABLE,
      workSessionId,
      this.#sizes.merged,
      MERGED_BYTES,
    );
    if (found.length < 2) return false;
    signal?.throwIfAborted();
    const segments = found.map(({ slot_bits: slotBits, ...segment }) => ({ ...segment, slotBits }));
    const numbers = new Set(
      segments.flatMap(({ documents }) => readDocuments(documents).map(({ vaultNo }) => vaultNo)),
    );
    const named = await this.#rows<{ vault_no: number; vault_id: string }>(VAULT_IDS, [...numbers]);
    const vaultIds = new Map(named.map(({ vault_no, vault_id }) => [vault_no, vault_id]));
    const replaced = found.map(({ segment }) => String(segment));
    return this.#store(
      { workSessionId, level: (found[0]?.level ?? 0) + 1, replaced },
      await mergeSegments(segments, vaultIds),
      signal,
    );
  }

  async #store(
    {
      workSessionId,
      level,
      parts = [],
      replaced = [],
    }: { workSessionId: string; level: number; parts?: object[]; replaced?: string[] },
    { rows, slotBits, documents, postings }: Segment,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    signal?.throwIfAborted();
    const all = readDocuments(documents);
    const made = {
      work_session_id: workSessionId,
      level,
      rows,
      slot_bits: slotBits,
      first_us: all[0]?.createdUs,
      last_us: all.at(-1)?.createdUs,
      parts,
      replaced,
    };
    const [row] = await this.#rows<{ stored: boolean }>(STORE, JSON.stringify(made), documents, postings);
    return row?.stored === true;
  }
}
