import type { Caller } from '../../access/policy.ts';
import type { Database } from '../../db/client.ts';
import { RelayError, searchTooLong } from '../../errors.ts';
import { fold } from '../../fold.ts';
import { toSafeNumber } from '../../numbers.ts';
import type { Candidates } from '../read/list-store.ts';
import { makeDeadline } from '../read/portions.ts';
import { askingFor } from '../read/scan-store.ts';
import { byScore, type Place, type Scored, writeSearchCursor } from './cursor.ts';
import { Effort } from './effort.ts';
import { termsOf } from './index/grams.ts';
import { hitOf, type Match, matchesAmong, mergeNewest, placeOf } from './match.ts';
import { isLongEnough } from './query.ts';
import type { SearchHit } from './schema.ts';
import { scoreOf } from './score.ts';
import { SegmentGone, SegmentReader } from './segment-store.ts';
import { FETCH, LONGEST_WRITE_US, PLAN } from './sql.ts';
import { scanTail } from './tail-store.ts';
import { filterValues, vaultsOf, type Wanted } from './wanted.ts';

/** Hits among which the best are found: the newest ones. */
const BEST_OF = 500;

/** Rows of a scan that one statement fetches, and the most bytes of their texts. */
const PORTIONS = { first: 32, most: 32 };
const FETCHED_BYTES = 1_048_576;

export interface Hits {
  hits: SearchHit[];
  next: string | null;
}

/** Matches by which vaults are found. Where there are more, a scan of the vaults soon finds one in each. */
const MOST_IN_VAULTS = 500;
/** Candidates that are looked at for that, most of which may be old versions, and for how long, in ms. */
const MOST_CANDIDATES = 2000;
const VAULTS_WITHIN = 1000;
/** Unindexed rows that are scanned for that. */
const MOST_UNINDEXED = 5000;

/** A range of rows to scan, or a segment. */
interface PlanRow {
  vault_id: string | null;
  after: bigint;
  up_to: bigint;
  segment: bigint | null;
  /** Rows of the range, or more; rows of the segment. */
  rows: number;
  last_us: bigint;
  below: number;
  newest: bigint;
  now_us: bigint;
}

/** How much a search has looked at, and whether that is too much. */
interface Bounds {
  effort: Effort;
  isLate(): boolean;
}

/** Where a search begins. */
interface Start extends Bounds {
  after: Place | undefined;
  /** Looks at the plan before the search begins. @returns whether to begin */
  planned?(plan: readonly PlanRow[]): boolean;
}

/** Searches in the rows of a work session. */
export class VaultSearch {
  readonly #db: Pick<Database, 'read' | 'scan'>;

  constructor(db: Pick<Database, 'read' | 'scan'>) {
    this.#db = db;
  }

  /**
   * Finds rows in the vaults of a caller's work session. No vault of another work session is searched.
   * @throws RelayError `SERVICE_UNAVAILABLE` when the database is unavailable or the search takes too long
   */
  async find(caller: Caller, wanted: Wanted): Promise<Hits> {
    if (vaultsOf(caller, wanted)?.length === 0) return { hits: [], next: null };
    const bounds = { effort: new Effort(), isLate: makeDeadline() };
    for (;;) {
      try {
        return await (wanted.order === 'best'
          ? this.#best(caller, wanted, bounds)
          : this.#newest(caller, wanted, bounds));
      } catch (error) {
        if (!(error instanceof SegmentGone)) throw error;
        if (bounds.isLate()) throw searchTooLong();
      }
    }
  }

  /**
   * Finds the vaults of a caller's work session that have a text in a current row.
   * @returns undefined where a scan does it better: the text is short or common, many rows are not indexed, or the search is refused
   */
  async vaultsWith(caller: Caller, text: string): Promise<Candidates | undefined> {
    const needle = { text, form: fold(text), exact: false };
    if (!isLongEnough(needle)) return undefined;
    let moment: bigint | undefined;
    const planned = (plan: readonly PlanRow[]) => {
      const unindexed = plan.reduce((sum, { segment, rows }) => (segment === null ? sum + rows : sum), 0);
      if (unindexed <= MOST_UNINDEXED) moment = plan[0]?.now_us;
      return moment !== undefined;
    };
    const effort = new Effort();
    const until = performance.now() + VAULTS_WITHIN;
    const isLate = () => effort.rows > MOST_CANDIDATES || performance.now() > until;
    const vaultIds = new Set<string>();
    const wanted = { needles: [needle], history: false, order: 'newest', limit: 0 } as const;
    try {
      let matches = 0;
      const start = { after: undefined, effort, isLate, planned };
      for await (const { vaultId } of this.#matches(caller, wanted, start)) {
        if (++matches > MOST_IN_VAULTS) return undefined;
        vaultIds.add(vaultId);
      }
    } catch (error) {
      if (error instanceof SegmentGone || error instanceof RelayError) return undefined;
      throw error;
    }
    if (moment === undefined) return undefined;
    return { vaultIds: [...vaultIds], changedUs: toSafeNumber(moment) - LONGEST_WRITE_US };
  }

  async #newest(caller: Caller, wanted: Wanted, bounds: Bounds): Promise<Hits> {
    const { needles, limit, cursor } = wanted;
    const hits: SearchHit[] = [];
    let last: Match | undefined;
    for await (const match of this.#matches(caller, wanted, { after: cursor?.place, ...bounds })) {
      if (hits.length === limit && last) return { hits, next: writeSearchCursor({ place: placeOf(last) }) };
      hits.push(hitOf(match, needles));
      last = match;
    }
    return { hits, next: null };
  }

