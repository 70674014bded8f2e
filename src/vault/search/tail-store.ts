import type { Database } from '../../db/client.ts';
import { searchTooLong } from '../../errors.ts';
import { toSafeNumber } from '../../numbers.ts';
import { byPlace, type Place } from './cursor.ts';
import { searchPattern } from './pattern.ts';
import type { Needle } from './query.ts';
import { CUTS, SCAN } from './sql.ts';

/** Rows of one vault that a search scans. */
export interface Range {
  vaultId: string;
  /** The `seq` before the first row. */
  after: number;
  /** The `seq` of the last row. */
  upTo: number;
  /** The last `seq` of the vault at the moment of the plan. */
  head: number;
  /** How many rows it has at most: the numbers of old rows have holes. */
  rows: number;
}

/** Rows that one statement scans, so that searches take turns. */
const SCANNED_ROWS = 5000;
/** Places that a scan of all ranges keeps. */
const KEPT = 256;
/** Needles that PostgreSQL looks for. The server looks for all. */
const PATTERNS = 3;

/** Whether a range is cut by its rows, because steps of its numbers would be many and nearly empty. */
const isSparse = ({ after, upTo, rows }: Range) => rows > SCANNED_ROWS && upTo - after > 2 * rows;

/** Cuts the sparse ones of some ranges into parts of `SCANNED_ROWS` rows. */
async function withoutHoles({ rows, ranges }: TailScan): Promise<Range[]> {
  const cut: Range[] = [];
  for (const range of ranges) {
    if (!isSparse(range)) {
      cut.push(range);
      continue;
    }
    const { vaultId, after, upTo } = range;
    const ends = await rows<{ seq: bigint }>(CUTS, vaultId, after, upTo, SCANNED_ROWS);
    let from = after;
    for (const end of [...ends.map(({ seq }) => toSafeNumber(seq)), upTo]) {
      cut.push({ ...range, after: from, upTo: end, rows: SCANNED_ROWS });
      from = end;
    }
  }
  return cut;
}

/** Groups ranges by `SCANNED_ROWS`, and cuts those that are longer. */
function* groupsOf(ranges: readonly Range[]): Generator<Range[]> {
  let group: Range[] = [];
  let room = SCANNED_ROWS;
  for (const range of ranges) {
    const isWhole = range.rows <= SCANNED_ROWS;
    for (let from = range.after; from < range.upTo; ) {
      if (room < (isWhole ? range.rows : 1)) {
        yield group;
        group = [];
        room = SCANNED_ROWS;
      }
      const upTo = isWhole ? range.upTo : Math.min(range.upTo, from + room);
      group.push({ ...range, after: from, upTo });
      room -= isWhole ? range.rows : upTo - from;
      from = upTo;
    }
  }
  if (group.length > 0) yield group;
}

/** The parts of patterns that `mayHold` reads. */
const patternsOf = (needles: readonly Needle[]) => {
  const longest = needles.toSorted((a, b) => b.form.length - a.form.length).slice(0, PATTERNS);
  return Array.from({ length: PATTERNS }, (_, n) =>
    longest[n] ? searchPattern(longest[n].text).slice(0, 2) : null,
  );
};

export interface TailScan {
  rows: Database['rows'];
  /** The first values of the statement. */
  values: readonly unknown[];
  ranges: readonly Range[];
  needles: readonly Needle[];
  isLate(): boolean;
}

/**
 * Scans ranges of rows. A row that is found may lack a needle, because PostgreSQL looks for few of them and in any case.
 * @returns the next places after one, newest first: at most `KEPT`, and fewer only where no more follow
 * @throws RelayError `SERVICE_UNAVAILABLE` when it takes too long
 */
async function scan({ rows, values, ranges, needles, isLate }: TailScan, after: Place | undefined) {
  const patterns = patternsOf(needles);
  let found: Place[] = [];
  for (const group of groupsOf(ranges)) {
    if (isLate()) throw searchTooLong();
    const places = await rows<{ vault_id: string; seq: bigint; created_us: bigint }>(
      SCAN,
      ...values,
      group.map(({ vaultId }) => vaultId),
      group.map(({ after: before }) => before),
      group.map(({ upTo }) => upTo),
      ...patterns,
      after?.createdUs ?? null,
      after?.vaultId ?? null,
      after?.seq ?? null,
      KEPT,
      group.map(({ head }) => head),
    );
    const more = places.map((row) => ({
      vaultId: row.vault_id,
      seq: toSafeNumber(row.seq),
      createdUs: toSafeNumber(row.created_us),
    }));
    if (more.length > 0) found = [...found, ...more].sort(byPlace).slice(0, KEPT);
  }
  return found;
}

/**
 * Yields the places of rows that may fit, newest first, in portions.
 * @throws RelayError as `scan`
 */
export async function* scanTail(tail: TailScan, after: Place | undefined): AsyncGenerator<Place[]> {
  const ranges = await withoutHoles(tail);
  for (let last = after; ; ) {
    const places = await scan({ ...tail, ranges }, last);
    if (places.length > 0) yield places;
    if (places.length < KEPT) return;
    last = places.at(-1);
  }
}
