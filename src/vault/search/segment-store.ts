import type { Database } from '../../db/client.ts';
import { searchTooLong } from '../../errors.ts';
import { byPlace, type Place } from './cursor.ts';
import type { Effort } from './effort.ts';
import { candidatesOf } from './index/candidates.ts';
import { hashOfFact, type Term } from './index/grams.ts';
import { type FetchedRow, type Match, matchesAmong, type Source } from './match.ts';
import type { Needle } from './query.ts';
import { FETCH_POSITIONS, SLOTS } from './sql.ts';

/** Rows of the newest segment, and of others that are opened together, that are fetched first. These are enough for most pages. */
const FIRST_ROWS = 24;
const FIRST_ROWS_TOGETHER = 64;
/** Rows of each of them, at least. */
const LEAST_ROWS = 2;
/** The most rows of one segment that a later statement fetches. */
const MOST_ROWS = 256;
/** Most bytes of the texts that one statement fetches. */
const FETCHED_BYTES = 1_048_576;
/** Segments that are opened together, after the newest one, which may have enough. */
const OPENED_TOGETHER = 24;

/** Bytes of the smallest slots of a segment that are read at first. The slots of common letters have many more. */
const RARE_BYTES = 16_384;
/** Bytes of them that are read where there are many candidates. The others would hardly leave fewer. */
const MOST_BYTES = 131_072;
/** So few candidates are checked, instead of reading the other slots. */
const FEW_CANDIDATES = 64;

/** A segment as a search plans it. */
export interface PlannedSegment {
  segment: bigint;
  rows: number;
  lastUs: number;
  /** The positions to look at are below this one. */
  below: number;
}

/** The index was changed while a search went on, in a way that matters. The search begins again. */
export class SegmentGone extends Error {
  override readonly name = 'SegmentGone';
}

export interface SegmentScan {
  rows: Database['rows'];
  workSessionId: string;
  /** The first values of the statement that fetches rows. */
  values: readonly unknown[];
  /** The last values of it: what tells which rows were current at the moment of the plan. */
  moment: readonly unknown[];
  /** The newest first. */
  segments: readonly PlannedSegment[];
  terms: readonly Term[];
  /** The vaults to search; null: all. */
  vaults: readonly string[] | null;
  needles: readonly Needle[];
  /** The place before the first row. */
  after: Place | undefined;
  effort: Effort;
  isLate(): boolean;
}

/** A slot of a segment. `place`: that of the term, from 1. */
type Slot = { segment: bigint; slot_bits: number; place: number; bytes: Buffer | null };

/** Candidates of a segment, the newest first. */
interface LookedUp {
  positions: Uint32Array;
  /** Whether every term was looked up. */
  isWhole: boolean;
}

const allBelow = (below: number) => Uint32Array.from({ length: below }, (_, row) => below - 1 - row);

/** A row of a segment. */
type Spot = readonly [segment: bigint, position: number];

/** A segment that is open: its candidates, and the first rows of them. */
interface Opened {
  positions: Uint32Array;
  /** Of the positions, how many `first` stands for. */
  fetched: number;
  first: FetchedRow[];
}

/** The segments of a work session, as sources of matches. */
export class SegmentReader {
  readonly #scan: SegmentScan;
  readonly #opened: Opened[] = [];
  readonly #vaults: readonly Term[];

