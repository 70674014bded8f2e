/** Keys that are kept in memory; others are asked for. */
export const MAX_KEYS = 100_000;

/** A look-up in flight, and what was announced since it began. */
export interface LookUp {
  /** All keys and bans were read again since it began: announcements may have been missed before that. */
  stale: boolean;
  readonly forgotten: Set<string>;
  readonly bans: Map<string, boolean>;
}

/**
 * The keys and bans of Astations that this server knows. An announcement wins over a look-up that was in flight when it
 * came, because the look-up may have read what was there before.
 */
export class AstationMemory {
  readonly #keys = new Map<string, string>();
  #banned = new Set<string>();
  readonly #lookUps = new Set<LookUp>();

  keyOf(astationId: string): string | undefined {
    return this.#keys.get(astationId);
  }

  isBanned(astationId: string): boolean {
    return this.#banned.has(astationId);
  }

  /** Runs a look-up, whose answers `learn` and `learnAll` take in. */
  async during<T>(work: (lookUp: LookUp) => Promise<T>): Promise<T> {
    const lookUp = { stale: false, forgotten: new Set<string>(), bans: new Map<string, boolean>() };
    this.#lookUps.add(lookUp);
    try {
      return await work(lookUp);
    } finally {
      this.#lookUps.delete(lookUp);
    }
  }

  /** Takes in the key that a look-up found; undefined: there is none. */
  learn(lookUp: LookUp, astationId: string, key: string | undefined): void {
    if (lookUp.stale || lookUp.forgotten.has(astationId)) return;
    this.#keys.delete(astationId);
    if (key === undefined) return;
    this.#keys.set(astationId, key);
    const [oldest] = this.#keys.keys();
    if (this.#keys.size > MAX_KEYS && oldest !== undefined) this.#keys.delete(oldest);
  }

  /**
   * Takes in all that a look-up found, in place of what was known.
   * @param before the Astations whose keys were known when it began
   * @param found with the most important keys first
   */
  learnAll(
    lookUp: LookUp,
    before: readonly string[],
    found: { keys: ReadonlyMap<string, string>; banned: ReadonlySet<string> },
  ): void {
    if (lookUp.stale) return;
    for (const other of this.#lookUps) if (other !== lookUp) other.stale = true;
    // One that was registered while this was on its way is in neither of the two.
    for (const id of before) if (!found.keys.has(id)) this.#keys.delete(id);
    // The most important last, because memory forgets first what it learned first.
    for (const [id, key] of [...found.keys].reverse()) this.learn(lookUp, id, key);
    this.#banned = new Set(found.banned);
    for (const [id, banned] of lookUp.bans) this.#setBan(id, banned);
  }

  /** The Astations whose keys are known. */
  known(): string[] {
    return [...this.#keys.keys()];
  }

  /** A key was forgotten, here or elsewhere. */
  forget(astationId: string): void {
    this.#keys.delete(astationId);
    for (const lookUp of this.#lookUps) lookUp.forgotten.add(astationId);
  }

  /** A ban was set or lifted, here or elsewhere. */
  heardOfBan(astationId: string, banned: boolean): void {
    this.#setBan(astationId, banned);
    for (const lookUp of this.#lookUps) lookUp.bans.set(astationId, banned);
  }

  #setBan(astationId: string, banned: boolean): void {
    if (banned) this.#banned.add(astationId);
    else this.#banned.delete(astationId);
  }
}
