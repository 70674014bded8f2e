import { hexHashOfSessionId } from './session-id.ts';

/** The result of a look-up of a usable session. */
export interface LiveSession {
  workSessionId: string;
  /** How long it stays valid without further use, by the database's clock. */
  remainingMs: number;
}

/** How long a session is cached, unless its end is announced before. */
const CACHED_MS = 5000;
const MAX_ENTRIES = 10_000;

/** A usable session with its key: the hexadecimal SHA-256 of its id. */
export interface FoundSession extends LiveSession {
  idHash: string;
}

interface Entry {
  session: FoundSession;
  validUntil: number;
}

/**
 * Caches sessions, so that most calls need no look-up. A revocation takes effect at once, because it is announced to all
 * servers and `ended` invalidates the session here. Nothing is cached while announcements cannot arrive.
 */
export class SessionCache {
  readonly #lookUp: (sessionId: string) => Promise<LiveSession | undefined>;
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();
  readonly #listeners: ((idHash: string) => void)[] = [];
  #listening = false;
  /** Counts invalidations, so that a look-up that was in flight during one is not cached. */
  #epoch = 0;

  constructor(
    lookUp: (sessionId: string) => Promise<LiveSession | undefined>,
    now: () => number = () => performance.now(),
  ) {
    this.#lookUp = lookUp;
    this.#now = now;
  }

  /** @returns the session if it is usable, otherwise undefined. @throws what the look-up throws */
  async resolve(sessionId: string): Promise<FoundSession | undefined> {
    return this.find(sessionId);
  }

  /**
   * Like `resolve`, but synchronous where the session is cached.
   * @param idHash hexadecimal SHA-256 of the session id, if the caller has it already
   */
  find(
    sessionId: string,
    idHash = hexHashOfSessionId(sessionId),
  ): FoundSession | Promise<FoundSession | undefined> {
    const entry = this.#entries.get(idHash);
    return entry && entry.validUntil > this.#now() ? entry.session : this.#ask(sessionId, idHash);
  }

  async #ask(sessionId: string, key: string): Promise<FoundSession | undefined> {
    const epoch = this.#epoch;
    const askedAt = this.#now();
    const live = await this.#lookUp(sessionId);
    const session = live && { ...live, idHash: key };
    this.#entries.delete(key);
    if (session && this.#listening && epoch === this.#epoch) {
      if (this.#entries.size >= MAX_ENTRIES) this.#dropOldest();
      this.#entries.set(key, { session, validUntil: askedAt + Math.min(CACHED_MS, session.remainingMs) });
    }
    return session;
  }

  /** Invalidates a session that is no longer usable, and notifies the listeners. @param idHash hexadecimal SHA-256 of its id */
  ended(idHash: string): void {
    this.#epoch++;
    this.#entries.delete(idHash);
    for (const listener of this.#listeners) listener(idHash);
  }

  /** Calls a listener with each session that has ended, once it is no longer cached. */
  onEnded(listener: (idHash: string) => void): void {
    this.#listeners.push(listener);
  }

  /** Sets whether announcements of ended sessions arrive from now on. Clears the cache. */
  setListening(listening: boolean): void {
    this.#epoch++;
    this.#listening = listening;
    this.#entries.clear();
  }

  #dropOldest(): void {
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}
