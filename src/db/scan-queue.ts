import { type ErrorCode, RelayError } from '../errors.ts';

export interface ScanQueueOptions {
  /** Scans that run at the same time. */
  places: number;
  /** How long a scan waits for its place, in milliseconds. */
  maxWaitMs?: number;
}

interface Waiting {
  start(): void;
  refuse(error: RelayError): void;
  timer: NodeJS.Timeout;
}

/** Longer than one statement may take, so that the next caller in turn always gets its place. */
const MAX_WAIT_MS = 10_000;
const MAX_WAITING_PER_CALLER = 32;
const MAX_WAITING = 1000;
const MAX_RUNNING_PER_CALLER = 2;

const refusal = (code: ErrorCode, message: string, retryAfter: number) =>
  new RelayError(code, message, { retryAfter, refusal: 'SCANS_BUSY' });

const tooManyOfOne = (retryAfter: number) =>
  refusal(
    'TOO_MANY_REQUESTS',
    `Your work session has ${MAX_WAITING_PER_CALLER} searches, lists or histories waiting already; wait for their answers.`,
    retryAfter,
  );

const tooManyOfAll = (retryAfter: number) =>
  refusal(
    'SERVICE_UNAVAILABLE',
    'More searches, lists and histories are waiting than this server takes; try again shortly.',
    retryAfter,
  );

const waitedTooLong = (seconds: number) =>
  refusal(
    'SERVICE_UNAVAILABLE',
    `This request looks through many rows and found no free place within ${seconds} seconds; ask for less, or try again.`,
    seconds,
  );

/**
 * Decides which scan runs next: callers take turns, whatever each of them asks for. Where there are several places, no
 * caller has all of them, so that the first scan of another caller starts at once.
 */
export class ScanQueue {
  readonly #places: number;
  readonly #perCaller: number;
  readonly #maxWaitMs: number;
  /** How many scans of each caller run. */
  readonly #running = new Map<string, number>();
  /** Scans that wait, by caller; the caller whose turn is next comes first. */
  readonly #waiting = new Map<string, Waiting[]>();
  #runningInAll = 0;
  #waitingInAll = 0;

  constructor({ places, maxWaitMs = MAX_WAIT_MS }: ScanQueueOptions) {
    this.#places = places;
    this.#perCaller = Math.max(1, Math.min(MAX_RUNNING_PER_CALLER, places - 1));
    this.#maxWaitMs = maxWaitMs;
  }

  /** How many scans run and wait, and how many callers wait. */
  counts(): { running: number; waiting: number; callers: number } {
    return { running: this.#runningInAll, waiting: this.#waitingInAll, callers: this.#waiting.size };
  }

  /**
   * Runs a scan when it is its caller's turn.
   * @returns what the scan returns
   * @throws RelayError `TOO_MANY_REQUESTS` when too many scans of this caller wait, `SERVICE_UNAVAILABLE` when too many
   * wait in all or the wait took too long; or what the scan throws
   */
  async run<T>(caller: string, scan: () => Promise<T>): Promise<T> {
    if (this.#mayStart(caller)) this.#start(caller);
    else await this.#waitForTurn(caller);
    try {
      return await scan();
    } finally {
      this.#end(caller);
    }
  }

  #mayStart(caller: string): boolean {
    return this.#runningInAll < this.#places && (this.#running.get(caller) ?? 0) < this.#perCaller;
  }

  #start(caller: string): void {
    this.#runningInAll++;
    this.#running.set(caller, (this.#running.get(caller) ?? 0) + 1);
  }

  #end(caller: string): void {
    this.#runningInAll--;
    const left = (this.#running.get(caller) ?? 1) - 1;
    if (left > 0) this.#running.set(caller, left);
    else this.#running.delete(caller);
    this.#startNext();
  }

  #waitForTurn(caller: string): Promise<void> {
    const retryAfter = Math.ceil(this.#maxWaitMs / 1000);
    const line = this.#waiting.get(caller) ?? [];
    if (line.length >= MAX_WAITING_PER_CALLER) return Promise.reject(tooManyOfOne(retryAfter));
    if (this.#waitingInAll >= MAX_WAITING) return Promise.reject(tooManyOfAll(retryAfter));
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        start: resolve,
        refuse: reject,
        timer: setTimeout(() => {
          this.#remove(caller, line.indexOf(waiting));
          waiting.refuse(waitedTooLong(retryAfter));
        }, this.#maxWaitMs),
      };
      line.push(waiting);
      this.#waitingInAll++;
      this.#waiting.set(caller, line);
    });
  }

  #remove(caller: string, place: number): Waiting | undefined {
    const line = this.#waiting.get(caller);
    const [waiting] = line?.splice(place, 1) ?? [];
    if (waiting) this.#waitingInAll--;
    if (line?.length === 0) this.#waiting.delete(caller);
    return waiting;
  }

  /** A caller that was served goes to the end. At most as many callers are passed over as there are places. */
  #startNext(): void {
    for (const [caller, line] of this.#waiting) {
      if (!this.#mayStart(caller)) continue;
      const waiting = this.#remove(caller, 0);
      if (!waiting) return;
      if (this.#waiting.delete(caller)) this.#waiting.set(caller, line);
      clearTimeout(waiting.timer);
      this.#start(caller);
      waiting.start();
      return;
    }
  }
}
