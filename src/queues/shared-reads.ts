interface Lane<Answer> {
  /** Settles with the read under way, and never fails. */
  running: Promise<unknown>;
  next?: Promise<Answer>;
}

/**
 * Reads that want the same. One that comes while another is under way must not share that, which may have begun before
 * a commit that the newcomer knows of; all who come meanwhile share the next, which begins after each of them.
 */
export class SharedReads<Answer> {
  readonly #lanes = new Map<string, Lane<Answer>>();

  /**
   * @param key what is wanted: reads with the same key have the same answer
   * @param look asks for it; called for one of those who share
   */
  read(key: string, look: () => Promise<Answer>): Promise<Answer> {
    const lane = this.#lanes.get(key);
    if (!lane) return this.#begin(key, look);
    lane.next ??= lane.running.then(() => this.#begin(key, look));
    return lane.next;
  }

  #begin(key: string, look: () => Promise<Answer>): Promise<Answer> {
    const answer = look();
    const forget = () => {
      if (!lane.next) this.#lanes.delete(key);
    };
    const lane: Lane<Answer> = { running: answer.then(forget, forget) };
    this.#lanes.set(key, lane);
    return answer;
  }
}
