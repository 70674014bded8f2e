/** Time-out for expected items. */
export const DEADLINE_MS = 5000;

/** Rejects with `what` if a promise has not settled by the deadline. */
export async function within<T>(promise: Promise<T>, what: () => string, ms = DEADLINE_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${ms} ms for ${what()}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A queue of received items that the test has not taken yet. */
export class Inbox<T> {
  readonly #items: T[] = [];
  #ended: string | undefined;
  #wake: () => void = () => undefined;

  put(item: T): void {
    this.#items.push(item);
    this.#wake();
  }

  /** Closes the inbox. @param why the reason for waiting callers */
  end(why: string): void {
    this.#ended = why;
    this.#wake();
  }

  /** Takes the oldest item, or waits for the next one. */
  async next(what: string, ms = DEADLINE_MS): Promise<T> {
    if (this.#items.length === 0 && this.#ended === undefined) {
      const arrival = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await within(arrival, () => what, ms);
    }
    if (this.#items.length === 0) throw new Error(`Waited for ${what}; ${this.#ended}`);
    return this.#items.shift() as T;
  }

  get size(): number {
    return this.#items.length;
  }

  /** Takes all items without waiting. */
  takeAll(): T[] {
    return this.#items.splice(0);
  }
}
