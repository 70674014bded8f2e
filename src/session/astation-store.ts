import { randomUUID } from 'node:crypto';
import type { Database } from '../db/client.ts';
import { findRelayError, notFound } from '../errors.ts';
import { FIND_KEY, FORGET_KEY, LIST_ASTATIONS, REGISTER_KEY, SWEEP_KEYS } from './astation-sql.ts';

export { KEY_FORGOTTEN_CHANNEL, KEY_REGISTERED_CHANNEL } from './astation-sql.ts';

export interface AstationInfo {
  astation_id: string;
  public_key: string;
  registered_at: Date;
  /** Live sessions that are bound to it. */
  sessions: number;
}

/** What a proven key means for its Astation. */
export type KeyStanding = 'registered' | 'verified' | 'rejected';

/**
 * The keys of Astations: the first one that an id proves is its key from then on. They are also kept in memory, so
 * that an outage of the database does not lock known Astations out.
 */
export class AstationStore {
  readonly #db: Database;
  readonly #known = new Map<string, string>();
  /** Tells this store's own announcements from those of other servers. */
  readonly #name = randomUUID();
  /** Whether it would be told of a key that is forgotten elsewhere: then memory answers before the database. */
  #hearing = false;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Learns the keys that are registered now. @returns the Astations that have no other key than was known */
  async load(): Promise<Set<string>> {
    const before = new Map(this.#known);
    const registered = new Map(
      (await this.list()).map(({ astation_id, public_key }) => [astation_id, public_key]),
    );
    // One that was registered while this was on its way is in neither of the two.
    for (const id of before.keys()) if (!registered.has(id)) this.#known.delete(id);
    for (const [id, key] of registered) this.#known.set(id, key);
    const unchanged = [...registered].filter(([id, key]) => (before.get(id) ?? key) === key);
    return new Set(unchanged.map(([id]) => id));
  }

  /**
   * The registered key, or undefined if there is none.
   * @throws RelayError `SERVICE_UNAVAILABLE` when the database is away and the key is not known here
   */
  async findKey(astationId: string): Promise<string | undefined> {
    const known = this.#believed(astationId);
    if (known !== undefined) return known;
    // PostgreSQL cannot be asked for such an id, and has none.
    if (astationId.includes('\0')) return undefined;
    try {
      const [row] = await this.#db.rows<{ public_key: string }>(FIND_KEY, astationId);
      this.#remember(astationId, row?.public_key);
      return row?.public_key;
    } catch (error) {
      return this.#fromMemory(astationId, error);
    }
  }

  /**
   * Registers a key that was just proven, unless the Astation has one: then compares.
   * @throws RelayError `SERVICE_UNAVAILABLE` when the database is away and no key is known here
   */
  async registerOrVerify(astationId: string, publicKey: string): Promise<KeyStanding> {
    const known = this.#believed(astationId);
    if (known !== undefined) return known === publicKey ? 'verified' : 'rejected';
    try {
      const rows = await this.#db.rows(REGISTER_KEY, astationId, publicKey, this.#name);
      if (rows.length > 0) {
        this.#remember(astationId, publicKey);
        return 'registered';
      }
    } catch (error) {
      this.#fromMemory(astationId, error);
    }
    return (await this.findKey(astationId)) === publicKey ? 'verified' : 'rejected';
  }

  async list(): Promise<AstationInfo[]> {
    return this.#db.rows<AstationInfo>(LIST_ASTATIONS);
  }

  /** @throws RelayError `NOT_FOUND` */
  async forget(astationId: string): Promise<void> {
    const rows = await this.#db.rows(FORGET_KEY, astationId);
    if (rows.length === 0) throw notFound(`No key is registered for the Astation ${astationId}.`);
    this.dropFromMemory(astationId);
  }

  /**
   * Forgets keys that were registered 30 days ago and never bound a session, and announces it.
   * @returns how many. @throws RelayError `SERVICE_UNAVAILABLE`
   */
  async sweep(): Promise<number> {
    return (await this.#db.rows(SWEEP_KEYS)).length;
  }

  /** Reads an announcement. @returns the Astation whose key another server registered; undefined if this one did */
  registeredElsewhere(announcement: string): string | undefined {
    const [name, ...id] = announcement.split(' ');
    return name === this.#name ? undefined : id.join(' ');
  }

  setHearing(hearing: boolean): void {
    this.#hearing = hearing;
  }

  /** The key was forgotten here or elsewhere. */
  dropFromMemory(astationId: string): void {
    this.#known.delete(astationId);
  }

  #believed(astationId: string): string | undefined {
    return this.#hearing ? this.#known.get(astationId) : undefined;
  }

  #remember(astationId: string, publicKey: string | undefined): void {
    if (publicKey === undefined) this.#known.delete(astationId);
    else this.#known.set(astationId, publicKey);
  }

  #fromMemory(astationId: string, error: unknown): string {
    const known = this.#known.get(astationId);
    if (known === undefined || findRelayError(error)?.code !== 'SERVICE_UNAVAILABLE') throw error;
    return known;
  }
}
