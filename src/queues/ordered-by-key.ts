/** Keeps work about one thing, such as a room, in the order in which it was asked for. */
export class OrderedByKey {
  /** The last turn that was taken, by key; it never rejects. */
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs work after everything before has ended. Later work of the same key waits for it. @throws what `work` throws */
  take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const mine = before ? before.then(work) : work();
    const settled = mine
      .catch(() => undefined) // the caller has the error; the next turn begins anyway
      .then(() => {
        if (this.#last.get(key) === settled) this.#last.delete(key);
      });
    this.#last.set(key, settled);
    return mine;
  }

  /** Begins work after everything before has ended. Later work need not wait for it. @throws what `work` throws */
  follow<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    return before ? before.then(work) : work();
  }

  /** Resolves when every turn that was taken so far has ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#last.values());
  }
}
