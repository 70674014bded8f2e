import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import type { VaultFeed } from '../../follow/feed.ts';
import type { IndexBuilder } from './builder-store.ts';

/** Writes into a work session after which the indexer looks whether there is enough for a segment. */
const LOOK_AFTER = 256;
/** Interval of the look at all work sessions, for rows that no server has announced. */
const SWEEP_MS = 60_000;
/** While writes are queued, the indexer rests this many times as long as it worked. */
const REST = 12;
const MOST_REST_MS = 5000;
/** So many writes may be queued without a rest, as they are for an instant at any load. */
const FEW_WRITES = 8;
/** After a failure. Further ones double it, up to `SWEEP_MS`. */
const RETRY_MS = 5000;

export interface IndexerDeps {
  builder: IndexBuilder;
  feed: VaultFeed;
  log: Pick<FastifyBaseLogger, 'warn'>;
  /** The number of queued writes. */
  queued(): number;
  /** Rests for some ms, or until the signal is aborted. Default: by the clock. */
  rest?(ms: number, signal: AbortSignal): Promise<void>;
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
  /** Writes since the last look, by work session. */
  readonly #writes = new Map<string, number>();
  /** Work sessions to look at, and since when. */
  readonly #waiting = new Map<string, number>();
  readonly #stop = new AbortController();
  readonly #unlisten: () => void;
  #wake: () => void = () => undefined;
  #rows = 0;
  #bytes = 0;
  #retryMs = 0;
  #ended: Promise<void> | undefined;

  constructor(deps: IndexerDeps) {
    this.#deps = { rest: restByClock, ...deps };
    this.#unlisten = deps.feed.listen(({ workSessionId }) => {
      const writes = (this.#writes.get(workSessionId) ?? 0) + 1;
      this.#writes.set(workSessionId, writes % LOOK_AFTER);
      if (writes >= LOOK_AFTER) this.look(workSessionId);
    });
  }

  /** Begins to index. */
  start(): void {
    this.#ended = this.#run();
  }

  get state(): IndexState {
    const now = performance.now();
    const first = [...this.#waiting.values()].reduce((earliest, since) => Math.min(earliest, since), now);
    const lag = (now - first) / 1000;
    return { waiting: this.#waiting.size, lag, rows: this.#rows, bytes: this.#bytes };
  }

  /** Looks soon whether a work session has enough rows for a segment. */
  look(workSessionId: string): void {
    if (!this.#waiting.has(workSessionId)) this.#waiting.set(workSessionId, performance.now());
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
        if (performance.now() - swept >= SWEEP_MS) {
          // First, so that a sweep that fails does not stop the indexing.
          swept = performance.now();
          this.#writes.clear();
          for (const workSessionId of await this.#deps.builder.behind()) this.look(workSessionId);
          this.#bytes = await this.#deps.builder.size();
        }
        const [next] = this.#waiting.keys();
        if (next !== undefined) await this.#index(next);
        else await this.#sleep(Math.max(1, swept + SWEEP_MS - performance.now()));
        this.#retryMs = 0;
      } catch (error) {
        if (signal.aborted) return;
        await this.#restAfter(error as Error);
      }
    }
  }

  async #index(workSessionId: string): Promise<void> {
    const begun = performance.now();
    const since = this.#waiting.get(workSessionId) ?? begun;
    // Work sessions take turns, so that one with many rows, or one that fails, does not hold up the others.
    this.#waiting.delete(workSessionId);
    this.#waiting.set(workSessionId, since);
    const { rows, more } = await this.#deps.builder.step(workSessionId, this.#stop.signal);
    this.#rows += rows;
    if (!more) this.#waiting.delete(workSessionId);
    const worked = performance.now() - begun;
    const { queued, rest } = this.#deps;
    if (queued() > FEW_WRITES) await rest(Math.min(MOST_REST_MS, worked * REST), this.#stop.signal);
  }

  /** Rests longer after each further failure, and logs only when the rest grows. */
  async #restAfter({ message: reason }: Error): Promise<void> {
    const ms = Math.min(SWEEP_MS, Math.max(RETRY_MS, 2 * this.#retryMs));
    if (ms > this.#retryMs) this.#deps.log.warn({ reason }, 'Could not build the search index');
    this.#retryMs = ms;
    await this.#deps.rest(ms, this.#stop.signal);
  }

  /** Waits for a time, or until there is a work session to look at. */
  async #sleep(ms: number): Promise<void> {
    const waking = new AbortController();
    this.#wake = () => waking.abort();
    if (this.#stop.signal.aborted || this.#waiting.size > 0) return;
    await restByClock(ms, waking.signal);
  }
}
