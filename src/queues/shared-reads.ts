interface Lane<Answer> {
  answer: Promise<Answer>;
  /** Whether the query began. Until then, callers share it. */
  begun: boolean;
  /** Resolves when the read in flight settles. Never rejects. */
  running: Promise<unknown>;
  next?: Promise<Answer>;
}

/**
 * Coalesces identical reads. A read must not join one in flight, because that query may predate a commit that the caller
 * has seen. Callers that arrive in the meantime share the next query instead, and so do those of one turn of the event loop.
 */
export class SharedReads<Answer> {
  readonly #lanes = new Map<string, Lane<Answer>>();

  /**
   * @param key identifies the read: reads with the same key have the same answer
   * @param query runs the read; called for one of the coalesced callers
   */
  read(key: string, query: () => Promise<Answer>): Promise<Answer> {
    const lane = this.#lanes.get(key);
    if (!lane) return this.#begin(key, query);
    if (!lane.begun) return lane.answer;
    lane.next ??= lane.running.then(() => this.#begin(key, query));
    return lane.next;
  }

  #begin(key: string, query: () => Promise<Answer>): Promise<Answer> {
    const answer = new Promise((begin) => setImmediate(begin)).then(() => {
      lane.begun = true;
      return query();
    });
    const forget = () => {
      if (!lane.next) this.#lanes.delete(key);
    };
    const lane: Lane<Answer> = { answer, begun: false, running: answer.then(forget, forget) };
    this.#lanes.set(key, lane);
    return answer;
  }
}
