import type { Tasks } from './tasks.ts';

/** A task for the worker. */
export interface Request {
  id: number;
  name: keyof Tasks;
  input: unknown[];
}

export interface Answer {
  id: number;
  result: unknown;
}

interface Job extends Request {
  limitMs: number;
  resolve: (result: unknown) => void;
}

interface RunOptions {
  /** How long the task may take once it has begun. */
  limitMs: number;
  /** Ends the task when its result is no longer wanted. */
  signal: AbortSignal;
}

/** How long the script of a worker may take to load. */
const LOAD_MS = 5000;
/** Tasks that wait at most; further ones get no result. */
const MAX_WAITING = 500;

/** Runs tasks one at a time in a worker, so that no text can block the page. */
export class Lane {
  readonly #waiting: Job[] = [];
  #lastId = 0;
  #running: Job | undefined;
  #worker: Worker | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Runs a task.
   * @returns its result; undefined when it failed, took longer than its limit, or was aborted
   */
  run<Name extends keyof Tasks>(
    name: Name,
    input: Parameters<Tasks[Name]>,
    { limitMs, signal }: RunOptions,
  ): Promise<ReturnType<Tasks[Name]> | undefined> {
    return new Promise((resolve) => {
      if (signal.aborted || this.#waiting.length >= MAX_WAITING) return resolve(undefined);
      const job: Job = { id: ++this.#lastId, name, input, limitMs, resolve: resolve as Job['resolve'] };
      signal.addEventListener('abort', () => this.#drop(job), { once: true });
      this.#waiting.push(job);
      this.#next();
    });
  }

  #next(): void {
    if (this.#running) return;
    this.#running = this.#waiting.shift();
    if (!this.#running) return;
    const { id, name, input, limitMs } = this.#running;
    const limit = this.#worker ? limitMs : LOAD_MS;
    this.#worker ??= this.#start();
    this.#arm(limit);
    this.#worker.postMessage({ id, name, input } satisfies Request);
  }

  /** Restarts the time limit of the running task. */
  #arm(limitMs: number | undefined): void {
    clearTimeout(this.#timer);
    if (limitMs !== undefined) this.#timer = setTimeout(this.#giveUp, limitMs);
  }

  #start(): Worker {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    worker.addEventListener('error', this.#giveUp);
    worker.addEventListener('message', ({ data }: MessageEvent<Answer | 'ready'>) => {
      if (data === 'ready') this.#arm(this.#running?.limitMs);
      else if (data.id === this.#running?.id) this.#settle(data.result);
    });
    return worker;
  }

  /** Ends the worker. The tasks that wait get no result. */
  stop(): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve(undefined);
    this.#giveUp();
  }

  #settle(result: unknown): void {
    clearTimeout(this.#timer);
    const job = this.#running;
    this.#running = undefined;
    job?.resolve(result);
    this.#next();
  }

  /** Ends the worker with what it computes; the next task starts another. */
  readonly #giveUp = (): void => {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#settle(undefined);
  };

  #drop(job: Job): void {
    const place = this.#waiting.indexOf(job);
    if (job === this.#running) this.#giveUp();
    else if (place !== -1) {
      this.#waiting.splice(place, 1);
      job.resolve(undefined);
    }
  }
}
