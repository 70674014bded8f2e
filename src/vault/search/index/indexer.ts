import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import type { VaultFeed } from '../../follow/feed.ts';
import type { IndexBuilder } from './builder-store.ts';
import { longerRest, Retries } from './retries.ts';

/** Writes into a work session, or bytes of them, after which the indexer looks whether there is enough for a segment. */
const LOOK_AFTER = 256;
const LOOK_AFTER_BYTES = 262_144;
/** Interval of the look at the vaults, for rows that no server has announced. */
const SWEEP_MS = 60_000;
/** While writes are queued, the indexer rests this many times as long as it worked. */
const REST = 12;
const MOST_REST_MS = 5000;
/** So many writes may be queued without a rest, as they are for an instant at any load. */
const FEW_WRITES = 8;

export interface IndexerDeps {
  builder: IndexBuilder;
  feed: VaultFeed;
  log: Pick<FastifyBaseLogger, 'warn'>;
  /** The number of queued writes. */
  queued(): number;
  /** Rests for some ms, or until the signal is aborted. Default: by the clock. */
  rest?(ms: number, signal: AbortSignal): Promise<void>;
  /** The clock, in ms. Default: that of the process. */
  now?(): number;
}

const restByClock = async (ms: number, signal: AbortSignal) => {
  await pause(ms, undefined, { signal, ref: false }).catch(() => undefined); // woken early
};

/** What the indexer has done and has to do. */
export interface IndexState {
  /** Work sessions to look at. */
  waiting: number;
  /** How long the first of them has waited, in seconds. */
  lag: number;
  /** Rows that this server has indexed. */
  rows: number;
  /** Bytes of the index in the database. */
  bytes: number;
}

/** Keeps the index close behind the writes: one segment at a time, with rests while writes wait. */
export class Indexer {
  readonly #deps: Required<IndexerDeps>;
  /** Writes since the last look, and their bytes as far as they are known, by work session. */
  readonly #writes = new Map<string, { count: number; bytes: number }>();
  /** Work sessions to look at, and since when, the first one first. */
  readonly #waiting = new Map<string, number>();
  /** The same ones in turn, so that one with many rows does not hold up the others. */
  readonly #turns = new Set<string>();
  readonly #retries = new Retries();
  readonly #stop = new AbortController();
  readonly #unlisten: () => void;
  #wake: () => void = () => undefined;
  #rows = 0;
  #bytes = 0;
  /** The rest after the last failure that concerns all work sessions. */
  #retryMs = 0;
  /** The work session after which the next sweep begins. */
  #sweptTo = '';
  #ended: Promise<void> | undefined;

  constructor(deps: IndexerDeps) {
    this.#deps = { rest: restByClock, now: () => performance.now(), ...deps };
    this.#unlisten = deps.feed.listen(({ workSessionId, bytes = 0 }) => {
      const before = this.#writes.get(workSessionId);
      const writes = { count: (before?.count ?? 0) + 1, bytes: (before?.bytes ?? 0) + bytes };
      this.#writes.set(workSessionId, writes);
      if (writes.count < LOOK_AFTER && writes.bytes < LOOK_AFTER_BYTES) return;
      this.#writes.delete(workSessionId);
      this.look(workSessionId);
    });
  }

  /** Begins to index. */
  start(): void {
    this.#ended = this.#run();
  }

  get state(): IndexState {
    const now = this.#deps.now();
    const [first = now] = this.#waiting.values();
    const lag = (now - first) / 1000;
    return { waiting: this.#waiting.size, lag, rows: this.#rows, bytes: this.#bytes };
  }

  /** Looks soon whether a work session has enough rows for a segment. */
  look(workSessionId: string): void {
    if (!this.#waiting.has(workSessionId)) this.#waiting.set(workSessionId, this.#deps.now());
    this.#turns.add(workSessionId);
    this.#wake();
  }

  /** Begins to end: the builder stops after its statement. */
  stop(): void {
    this.#unlisten();
    this.#stop.abort();
    this.#wake();
  }

  /** Ends, and waits for a statement that has begun. */
  async close(): Promise<void> {
    this.stop();
    await this.#ended;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let swept = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      try {
        await this.#whenWritable();
        if (this.#deps.now() - swept >= SWEEP_MS) {
          // First, so that a sweep that fails does not stop the indexing.
          swept = this.#deps.now();
          await this.#sweep();
        }
        const next = this.#next();
        if (next === undefined) await this.#sleep(swept + SWEEP_MS);
        else await this.#index(next);
      } catch (error) {
        if (signal.aborted) return;
        const ms = longerRest(this.#retryMs);
        if (ms > this.#retryMs) this.#warn(error as Error);
        this.#retryMs = ms;
        await this.#deps.rest(ms, signal);
      }
    }
  }

  /** @throws Error while the database refuses writes, each of which would drop all connections of the server */
  async #whenWritable(): Promise<void> {
    const { builder } = this.#deps;
    if (builder.wasRefused && (await builder.isReadOnly())) throw new Error('The database is read-only');
  }

  async #sweep(): Promise<void> {
    this.#writes.clear();
    const { workSessionIds, next } = await this.#deps.builder.behind(this.#sweptTo);
    this.#sweptTo = next;
    for (const workSessionId of workSessionIds) this.look(workSessionId);
    this.#bytes = await this.#deps.builder.size();
    this.#retryMs = 0;
  }

  /** @returns the work session whose turn it is, without those that failed a short time ago */
  #next(): string | undefined {
    const now = this.#deps.now();
    for (const workSessionId of this.#turns) {
      if (this.#retries.mayTry(workSessionId, now)) return workSessionId;
    }
    return undefined;
  }

  async #index(workSessionId: string): Promise<void> {
    const { queued, rest, now, builder } = this.#deps;
    const begun = now();
    this.#turns.delete(workSessionId);
    this.#turns.add(workSessionId);
    try {
      const { rows, more } = await builder.step(workSessionId, this.#stop.signal);
      this.#rows += rows;
      if (!more) this.#done(workSessionId);
      this.#retries.succeeded(workSessionId);
      this.#retryMs = 0;
    } catch (error) {
      this.#failed(workSessionId, error as Error);
    }
    if (queued() > FEW_WRITES) await rest(Math.min(MOST_REST_MS, (now() - begun) * REST), this.#stop.signal);
  }

  #done(workSessionId: string): void {
    this.#waiting.delete(workSessionId);
    this.#turns.delete(workSessionId);
  }

  /** Lets one work session wait. @throws the error where it concerns all of them */
  #failed(workSessionId: string, error: Error): void {
    if (this.#deps.builder.wasRefused || this.#stop.signal.aborted) throw error;
    const retry = this.#retries.failed(workSessionId, this.#deps.now());
    if (!retry) throw error;
    if (retry.isLonger) this.#warn(error);
  }

  #warn({ message: reason }: Error): void {
    this.#deps.log.warn({ reason }, 'Could not build the search index');
  }

  /** Waits until a time, or until a work session may be looked at. */
  async #sleep(until: number): Promise<void> {
    const waking = new AbortController();
    this.#wake = () => waking.abort();
    if (this.#stop.signal.aborted || this.#next() !== undefined) return;
    const { now, rest } = this.#deps;
    const { next } = this.#retries;
    const sleep = Number.isFinite(next) ? rest : restByClock;
    await sleep(Math.max(1, Math.min(until, next) - now()), waking.signal);
  }
}
