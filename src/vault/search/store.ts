import type { Caller } from '../../access/policy.ts';
import type { Database } from '../../db/client.ts';
import { toSafeNumber } from '../../numbers.ts';
import { makeDeadline } from '../read/portions.ts';
import { askingFor } from '../read/scan-store.ts';
import { byPlace, type Place, type SearchCursor, writeSearchCursor } from './cursor.ts';
import { hasAll, type Needle } from './query.ts';
import type { SearchHit } from './schema.ts';
import { scoreOf } from './score.ts';
import { snippetOf } from './snippet.ts';
import { FETCH, PLAN } from './sql.ts';
import { scanTail } from './tail-store.ts';
import { filterValues, vaultsOf, type Wanted } from './wanted.ts';

/** Hits among which the best are found: the newest ones. */
export const BEST_OF = 500;

/** Rows that one statement fetches, and the most bytes of their texts. */
const FETCHED_ROWS = 32;
const FETCHED_BYTES = 1_048_576;

export interface Hits {
  hits: SearchHit[];
  next: string | null;
}

/** A row as `FETCH` returns it. */
interface FetchedRow extends Omit<SearchHit, 'seq' | 'snippet' | 'matches'> {
  /** From 1. */
  place: number;
  seq: bigint;
  created_us: bigint;
  /** Null: it did not fit. */
  content: string | null;
}

/** A row that a search has found. */
interface Match extends Place {
  row: FetchedRow;
  content: string;
}

function hitOf({ row, content, seq }: Match, needles: readonly Needle[]): SearchHit {
  const { place: _, created_us: __, content: ___, ...facts } = row;
  return { ...facts, seq, ...snippetOf(content, needles) };
}

/** Searches in the rows of a work session. */
export class VaultSearch {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Finds rows that a caller's work session wrote into its vaults. No vault of another work session is searched.
   * @throws RelayError `SERVICE_UNAVAILABLE` when the database is unavailable or the search takes too long
   */
  async find(caller: Caller, wanted: Wanted): Promise<Hits> {
    return wanted.order === 'best' ? this.#best(caller, wanted) : this.#newest(caller, wanted);
  }

  async #newest(caller: Caller, wanted: Wanted): Promise<Hits> {
    const { needles, limit, cursor } = wanted;
    const hits: SearchHit[] = [];
    let last: Match | undefined;
    for await (const match of this.#matches(caller, wanted, cursor?.place)) {
      if (hits.length === limit && last) return { hits, next: writeSearchCursor({ place: placeOf(last) }) };
      hits.push(hitOf(match, needles));
      last = match;
    }
    return { hits, next: null };
  }

  /** The best of the newest `BEST_OF` matches. Later pages begin with the same match, so that they agree. */
  async #best(caller: Caller, wanted: Wanted): Promise<Hits> {
    const { needles, limit, cursor } = wanted;
    const from = cursor && { ...cursor.place, seq: cursor.place.seq + 1 };
    const scored: { match: Match; score: number }[] = [];
    for await (const match of this.#matches(caller, wanted, from)) {
      scored.push({ match, score: scoreOf(match.content, needles) });
      if (scored.length === BEST_OF) break;
    }
    const newest = scored[0]?.match;
    scored.sort((a, b) => b.score - a.score || byPlace(a.match, b.match));
    const { shown = 0 } = cursor ?? {};
    const page = scored.slice(shown, shown + limit);
    const isAll = shown + limit >= scored.length;
    const next: SearchCursor | null =
      isAll || !newest ? null : { place: placeOf(newest), shown: shown + limit };
    return { hits: page.map(({ match }) => hitOf(match, needles)), next: next && writeSearchCursor(next) };
  }

  /** Yields the rows that have all that is wanted, newest first. @param after the place before the first */
  async *#matches(caller: Caller, wanted: Wanted, after: Place | undefined): AsyncGenerator<Match> {
    const { needles, sinceUs } = wanted;
    const rows = askingFor(this.#db, caller, true);
    const plan = await rows<{ vault_id: string; after: bigint; up_to: bigint }>(
      PLAN,
      caller.workSessionId,
      vaultsOf(caller, wanted),
      sinceUs ?? null,
    );
    const ranges = plan.map(({ vault_id: vaultId, after: before, up_to: upTo }) => ({
      vaultId,
      after: toSafeNumber(before),
      upTo: toSafeNumber(upTo),
    }));
    const values = filterValues(caller, wanted);
    const tail = { rows, values, ranges, needles, isLate: makeDeadline() };
    for await (const places of scanTail(tail, after)) {
      yield* this.#fetch(caller, wanted, places);
    }
  }

  /** Yields those of the rows at some places that have all that is wanted. */
  async *#fetch(caller: Caller, wanted: Wanted, places: readonly Place[]): AsyncGenerator<Match> {
    const rows = askingFor(this.#db, caller, false);
    const values = filterValues(caller, wanted);
    for (let at = 0; at < places.length; ) {
      const asked = places.slice(at, at + FETCHED_ROWS);
      const found = await rows<FetchedRow>(
        FETCH,
        ...values,
        asked.map(({ vaultId }) => vaultId),
        asked.map(({ seq }) => seq),
        FETCHED_BYTES,
      );
      const left = found.find(({ content }) => content === null);
      for (const row of found) {
        const { content, vault_id: vaultId } = row;
        if (content === null) break;
        const [seq, createdUs] = [toSafeNumber(row.seq), toSafeNumber(row.created_us)];
        if (hasAll(content, wanted.needles)) yield { row, content, vaultId, seq, createdUs };
      }
      at += left ? left.place - 1 : asked.length;
    }
  }
}

const placeOf = ({ createdUs, vaultId, seq }: Place): Place => ({ createdUs, vaultId, seq });
