import { hexHashOfSessionId } from './session-id.ts';

/** A session that was just looked up and may act. */
export interface LiveSession {
  workSessionId: string;
  /** How long it stays valid without further use, by the database's clock. */
  remainingMs: number;
}

/** How long an answer is believed without asking again, if nobody says that the session ended. */
const BELIEVE_MS = 5000;
const MAX_ENTRIES = 10_000;

/** A session that may act, and what it is known by: the hexadecimal SHA-256 of its id. */
export interface FoundSession extends LiveSession {
  idHash: string;
}

interface Entry {
  session: FoundSession;
  validUntil: number;
}

/**
 * Saves the look-up of a session on most calls. A revocation passes it at once: whoever ends a session
 * announces it, and `ended` drops it here. While announcements cannot be heard, nothing is cached.
 */
export class SessionCache {
  readonly #lookUp: (sessionId: string) => Promise<LiveSession | undefined>;
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();
  readonly #listeners: ((idHash: string) => void)[] = [];
  #hearing = false;
  /** Counts what was forgotten, so that a look-up that was under way then is not kept. */
  #epoch = 0;

  constructor(
    lookUp: (sessionId: string) => Promise<LiveSession | undefined>,
    now: () => number = () => performance.now(),
  ) {
    this.#lookUp = lookUp;
    this.#now = now;
  }

  /** @returns the work session of a session that may act, else undefined. @throws what the look-up throws */
  async resolve(sessionId: string): Promise<FoundSession | undefined> {
    return this.find(sessionId);
  }

  /**
   * The same, but at once where it is remembered: most calls need not wait for anything.
   * @param idHash hexadecimal SHA-256 of the session id, for who knows it
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
    if (session && this.#hearing && epoch === this.#epoch) {
      if (this.#entries.size >= MAX_ENTRIES) this.#dropOldest();
      this.#entries.set(key, { session, validUntil: askedAt + Math.min(BELIEVE_MS, session.remainingMs) });
    }
    return session;
  }

  /** Drops a session that may no longer act, and tells the listeners. @param idHash hexadecimal SHA-256 of its id */
  ended(idHash: string): void {
    this.#epoch++;
    this.#entries.delete(idHash);
    for (const listener of this.#listeners) listener(idHash);
  }

  /** Calls a listener with each session that has ended, once it is no longer cached. */
  onEnded(listener: (idHash: string) => void): void {
    this.#listeners.push(listener);
  }

  /** Announcements of ended sessions are heard from now on, or not. */
  setHearing(hearing: boolean): void {
    this.#epoch++;
    this.#hearing = hearing;
    this.#entries.clear();
  }

  #dropOldest(): void {
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}
