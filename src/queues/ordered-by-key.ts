/** Runs work with the same key, such as a room, in the order of the calls. */
export class OrderedByKey {
  /** The last work by key. It never rejects. */
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs work after all earlier work of its key has ended. Later work waits for it. @throws what `work` throws */
  take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const mine = before ? before.then(work) : work();
    const settled = mine
      .catch(() => undefined) // the caller gets the error; the next work starts anyway
      .then(() => {
        if (this.#last.get(key) === settled) this.#last.delete(key);
      });
    this.#last.set(key, settled);
    return mine;
  }

  /** Runs work after all earlier work of its key has ended. Later work does not wait for it. @throws what `work` throws */
  follow<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    return before ? before.then(work) : work();
  }

  /** Resolves when all work of earlier `take` calls has ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#last.values());
  }
}
