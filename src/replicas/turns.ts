/** Keeps what is done about one room in the order in which it was asked for. */
export class Turns {
  /** The last turn that was taken, by room; it never rejects. */
  readonly #last = new Map<string, Promise<unknown>>();

  /** Does something when everything before is done; whatever comes later waits for it. */
  take<T>(code: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(code);
    const mine = before ? before.then(work) : work();
    const settled = mine
      .catch(() => undefined)
      .then(() => {
        if (this.#last.get(code) === settled) this.#last.delete(code);
      });
    this.#last.set(code, settled);
    return mine;
  }

  /** Resolves when every turn that was taken so far is over. */
  async settled(): Promise<void> {
    await Promise.all(this.#last.values());
  }

  /** Begins something when everything before is done; what comes later need not wait until it has ended. */
  follow<T>(code: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(code);
    return before ? before.then(work) : work();
  }
}
