import { type Credential, kindOfSecret, type LiveCredential } from './credential.ts';
import { hexHashOfSessionId } from './session-id.ts';

/** How long a credential is cached, unless its end is announced before. */
const CACHED_MS = 5000;
const MAX_ENTRIES = 10_000;

interface Entry {
  credential: Credential;
  validUntil: number;
}

/** Looks a secret of its kind up. */
export type LookUp = (secret: string) => Promise<LiveCredential | undefined>;

/**
 * Caches credentials, so that most calls need no look-up. A revocation takes effect at once, because it is announced to all
 * servers and `ended` invalidates the credential here. Nothing is cached while announcements cannot arrive.
 */
export class CredentialCache {
  readonly #lookUp: LookUp;
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();
  readonly #listeners: ((idHash: string) => void)[] = [];
  #listening = false;
  /** Counts invalidations, so that a look-up that was in flight during one is not cached. */
  #epoch = 0;

  constructor(lookUp: LookUp, now: () => number = () => performance.now()) {
    this.#lookUp = lookUp;
    this.#now = now;
  }

  /** @returns the session or key if it is usable, otherwise undefined. @throws what the look-up throws */
  async resolve(secret: string): Promise<Credential | undefined> {
    return this.find(secret);
  }

  /**
   * Like `resolve`, but synchronous where the credential is cached. The secret of a person is not found, because only
   * `findPerson` may find it.
   * @param idHash hexadecimal SHA-256 of the secret, if the caller has it already
   */
  find(
    secret: string,
    idHash = hexHashOfSessionId(secret),
  ): Credential | undefined | Promise<Credential | undefined> {
    return kindOfSecret(secret) === 'person' ? undefined : this.#find(secret, idHash);
  }

  /** Like `find`, for the secret that a cookie carried, which is that of a person or nothing. */
  findPerson(
    secret: string,
    idHash = hexHashOfSessionId(secret),
  ): Credential | undefined | Promise<Credential | undefined> {
    return kindOfSecret(secret) === 'person' ? this.#find(secret, idHash) : undefined;
  }

  #find(secret: string, idHash: string): Credential | Promise<Credential | undefined> {
    const entry = this.#entries.get(idHash);
    return entry && entry.validUntil > this.#now() ? entry.credential : this.#ask(secret, idHash);
  }

  async #ask(secret: string, idHash: string): Promise<Credential | undefined> {
    const epoch = this.#epoch;
    const askedAt = this.#now();
    const live = await this.#lookUp(secret);
    const credential = live && { ...live, idHash };
    this.#entries.delete(idHash);
    if (credential && this.#listening && epoch === this.#epoch) {
      if (this.#entries.size >= MAX_ENTRIES) this.#dropOldest();
      const validUntil = askedAt + Math.min(CACHED_MS, credential.remainingMs);
      this.#entries.set(idHash, { credential, validUntil });
    }
    return credential;
  }

  /**
   * Invalidates a credential that is no longer usable, and notifies the listeners.
   * @param idHash hexadecimal SHA-256 of its secret
   */
  ended(idHash: string): void {
    this.#epoch++;
    this.#entries.delete(idHash);
    for (const listener of this.#listeners) listener(idHash);
  }

  /** Forgets what is cached of a person, whose name has changed. Its streams stay. */
  personChanged(personId: string): void {
    this.#epoch++;
    for (const [idHash, { credential }] of this.#entries)
      if (credential.person?.id === personId) this.#entries.delete(idHash);
  }

  /** Calls a listener with each credential that has ended, once it is no longer cached. */
  onEnded(listener: (idHash: string) => void): void {
    this.#listeners.push(listener);
  }

  /** Sets whether announcements of ended credentials arrive from now on. Clears the cache. */
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