  /**
   * The best of the newest `BEST_OF` matches. Later pages begin with the same match, and show what follows the last hit: a hit that
   * was overridden meanwhile moves no other one.
   */
  async #best(caller: Caller, wanted: Wanted, bounds: Bounds): Promise<Hits> {
    const { needles, limit, cursor } = wanted;
    const after = cursor && { ...cursor.place, seq: cursor.place.seq + 1 };
    const scored: (Scored & { hit: SearchHit })[] = [];
    for await (const match of this.#matches(caller, wanted, { after, ...bounds })) {
      // Without the texts, because 500 of them may be large.
      scored.push({
        hit: hitOf(match, needles),
        place: placeOf(match),
        score: scoreOf(match.content, needles),
      });
      if (scored.length === BEST_OF) break;
    }
    const newest = cursor?.place ?? scored[0]?.place;
    const before = cursor?.last;
    const left = (before ? scored.filter((one) => byScore(before, one) < 0) : scored).toSorted(byScore);
    const page = left.slice(0, limit);
    const last = left.length > limit ? page.at(-1) : undefined;
    const next = newest && last ? writeSearchCursor({ place: newest, last }) : null;
    return { hits: page.map(({ hit }) => hit), next };
  }

  /**
   * Yields the rows that have all that is wanted at one moment, newest first.
   * @throws SegmentGone when the index has changed meanwhile
   */
  async *#matches(
    caller: Caller,
    wanted: Wanted,
    { after, effort, isLate, planned }: Start,
  ): AsyncGenerator<Match> {
    const { needles, sinceUs, untilUs } = wanted;
    const [scans, reads] = [askingFor(this.#db, caller, true), askingFor(this.#db, caller, false)];
    const rows: typeof reads = (sql, ...asked) => (effort.isLarge ? scans : reads)(sql, ...asked);
    const vaults = vaultsOf(caller, wanted);
    const lastUs = Math.min(
      untilUs === undefined ? Number.POSITIVE_INFINITY : untilUs - 1,
      after?.createdUs ?? Number.POSITIVE_INFINITY,
    );
    const plan = await reads<PlanRow>(
      PLAN,
      caller.workSessionId,
      vaults,
      sinceUs ?? null,
      Number.isFinite(lastUs) ? lastUs : null,
    );
    if (planned && !planned(plan)) return;
    const ranges = plan.flatMap(({ vault_id: vaultId, after: before, up_to: upTo, rows }) =>
      vaultId === null
        ? []
        : [
            {
              vaultId,
              after: toSafeNumber(before),
              upTo: toSafeNumber(upTo),
              head: toSafeNumber(upTo),
              rows,
            },
          ],
    );
    const heads = new Map(ranges.map(({ vaultId, head }) => [vaultId, head]));
    const segments = plan.flatMap(({ segment, rows, below, last_us: last }) =>
      segment === null ? [] : [{ segment, rows, below, lastUs: toSafeNumber(last) }],
    );
    segments.sort((a, b) => b.lastUs - a.lastUs);
    const values = filterValues(caller, wanted);
    const terms = termsOf(needles, { ...wanted, vault: undefined });
    const common = { values, needles, effort, isLate };
    const reader = new SegmentReader({
      ...common,
      rows,
      moment: [[...heads.keys()], [...heads.values()], plan[0]?.newest, plan[0]?.now_us],
      workSessionId: caller.workSessionId,
      segments,
      terms,
      vaults,
      after,
    });
    const tail = async function* () {
      if (ranges.length === 0) return;
      for await (const places of scanTail({ ...common, rows: scans, ranges }, after)) {
        const wantedRows = { ...PORTIONS, total: places.length, needles, effort };
        yield* matchesAmong(wantedRows, ({ at, count }) => {
          const asked = places.slice(at, at + count);
          return rows(
            FETCH,
            ...values,
            asked.map(({ vaultId }) => vaultId),
            asked.map(({ seq }) => seq),
            FETCHED_BYTES,
            asked.map(({ vaultId }) => heads.get(vaultId)),
          );
        });
      }
    };
    yield* mergeNewest([{ lastUs: Number.POSITIVE_INFINITY, open: tail }, ...reader.sources]);
  }
}
