import type { RelayError } from '../errors.ts';

/** The caller of a statement, and its group. */
export interface Taker {
  /** The client's address. Groups take turns first, so that a client with many work sessions gets only one share. */
  group: string;
  /** The work session. Callers take turns within their group. */
  caller: string;
}

export interface TurnQueueOptions {
  /** The maximum of statements that run at once. */
  places: number;
  /** The maximum for one caller. */
  placesOfCaller: number;
  /** The time-out of a queued statement, in milliseconds. */
  maxWaitMs: number;
  /** The maximum of queued statements of one caller. A group may have half of `maxWaiting`. */
  maxWaitingOfCaller: number;
  maxWaiting: number;
  refuse: {
    tooManyOfCaller(): RelayError;
    tooMany(): RelayError;
    waitedTooLong(): RelayError;
  };
}

interface Waiting {
  start(): void;
  timer: NodeJS.Timeout;
}

/** Queued statements by caller, in the order of turns. */
type Line = Map<string, Waiting[]>;

const keyOf = ({ group, caller }: Taker) => `${group}\n${caller}`;

/**
 * Decides which statement runs next. Groups take turns, and so do the callers of a group, however many statements each of
 * them queues. One caller cannot take all places, so the first statement of another one can start at once.
 */
export class TurnQueue {
  readonly #options: TurnQueueOptions;
  /** The number of running statements, by caller. */
  readonly #running = new Map<string, number>();
  /** Queued statements by group, in the order of turns. */
  readonly #waiting = new Map<string, Line>();
  readonly #waitingOfGroup = new Map<string, number>();
  #runningInAll = 0;
  #waitingInAll = 0;

  constructor(options: TurnQueueOptions) {
    this.#options = options;
  }

  /** The number of running statements, of queued ones, and of callers with queued ones. */
  counts(): { running: number; waiting: number; callers: number } {
    let callers = 0;
    for (const line of this.#waiting.values()) callers += line.size;
    return { running: this.#runningInAll, waiting: this.#waitingInAll, callers };
  }

  /**
   * Runs a statement when it is its caller's turn.
   * @returns what the statement returns
   * @throws RelayError of `refuse`, or what the statement throws
   */
  async run<T>(taker: Taker, statement: () => Promise<T>): Promise<T> {
    const key = keyOf(taker);
    if (this.#mayStart(key)) this.#start(key);
    else await this.#waitForTurn(taker);
    try {
      return await statement();
    } finally {
      this.#end(key);
    }
  }

  #mayStart(key: string): boolean {
    const { places, placesOfCaller } = this.#options;
    return this.#runningInAll < places && (this.#running.get(key) ?? 0) < placesOfCaller;
  }

  #start(key: string): void {
    this.#runningInAll++;
    this.#running.set(key, (this.#running.get(key) ?? 0) + 1);
  }

  #end(key: string): void {
    this.#runningInAll--;
    const left = (this.#running.get(key) ?? 1) - 1;
    if (left > 0) this.#running.set(key, left);
    else this.#running.delete(key);
    this.#startNext();
  }

  #waitForTurn({ group, caller }: Taker): Promise<void> {
    const { maxWaitMs, maxWaitingOfCaller, maxWaiting, refuse } = this.#options;
    const line: Line = this.#waiting.get(group) ?? new Map();
    const own = line.get(caller) ?? [];
    if (own.length >= maxWaitingOfCaller) return Promise.reject(refuse.tooManyOfCaller());
    const isFull = (this.#waitingOfGroup.get(group) ?? 0) >= maxWaiting / 2;
    if (isFull || this.#waitingInAll >= maxWaiting) return Promise.reject(refuse.tooMany());
    return new Promise((start, reject) => {
      const waiting: Waiting = {
        start,
        timer: setTimeout(() => {
          this.#remove({ group, caller }, own.indexOf(waiting));
          reject(refuse.waitedTooLong());
        }, maxWaitMs),
      };
      own.push(waiting);
      line.set(caller, own);
      this.#waiting.set(group, line);
      this.#count(group, 1);
    });
  }

  #count(group: string, change: 1 | -1): void {
    this.#waitingInAll += change;
    const left = (this.#waitingOfGroup.get(group) ?? 0) + change;
    if (left > 0) this.#waitingOfGroup.set(group, left);
    else this.#waitingOfGroup.delete(group);
  }

  #remove({ group, caller }: Taker, place: number): Waiting | undefined {
    const line = this.#waiting.get(group);
    const own = line?.get(caller);
    const [waiting] = own?.splice(place, 1) ?? [];
    if (waiting) this.#count(group, -1);
    if (own?.length === 0) line?.delete(caller);
    if (line?.size === 0) this.#waiting.delete(group);
    return waiting;
  }

  /** Moves the chosen group and caller to the end. The loop skips at most as many callers as there are places. */
  #startNext(): void {
    if (this.#runningInAll >= this.#options.places) return;
    for (const [group, line] of this.#waiting) {
      for (const [caller, own] of line) {
        const key = keyOf({ group, caller });
        if (!this.#mayStart(key)) continue;
        const waiting = this.#remove({ group, caller }, 0);
        if (!waiting) return;
        if (line.delete(caller)) line.set(caller, own);
        if (this.#waiting.delete(group)) this.#waiting.set(group, line);
        clearTimeout(waiting.timer);
        this.#start(key);
        waiting.start();
        return;
      }
    }
  }
}
