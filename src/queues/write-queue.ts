import { RelayError } from '../errors.ts';

/** A queued write. */
interface Waiting<Write, Result> {
  write: Write;
  bytes: number;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

export interface WriteQueueOptions<Write, Result> {
  /** Runs the writes in one statement. @returns their results in the order of the writes */
  run(writes: Write[]): Promise<Result[]>;
  /** The key of a write. Writes with the same key commit in the order of arrival. */
  laneOf(write: Write): string;
  bytesOf(write: Write): number;
  /**
   * The scope of a failed statement, which did none of its writes. `call`: one of the writes is impossible. `rows`: one of
   * the lanes is not writable now. `database`: no write is possible, or the outcome is unknown.
   */
  scopeOf(error: unknown): 'call' | 'rows' | 'database';
  /** Called with the number of writes of each statement, for metrics. */
  onStatement?: (writes: number) => void;
}

/** The maximum of writes in one statement. More than a few dozen hardly reduce the share of the flush further. */
const MAX_WRITES = 128;
const MAX_STATEMENT_BYTES = 4 * 1024 * 1024;
/** The maximum of all queued writes. */
const MAX_WAITING = 5000;
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

const queueFull = (): RelayError =>
  new RelayError('SERVICE_UNAVAILABLE', 'This server has too many queued writes; try again shortly.', {
    retryAfter: 1,
  });

/** A lane whose last statement failed. Its writes run one by one until one succeeds. */
interface Suspect<Write, Result> {
  waiting: Waiting<Write, Result>[];
  running: boolean;
}

/** The maximum of suspects that run in parallel, because each may hold a connection while it waits for a lock. */
const MAX_SIDE_BY_SIDE = 4;

/** Beyond this number, suspects without queued writes are evicted. */
const MAX_SUSPECTS = 1000;

/**
 * Group commit: writes that arrive while a statement is in flight are batched into the next one, so that they share its
 * flush to disk. A lone write runs at once. A failed batch is retried write by write, so that an impossible write does not
 * fail its neighbours. A failed lane runs separately until a write succeeds, so that other lanes do not wait for it.
 */
export class WriteQueue<Write, Result> {
  readonly #options: WriteQueueOptions<Write, Result>;
  #waiting: Waiting<Write, Result>[] = [];
  #depth = 0;
  #waitingBytes = 0;
  #running = false;
  readonly #suspects = new Map<string, Suspect<Write, Result>>();
  #sideBySide = 0;
  readonly #turns: (() => void)[] = [];
  #idle: (() => void)[] = [];

  constructor(options: WriteQueueOptions<Write, Result>) {
    this.#options = options;
  }

  /** The number of writes without a result. */
  get depth(): number {
    return this.#depth;
  }

