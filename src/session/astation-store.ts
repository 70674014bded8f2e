import { randomUUID } from 'node:crypto';
import { type Source, sourceColumns } from '../access/source.ts';
import type { Database } from '../db/client.ts';
import { conflict, findRelayError, notFound } from '../errors.ts';
import { AstationMemory, MAX_KEYS } from './astation-memory.ts';
import {
  ADD_KEY,
  BAN,
  FIND_KEY,
  FIND_KEYS,
  FORGET_KEY,
  IS_BANNED,
  LIST_BANS,
  LOAD_KEYS,
  REGISTER_KEY,
  SWEEP_KEYS,
  UNBAN,
} from './astation-sql.ts';

export {
  ASTATION_BANNED_CHANNEL,
  ASTATION_UNBANNED_CHANNEL,
  KEY_FORGOTTEN_CHANNEL,
  KEY_REGISTERED_CHANNEL,
} from './astation-sql.ts';

interface KeyRow {
  astation_id: string;
  public_key: string;
}

const toKeys = (rows: KeyRow[]) =>
  rows.map(({ astation_id, public_key }): [string, string] => [astation_id, public_key]);

/** The result of checking a proven key. */
export type KeyStanding = 'registered' | 'verified' | 'rejected' | 'banned' | 'enrolment closed';

/**
 * The keys of Astations. The first key that an Astation proves becomes its registered key. Keys are also cached, so that an
 * outage of the database does not lock known Astations out.
 */
export class AstationStore {
  readonly #db: Database;
  readonly #memory = new AstationMemory();
  /** Distinguishes this store's own announcements from those of other servers. */
  readonly #name = randomUUID();
  /** Whether announcements of other servers arrive. Only then does the cache answer without a query. */
  #listening = false;
  readonly #enrollmentOpen: boolean;

  /** @param enrollmentOpen whether an unknown Astation may register its key */
  constructor(db: Database, enrollmentOpen = true) {
    this.#db = db;
    this.#enrollmentOpen = enrollmentOpen;
  }

  /** Whether an Astation without a registered key may enter the room of its id. */
  get enrollmentOpen(): boolean {
    return this.#enrollmentOpen;
  }

  /**
   * Loads the bans and the registered keys into the cache, up to its size.
   * @returns the Astations that are banned
   * @throws RelayError `SERVICE_UNAVAILABLE`
   */
  load(): Promise<ReadonlySet<string>> {
    return this.#memory.during(async (lookUp) => {
      const before = this.#memory.known();
      const bans = await this.#db.rows<{ astation_id: string }>(LIST_BANS);
      const keys = new Map(toKeys(await this.#db.rows<KeyRow>(LOAD_KEYS, MAX_KEYS)));
      const banned = new Set(bans.map(({ astation_id }) => astation_id));
      this.#memory.learnAll(lookUp, before, { keys, banned });
      return banned;
    });
  }

  /**
   * Reads the keys of some Astations from the database, without the cache.
   * @throws RelayError `SERVICE_UNAVAILABLE`
   */
  async findKeys(astationIds: string[]): Promise<Map<string, string>> {
    return new Map(toKeys(await this.#db.rows<KeyRow>(FIND_KEYS, astationIds)));
  }

  /**
   * The registered key, or undefined if there is none.
   * @throws RelayError `SERVICE_UNAVAILABLE` when the database is unavailable and the key is not cached
   */
  async findKey(astationId: string): Promise<string | undefined> {
    const known = this.#cached(astationId);
    if (known !== undefined) return known;
    // PostgreSQL text cannot contain NUL, so no such id is registered.
    if (astationId.includes('\0')) return undefined;
    try {
      return await this.#memory.during(async (lookUp) => {
        const [row] = await this.#db.rows<{ public_key: string }>(FIND_KEY, astationId);
        this.#memory.learn(lookUp, astationId, row?.public_key);
        return row?.public_key;
      });
    } catch (error) {
      return this.#fromMemory(astationId, error);
    }
  }