  constructor(scan: SegmentScan) {
    this.#scan = scan;
    this.#vaults = (scan.vaults ?? []).map((vault) => ({
      hash: hashOfFact('vault', vault),
      isPrefix: false,
    }));
  }

  get sources(): Source[] {
    return this.#scan.segments.map((planned, n) => ({
      lastUs: planned.lastUs,
      open: () => this.#matches(planned, n),
    }));
  }

  /** @throws RelayError `SERVICE_UNAVAILABLE` when it takes too long @throws SegmentGone */
  async *#matches({ segment }: PlannedSegment, n: number): AsyncGenerator<Match> {
    const { needles, after, effort } = this.#scan;
    while (this.#opened.length <= n) await this.#openMore();
    const opened = this.#opened[n] as Opened;
    const { positions, fetched } = opened;
    const fetch = async ({ at, count }: { at: number; count: number }) => {
      // Not kept, because the texts may be large.
      if (at === 0 && fetched > 0) return opened.first.splice(0);
      return this.#fetch([...positions.subarray(at, at + count)].map((position) => [segment, position]));
    };
    const wanted = {
      total: positions.length,
      needles,
      first: fetched || FIRST_ROWS,
      most: MOST_ROWS,
      effort,
    };
    for await (const match of matchesAmong(wanted, fetch)) {
      if (!after || byPlace(match, after) > 0) yield match;
    }
  }

  async #fetch(spots: readonly Spot[]): Promise<FetchedRow[]> {
    const { rows, values, moment, isLate } = this.#scan;
    if (isLate()) throw searchTooLong();
    const found = await rows<FetchedRow & { gone: boolean }>(
      FETCH_POSITIONS,
      ...values,
      spots.map(([segment]) => segment),
      spots.map(([, position]) => position),
      FETCHED_BYTES,
      ...moment,
    );
    if (found[0]?.gone !== false) throw new SegmentGone();
    return found.flatMap(({ gone: _, ...row }) => (row.place === null ? [] : [row]));
  }

  /** Opens the next segments. */
  async #openMore(): Promise<void> {
    const { segments } = this.#scan;
    const done = this.#opened.length;
    const next = segments.slice(done, done + (done === 0 ? 1 : OPENED_TOGETHER));
    const candidates = await this.#candidates(next);
    const all = candidates.reduce((sum, { length }) => sum + length, 0);
    const share = (done === 0 ? FIRST_ROWS : FIRST_ROWS_TOGETHER) / all;
    /** The more candidates a segment has, the more of the next hits are in it. */
    const firstOf = ({ length }: Uint32Array) => Math.min(length, LEAST_ROWS + Math.floor(length * share));
    const spots = candidates.flatMap((positions, n) =>
      Array.from(
        positions.subarray(0, firstOf(positions)),
        (position): Spot => [next[n]?.segment ?? 0n, position],
      ),
    );
    const found = spots.length === 0 ? [] : await this.#fetch(spots);
    // Rows behind one that did not fit are fetched when they are needed.
    const end = (found.find(({ content }) => content === null)?.place ?? spots.length + 1) - 1;
    let start = 0;
    for (const positions of candidates) {
      const count = firstOf(positions);
      const fetched = Math.max(0, Math.min(count, end - start));
      const [from, to] = [start, start + fetched];
      const rows = found.filter(({ place }) => place !== null && place > from && place <= to);
      this.#opened.push({ positions, fetched, first: rows });
      start += count;
    }
  }

  async #candidates(segments: readonly PlannedSegment[]): Promise<Uint32Array[]> {
    if (this.#scan.vaults) {
      // By one statement: whether another follows would tell what other vaults have.
      return (await this.#lookUp(segments, MOST_BYTES)).map(({ positions }) => positions);
    }
    if (this.#scan.terms.length === 0) return segments.map(({ below }) => allBelow(below));
    const found = await this.#lookUp(segments, RARE_BYTES);
    const isVague = ({ positions, isWhole }: LookedUp) => !isWhole && positions.length > FEW_CANDIDATES;
    const vague = segments.filter((_, n) => found[n] && isVague(found[n]));
    const narrowed = vague.length > 0 ? await this.#lookUp(vague, MOST_BYTES) : [];
    const byVague = new Map(vague.map((planned, n) => [planned, narrowed[n]]));
    return segments.map((planned, n) => (byVague.get(planned) ?? found[n])?.positions ?? new Uint32Array());
  }

  /** Looks up the candidates of some segments by the terms of the smallest slots. */
  async #lookUp(segments: readonly PlannedSegment[], bytesOfEach: number): Promise<LookedUp[]> {
    const { rows, workSessionId, terms, vaults, isLate } = this.#scan;
    if (isLate()) throw searchTooLong();
    const ids = segments.map(({ segment }) => segment);
    const slots = new Map<bigint, Slot[]>();
    const named = this.#vaults.length;
    const all = [...this.#vaults, ...terms];
    const hashes = all.map(({ hash }) => hash);
    for (const slot of await rows<Slot>(SLOTS, workSessionId, ids, hashes, bytesOfEach, named)) {
      const known = slots.get(slot.segment);
      if (known) known.push(slot);
      else slots.set(slot.segment, [slot]);
    }
    return segments.map(({ segment, rows: count, below }) => {
      const found = slots.get(segment);
      if (!found) throw new SegmentGone();
      const readable = found.flatMap(({ place, bytes }) => {
        const term = all[place - 1];
        return term && bytes ? [{ term, bytes, isVault: place <= named }] : [];
      });
      if (readable.length < found.length) return { positions: allBelow(below), isWhole: true };
      const positions = candidatesOf({
        rows: count,
        slotBits: found[0]?.slot_bits ?? 0,
        slots: readable.filter(({ isVault }) => !isVault),
        vaults: vaults ? readable.filter(({ isVault }) => isVault) : undefined,
      });
      const first = positions.findIndex((position) => position < below);
      return {
        positions: first < 0 ? new Uint32Array() : positions.subarray(first),
        isWhole: found.length === all.length,
      };
    });
  }
}
