import { setImmediate as nextTurn } from 'node:timers/promises';
import { toSafeNumber } from '../../numbers.ts';
import { byPlace, type Place } from './cursor.ts';
import type { Effort } from './effort.ts';
import { hasAll, type Needle } from './query.ts';
import type { SearchHit } from './schema.ts';
import { snippetOf } from './snippet.ts';

/** A row as the statements fetch it. */
export interface FetchedRow extends Omit<SearchHit, 'seq' | 'snippet' | 'matches'> {
  /** From 1. Null: there is no row. */
  place: number | null;
  seq: bigint;
  created_us: bigint;
  /** Null: it did not fit. */
  content: string | null;
}

/** A row that a search has found. */
export interface Match extends Place {
  row: FetchedRow;
  content: string;
}

export const placeOf = ({ createdUs, vaultId, seq }: Place): Place => ({ createdUs, vaultId, seq });

export function hitOf({ row, content, seq }: Match, needles: readonly Needle[]): SearchHit {
  const { place: _, created_us: __, content: ___, ...facts } = row;
  return { ...facts, seq, ...snippetOf(content, needles) };
}

/** Rows that one statement asks for. */
export interface Asked {
  /** Of those before, how many have been looked at. */
  at: number;
  count: number;
}

/** Rows of a later portion, at least, because each portion is a statement. */
const NEXT_ROWS = 16;
/** Rows of a portion after one of which the database kept less than one in `SPARSE`, as where most versions are old. */
const SPARSE_ROWS = 4096;
const SPARSE = 8;

/** Rows to look at. */
export interface Among {
  total: number;
  needles: readonly Needle[];
  /** Rows of the first portion. */
  first: number;
  /** The most rows of a portion, unless few are kept. */
  most: number;
  effort: Effort;
}

/**
 * Fetches rows in portions, and yields those that have all needles.
 * @param fetch fetches some of them, in order
 */
export async function* matchesAmong(
  { total, needles, first, most, effort }: Among,
  fetch: (asked: Asked) => Promise<readonly FetchedRow[]>,
): AsyncGenerator<Match> {
  let size = first;
  for (let at = 0; at < total; ) {
    const count = Math.min(size, total - at);
    let seen = count;
    effort.addRows(count);
    const rows = await fetch({ at, count });
    for (const row of rows) {
      const { place, content, vault_id: vaultId } = row;
      if (place === null) break;
      if (content === null) {
        seen = place - 1;
        break;
      }
      if (effort.addText(content)) await nextTurn();
      if (!hasAll(content, needles)) continue;
      yield { row, content, vaultId, seq: toSafeNumber(row.seq), createdUs: toSafeNumber(row.created_us) };
    }
    at += seen;
    size = Math.min(Math.max(size * 2, NEXT_ROWS), rows.length * SPARSE < count ? SPARSE_ROWS : most);
  }
}

/** A source of matches, newest first. */
export interface Source {
  /** No match of it is newer. */
  lastUs: number;
  open(): AsyncIterator<Match>;
}

/** Merges sources. A source is opened when its newest row may be the next. @param sources the newest first */
export async function* mergeNewest(sources: readonly Source[]): AsyncGenerator<Match> {
  const heads: { match: Match; rest: AsyncIterator<Match> }[] = [];
  const pull = async (rest: AsyncIterator<Match>) => {
    const { done, value } = await rest.next();
    if (!done) heads.push({ match: value, rest });
    heads.sort((a, b) => byPlace(a.match, b.match));
  };
  let opened = 0;
  for (;;) {
    for (
      let next = sources[opened];
      next && next.lastUs >= (heads[0]?.match.createdUs ?? Number.NEGATIVE_INFINITY);
      next = sources[++opened]
    ) {
      await pull(next.open());
    }
    const best = heads.shift();
    if (!best) return;
    yield best.match;
    await pull(best.rest);
  }
}
