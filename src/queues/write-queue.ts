import { RelayError } from '../errors.ts';

/** A write that waits for its statement. */
interface Waiting<Write, Result> {
  write: Write;
  bytes: number;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

export interface WriteQueueOptions<Write, Result> {
  /** Runs the writes in one statement. @returns their results in the order of the writes */
  run(writes: Write[]): Promise<Result[]>;
  /** What the write is about: within one lane, order of arrival is order of commit. */
  laneOf(write: Write): string;
  bytesOf(write: Write): number;
  /**
   * What a failed statement says of its writes, none of which was done: `call`, one of them cannot be done; `rows`, one
   * of the lanes cannot be written to now; `database`, none of them can, or nobody knows.
   */
  scopeOf(error: unknown): 'call' | 'rows' | 'database';
  /** Told of each statement's writes and of how many wait; for metrics. */
  onStatement?: (writes: number) => void;
}

/** Of one statement. Beyond a few dozen writes the flush to disk is shared well enough. */
const MAX_WRITES = 128;
const MAX_STATEMENT_BYTES = 4 * 1024 * 1024;
/** Of all that wait. */
const MAX_WAITING = 5000;
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

const queueFull = (): RelayError =>
  new RelayError('SERVICE_UNAVAILABLE', 'This server has too many queued writes; try again shortly.', {
    retryAfter: 1,
  });

/** A lane whose last statement failed: its writes go one by one until one succeeds. */
interface Suspect<Write, Result> {
  waiting: Waiting<Write, Result>[];
  running: boolean;
}

/** Suspects that go side by side: each holds a connection for as long as a lock is waited for. */
const MAX_SIDE_BY_SIDE = 4;

/** Suspects that nobody writes to any more are forgotten when there are more. */
const MAX_SUSPECTS = 1000;

/**
 * Group commit: writes that arrive while a statement is under way leave together in the next one, so that they share
 * its flush to disk. A lone write leaves at once. A statement that fails is tried again write by write, so that one
 * that cannot be done never fails its neighbours; a lane that failed goes alone until it succeeds, so that they do not
 * wait for it either.
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

  /** Writes that have no result yet. */
  get depth(): number {
    return this.#depth;
  }

  /**
   * Has a write done with the next statement.
   * @returns its result. @throws RelayError `SERVICE_UNAVAILABLE` when too many wait, or what the statement throws
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

  /** @returns undefined once each write has its result, else why none has */
  async #run(batch: Waiting<Write, Result>[]): Promise<unknown> {
    this.#options.onStatement?.(batch.length);
    try {
      const results = await this.#options.run(batch.map(({ write }) => write));
      // A turn later, when the next statement has left: the answers are made while the database is at work.
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

  /** Goes on with the writes of a failed statement one by one, each lane in its order and beside the others. */
  #setApart(batch: Waiting<Write, Result>[], error: unknown): void {
    const lanes = new Map<string, Waiting<Write, Result>[]>();
    // What came for these lanes meanwhile comes after them.
    const touched = new Set(batch.map(({ write }) => this.#options.laneOf(write)));
    const isTouched = ({ write }: Waiting<Write, Result>) => touched.has(this.#options.laneOf(write));
    // Alone, a write has been tried by itself already.
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

  /** Must end `running` in the same turn in which it finds nothing waiting, or a write that comes between is forgotten. */
  async #runAlone(lane: string, suspect: Suspect<Write, Result>): Promise<void> {
    for (let next = suspect.waiting.shift(); next; next = suspect.waiting.shift()) {
      const error = await this.#run([next]);
      const scope = error === undefined ? undefined : this.#options.scopeOf(error);
      if (scope !== undefined) {
        // A write that waits for the same lock would wait in vain as well.
        const alike = scope === 'rows' ? suspect.waiting.splice(0) : [];
        this.#reject([next, ...alike], error);
      }
      if (scope === undefined || scope === 'database') {
        // The lane is not at fault, or no longer: its other writes, which were not sent, go with all others again.
        this.#suspects.delete(lane);
        this.#waiting.push(...suspect.waiting);
        if (!this.#running && this.#waiting.length > 0) void this.#drain();
        break;
      }
    }
    suspect.running = false;
  }
}
