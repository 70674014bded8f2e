/** The size of the key cache. Other keys need a query. */
export const MAX_KEYS = 100_000;

/** A look-up in flight, and the announcements since it began. */
export interface LookUp {
  /** All keys and bans were reloaded since it began, because announcements may have been missed. */
  stale: boolean;
  readonly forgotten: Set<string>;
  readonly bans: Map<string, boolean>;
}

/**
 * The cached keys and bans of Astations. An announcement overrides a look-up in flight, because the look-up may have read
 * the state before it.
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

  /** Runs a look-up. Its results go to `learn` and `learnAll`. */
  async during<T>(work: (lookUp: LookUp) => Promise<T>): Promise<T> {
    const lookUp = { stale: false, forgotten: new Set<string>(), bans: new Map<string, boolean>() };
    this.#lookUps.add(lookUp);
    try {
      return await work(lookUp);
    } finally {
      this.#lookUps.delete(lookUp);
    }
  }

  /** Caches the key that a look-up found; undefined: there is none. */
  learn(lookUp: LookUp, astationId: string, key: string | undefined): void {
    if (lookUp.stale || lookUp.forgotten.has(astationId)) return;
    this.#keys.delete(astationId);
    if (key === undefined) return;
    this.#keys.set(astationId, key);
    const [oldest] = this.#keys.keys();
    if (this.#keys.size > MAX_KEYS && oldest !== undefined) this.#keys.delete(oldest);
  }

  /**
   * Replaces the cache with everything that a look-up found.
   * @param before the Astations whose keys were cached when it began
   * @param found with the most important keys first
   */
  learnAll(
    lookUp: LookUp,
    before: readonly string[],
    found: { keys: ReadonlyMap<string, string>; banned: ReadonlySet<string> },
  ): void {
    if (lookUp.stale) return;
    for (const other of this.#lookUps) if (other !== lookUp) other.stale = true;
    // Keys that were registered during the look-up are in neither list, and stay.
    for (const id of before) if (!found.keys.has(id)) this.#keys.delete(id);
    // The most important keys come last, because the cache evicts the oldest first.
    for (const [id, key] of [...found.keys].reverse()) this.learn(lookUp, id, key);
    this.#banned = new Set(found.banned);
    for (const [id, banned] of lookUp.bans) this.#setBan(id, banned);
  }

  /** The Astations whose keys are cached. */
  known(): string[] {
    return [...this.#keys.keys()];
  }

  /** Applies an announcement that a key was forgotten. */
  forget(astationId: string): void {
    this.#keys.delete(astationId);
    for (const lookUp of this.#lookUps) lookUp.forgotten.add(astationId);
  }

  /** Applies an announcement that a ban was set or lifted. */
  banAnnounced(astationId: string, banned: boolean): void {
    this.#setBan(astationId, banned);
    for (const lookUp of this.#lookUps) lookUp.bans.set(astationId, banned);
  }

  #setBan(astationId: string, banned: boolean): void {
    if (banned) this.#banned.add(astationId);
    else this.#banned.delete(astationId);
  }
}