  /**
   * Registers a proven key, or compares it with the registered one. Refuses banned Astations, and unknown ones while
   * enrolment is closed.
   * @throws RelayError `SERVICE_UNAVAILABLE` when the database is unavailable and no key is cached
   */
  async registerOrVerify(astationId: string, publicKey: string): Promise<KeyStanding> {
    if (await this.isBanned(astationId)) return 'banned';
    const known = this.#cached(astationId);
    if (known !== undefined) return known === publicKey ? 'verified' : 'rejected';
    if (!this.#enrollmentOpen) {
      const registered = await this.findKey(astationId);
      if (registered === undefined) return 'enrolment closed';
      return registered === publicKey ? 'verified' : 'rejected';
    }
    try {
      const isNew = await this.#memory.during(async (lookUp) => {
        const rows = await this.#db.change(REGISTER_KEY, astationId, publicKey, this.#name);
        if (rows.length > 0) this.#memory.learn(lookUp, astationId, publicKey);
        return rows.length > 0;
      });
      if (isNew) return 'registered';
    } catch (error) {
      this.#fromMemory(astationId, error);
    }
    return (await this.findKey(astationId)) === publicKey ? 'verified' : 'rejected';
  }

  /**
   * Whether the operator banned an Astation.
   * @throws RelayError `SERVICE_UNAVAILABLE` when the database is unavailable and no key of the Astation is cached
   */
  async isBanned(astationId: string): Promise<boolean> {
    if (this.#listening) return this.#memory.isBanned(astationId);
    if (astationId.includes('\0')) return false;
    try {
      return (await this.#db.rows(IS_BANNED, astationId)).length > 0;
    } catch (error) {
      const isKnown = this.#memory.keyOf(astationId) !== undefined;
      if (findRelayError(error)?.code !== 'SERVICE_UNAVAILABLE' || !isKnown) throw error;
      return this.#memory.isBanned(astationId);
    }
  }

  /** Applies an announcement: a server or command set or lifted a ban. */
  banAnnounced(astationId: string, banned: boolean): void {
    this.#memory.banAnnounced(astationId, banned);
  }

  /**
   * Registers a key that the operator provides. Adding the same key again changes nothing.
   * @param publicKey 130 hexadecimal digits in lower case
   * @throws RelayError `CONFLICT` when another key is registered
   */
  async add(astationId: string, publicKey: string): Promise<void> {
    const rows = await this.#db.change(ADD_KEY, astationId, publicKey, this.#name);
    if (rows.length > 0) return;
    throw conflict(`Another key is registered for the Astation ${astationId}; forget that one first.`);
  }

  /**
   * Bans an Astation, and ends its sockets and sessions on every server.
   * @param by undefined: the command line
   * @returns false if it was already banned
   */
  async ban(astationId: string, by?: string, from?: Source): Promise<boolean> {
    return (await this.#db.change(BAN, astationId, by ?? null, ...sourceColumns(from))).length > 0;
  }

  /** Lifts a ban, so that its sessions work again. @throws RelayError `NOT_FOUND` */
  async unban(astationId: string, by?: string, from?: Source): Promise<void> {
    const rows = await this.#db.change(UNBAN, astationId, by ?? null, ...sourceColumns(from));
    if (rows.length === 0) throw notFound(`The Astation ${astationId} is not banned.`);
  }

  /**
   * Checks again that a key belongs to an Astation, because the key may have been forgotten, or the Astation banned, since
   * the first check.
   * @throws RelayError `SERVICE_UNAVAILABLE`
   */
  async stillHas(astationId: string, publicKey: string): Promise<boolean> {
    return !(await this.isBanned(astationId)) && (await this.findKey(astationId)) === publicKey;
  }

  /** @throws RelayError `NOT_FOUND` */
  async forget(astationId: string): Promise<void> {
    const rows = await this.#db.change(FORGET_KEY, astationId);
    if (rows.length === 0) throw notFound(`No key is registered for the Astation ${astationId}.`);
    this.dropFromMemory(astationId);
  }

  /**
   * Forgets keys that were registered 30 days ago and never bound a session, and announces that.
   * @returns the number of keys. @throws RelayError `SERVICE_UNAVAILABLE`
   */
  async sweep(): Promise<number> {
    return (await this.#db.rows(SWEEP_KEYS)).length;
  }

  /** Reads an announcement. @returns the Astation whose key another server registered; undefined if this one did */
  registeredElsewhere(announcement: string): string | undefined {
    const [name, ...id] = announcement.split(' ');
    return name === this.#name ? undefined : id.join(' ');
  }

  setListening(listening: boolean): void {
    this.#listening = listening;
  }

  /** Applies an announcement: a server or command forgot the key. */
  dropFromMemory(astationId: string): void {
    this.#memory.forget(astationId);
  }

  #cached(astationId: string): string | undefined {
    return this.#listening ? this.#memory.keyOf(astationId) : undefined;
  }

  #fromMemory(astationId: string, error: unknown): string {
    const known = this.#memory.keyOf(astationId);
    if (known === undefined || findRelayError(error)?.code !== 'SERVICE_UNAVAILABLE') throw error;
    return known;
  }
}
