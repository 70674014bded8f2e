import type { AnswerBounds } from '../../answer.ts';
import { answerTooLarge, searchTooLong } from '../../errors.ts';
import { PORTION_BYTES, PORTION_ROWS } from './portion-sql.ts';

/** Rows that one statement returned, and the position of the next ones. */
export interface Portion<At> {
  /** The rows as JSON texts with commas between them. */
  readonly json: string;
  /** All rows as a JSON array in UTF-8, where they are kept so. */
  readonly body?: Buffer;
  rows: number;
  /** Bytes of the JSON in UTF-8. */
  bytes: number;
  /** Where the next portion begins; null at the end. */
  next: At | null;
  /** Whether a row is known to follow. If this is false and `next` is set, the rest is not scanned yet. */
  more: boolean;
}

/** The request for one portion. */
export interface PortionWanted<At> {
  /** Undefined: from the start. */
  at?: At | undefined;
  rows: number;
  bytes: number;
  /** Bytes of content to make JSON of. The default is half of `bytes`, because escaped characters have up to six bytes. */
  weight?: number;
  /** Whether the answer has rows already. If so, a first row that does not fit is left out. */
  begun?: boolean;
  /** Returns only the size of the rows. */
  measures?: boolean;
  /** Whether other portions came before. If so, the read takes turns with others, because its reader is far behind. */
  continues?: boolean;
}

export type FetchPortion<At> = (wanted: PortionWanted<At>) => Promise<Portion<At>>;

/** The rows of an answer. */
export interface Rows<At> {
  readonly json: string;
  /** All rows as a JSON array in UTF-8, where they are kept so. */
  readonly body?: Buffer;
  /** Later rows, fetched on demand; undefined: none. */
  rest?: AsyncGenerator<string> | undefined;
  /** Bytes that the rows take in memory until they are sent. */
  bytes: number;
  /** Where the next page begins; null on the last page. */
  next: At | null;
}

/** Rows that one statement measures. */
const MEASURED_ROWS = 5000;

/** How long one request may scan rows that it does not show, in ms. */
const SEARCH_MS = 5000;

/** @param at where the page begins; undefined: at the start */
export const firstPortion = <At>(
  limit: number | undefined,
  at: At | undefined,
  { maxBytes }: AnswerBounds,
): PortionWanted<At> => ({
  at,
  rows: Math.min(limit ?? PORTION_ROWS, PORTION_ROWS),
  bytes: Math.min(maxBytes, PORTION_BYTES),
});

/** The rows that a request asks for. */
export interface RowsWanted extends AnswerBounds {
  /** Undefined: all. */
  limit: number | undefined;
  /** Upper bound for the JSON of all rows, in bytes; undefined: unknown. */
  ceiling?: number | undefined;
}

/**
 * Makes an answer from its first portion and the later ones. A page, with `limit`, ends when its rows or its bytes are
 * full. An answer without `limit` has every row, so it is measured before its first byte is sent.
 * @throws RelayError `ANSWER_TOO_LARGE`, or `SERVICE_UNAVAILABLE` when the search takes too long
 */
export async function completeRows<At>(
  first: Portion<At>,
  fetch: FetchPortion<At>,
  { limit, ceiling, maxBytes, streams }: RowsWanted,
): Promise<Rows<At>> {
  if (first.next === null) return first;
  if (limit !== undefined) return gather(first, fetch, { limit, maxBytes, streams });
  if (streams) {
    if (ceiling === undefined || ceiling > maxBytes) await measure(first, fetch, maxBytes);
    // The portion in flight and the next one.
    return { json: first.json, rest: follow(first, fetch), bytes: 2 * PORTION_BYTES, next: null };
  }
  const rows = await gather(first, fetch, { limit: Number.MAX_SAFE_INTEGER, maxBytes, streams });
  if (rows.next !== null) throw answerTooLarge(maxBytes);
  return rows;
}

/** @returns a function that tells whether a request has scanned for as long as it may */
export const makeDeadline = () => {
  const until = performance.now() + SEARCH_MS;
  return () => performance.now() > until;
};

/** Collects portions until the page is full, no rows are left, or the search reaches its time-out. */
async function gather<At>(
  first: Portion<At>,
  fetch: FetchPortion<At>,
  { limit, maxBytes, streams }: AnswerBounds & { limit: number },
): Promise<Rows<At>> {
  const isLate = makeDeadline();
  const parts = [first.json];
  let { rows, bytes, next, more } = first;
  let room = Math.min(maxBytes - bytes, PORTION_BYTES);
  let weight: number | undefined;
  while (next !== null && !(rows === limit && more) && !isLate()) {
    const wanted = {
      at: next,
      rows: Math.min(limit - rows, PORTION_ROWS),
      bytes: room,
      begun: rows > 0,
      continues: true,
      ...(weight !== undefined && { weight }),
    };
    const portion: Portion<At> = await fetch(wanted);
    // The next row is larger than a portion, or than the space left on the page.
    if (portion.rows === 0 && portion.more && rows < limit) {
      if (weight !== undefined) break;
      room = maxBytes - bytes;
      weight = room;
      continue;
    }
    weight = undefined;
    if (portion.rows > 0) parts.push(portion.json);
    rows += portion.rows;
    bytes += portion.bytes;
    ({ next, more } = portion);
    room = Math.min(maxBytes - bytes, PORTION_BYTES);
  }
  return {
    ...handOver(
      parts.filter((part) => part !== ''),
      streams,
    ),
    bytes,
    next,
  };
}

/** Joins the parts only where the answer cannot be streamed, because joining copies long texts. */
function handOver([first = '', ...others]: string[], streams: boolean): Pick<Rows<never>, 'json' | 'rest'> {
  if (others.length === 0) return { json: first };
  return streams ? { json: first, rest: each(others) } : { json: [first, ...others].join(',') };
}

async function* each(parts: string[]): AsyncGenerator<string> {
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) yield part;
}

/** @throws RelayError `ANSWER_TOO_LARGE` when all rows together have more than `maxBytes` */
async function measure<At>(first: Portion<At>, fetch: FetchPortion<At>, maxBytes: number): Promise<void> {
  const isLate = makeDeadline();
  let { bytes, next } = first;
  while (next !== null) {
    const left = Math.max(0, maxBytes - bytes);
    const wanted = { at: next, rows: MEASURED_ROWS, bytes: left, weight: left, begun: true };
    const portion: Portion<At> = await fetch({ ...wanted, measures: true });
    if (portion.more && portion.rows < MEASURED_ROWS) throw answerTooLarge(maxBytes);
    if (isLate()) throw searchTooLong();
    bytes += portion.bytes;
    next = portion.next;
  }
}

/** Yields the portions after the first, each fetched on demand. */
async function* follow<At>(first: Portion<At>, fetch: FetchPortion<At>): AsyncGenerator<string> {
  for (let { next } = first; next !== null; ) {
    const portion: Portion<At> = await fetch({
      at: next,
      rows: PORTION_ROWS,
      bytes: PORTION_BYTES,
      continues: true,
    });
    if (portion.rows > 0) yield portion.json;
    next = portion.next;
  }
}