  /**
   * Queues a write for the next statement.
   * @returns its result. @throws RelayError `SERVICE_UNAVAILABLE` when the queue is full, or what the statement throws
   */
  push(write: Write): Promise<Result> {
    const bytes = this.#options.bytesOf(write);
    if (this.#depth >= MAX_WAITING || this.#waitingBytes + bytes > MAX_WAITING_BYTES) {
      return Promise.reject(queueFull());
    }
    this.#depth++;
    this.#waitingBytes += bytes;
    return new Promise((resolve, reject) => {
      const waiting = { write, bytes, resolve, reject };
      const lane = this.#options.laneOf(write);
      const suspect = this.#suspects.get(lane);
      if (suspect) {
        suspect.waiting.push(waiting);
        if (!suspect.running) void this.#drainSuspect(lane, suspect);
      } else {
        this.#waiting.push(waiting);
        if (!this.#running) void this.#drain();
      }
    });
  }

  /** Resolves once every write has its result. */
  async whenIdle(): Promise<void> {
    if (this.#depth > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  async #drain(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch();
      const error = await this.#run(batch);
      if (error === undefined) continue;
      if (this.#options.scopeOf(error) === 'database') this.#reject(batch, error);
      else this.#setApart(batch, error);
    }
    this.#running = false;
  }

  #takeBatch(): Waiting<Write, Result>[] {
    let bytes = 0;
    let count = 0;
    for (const { bytes: more } of this.#waiting) {
      if (count === MAX_WRITES || (count > 0 && bytes + more > MAX_STATEMENT_BYTES)) break;
      bytes += more;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  /** @returns undefined after success, otherwise the error; then no write has a result */
  async #run(batch: Waiting<Write, Result>[]): Promise<unknown> {
    this.#options.onStatement?.(batch.length);
    try {
      const results = await this.#options.run(batch.map(({ write }) => write));
      // Deferred until the next statement was sent, so that answers are built while the database works.
      process.nextTick(() => {
        this.#settle(batch);
        batch.forEach(({ resolve }, place) => {
          resolve(results[place] as Result);
        });
      });
      return undefined;
    } catch (error) {
      return error ?? new Error('The statement failed');
    }
  }

  #reject(batch: Waiting<Write, Result>[], error: unknown): void {
    this.#settle(batch);
    for (const { reject } of batch) reject(error);
  }

  #settle(batch: Waiting<Write, Result>[]): void {
    this.#depth -= batch.length;
    for (const { bytes } of batch) this.#waitingBytes -= bytes;
    if (this.#depth > 0) return;
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }

  /** Retries the writes of a failed statement one by one, in order within each lane, and with lanes in parallel. */
  #setApart(batch: Waiting<Write, Result>[], error: unknown): void {
    const lanes = new Map<string, Waiting<Write, Result>[]>();
    // Writes that were queued for these lanes in the meantime follow the failed ones.
    const touched = new Set(batch.map(({ write }) => this.#options.laneOf(write)));
    const isTouched = ({ write }: Waiting<Write, Result>) => touched.has(this.#options.laneOf(write));
    // A batch of one write needs no retry, because the write already ran alone.
    const again = batch.length === 1 ? [] : batch;
    if (batch.length === 1) this.#reject(batch, error);
    for (const lane of touched) lanes.set(lane, []);
    for (const waiting of [...again, ...this.#waiting.filter(isTouched)]) {
      lanes.get(this.#options.laneOf(waiting.write))?.push(waiting);
    }
    this.#waiting = this.#waiting.filter((waiting) => !isTouched(waiting));
    this.#forgetIdleSuspects();
    for (const [lane, waiting] of lanes) {
      const suspect = { waiting, running: false };
      this.#suspects.set(lane, suspect);
      void this.#drainSuspect(lane, suspect);
    }
  }

  #forgetIdleSuspects(): void {
    if (this.#suspects.size < MAX_SUSPECTS) return;
    for (const [lane, { running }] of this.#suspects) if (!running) this.#suspects.delete(lane);
  }

  async #drainSuspect(lane: string, suspect: Suspect<Write, Result>): Promise<void> {
    suspect.running = true;
    if (this.#sideBySide === MAX_SIDE_BY_SIDE)
      await new Promise<void>((resolve) => this.#turns.push(resolve));
    else this.#sideBySide++;
    await this.#runAlone(lane, suspect);
    const next = this.#turns.shift();
    if (next) next();
    else this.#sideBySide--;
  }

  /** Must reset `running` in the same turn in which the queue is empty; otherwise a write in between would be lost. */
  async #runAlone(lane: string, suspect: Suspect<Write, Result>): Promise<void> {
    for (let next = suspect.waiting.shift(); next; next = suspect.waiting.shift()) {
      const error = await this.#run([next]);
      const scope = error === undefined ? undefined : this.#options.scopeOf(error);
      if (scope !== undefined) {
        // Other writes of the lane would time out on the same lock.
        const alike = scope === 'rows' ? suspect.waiting.splice(0) : [];
        this.#reject([next, ...alike], error);
      }
      if (scope === undefined || scope === 'database') {
        // The lane is not, or no longer, the cause. Its unsent writes return to the common queue.
        this.#suspects.delete(lane);
        this.#waiting.push(...suspect.waiting);
        if (!this.#running && this.#waiting.length > 0) void this.#drain();
        break;
      }
    }
    suspect.running = false;
  }
}
