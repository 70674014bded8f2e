import { randomUUID } from 'node:crypto';
import type { Database } from '../db/client.ts';
import { conflict, findRelayError, notFound } from '../errors.ts';
import {
  ADD_KEY,
  BAN,
  FIND_KEY,
  FIND_KEYS,
  FORGET_KEY,
  IS_BANNED,
  LIST_ASTATIONS,
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

export interface AstationInfo {
  astation_id: string;
  public_key: string;
  registered_at: Date;
  /** Live sessions that are bound to it. */
  sessions: number;
}

interface KeyRow {
  astation_id: string;
  public_key: string;
}

const toKeys = (rows: KeyRow[]) =>
  rows.map(({ astation_id, public_key }): [string, string] => [astation_id, public_key]);

/** Keys that are kept in memory; others are asked for. */
const MAX_KNOWN = 100_000;

/** What a proven key means for its Astation. */
export type KeyStanding = 'registered' | 'verified' | 'rejected' | 'banned' | 'enrolment closed';

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
  readonly #enrollmentOpen: boolean;
  /** Astations that the operator banned. */
  #banned = new Set<string>();

  /** @param enrollmentOpen whether an Astation that nobody knows may register its key */
  constructor(db: Database, enrollmentOpen = true) {
    this.#db = db;
    this.#enrollmentOpen = enrollmentOpen;
  }

  /** Whether an Astation without a registered key may come into a room of its id. */
  get enrollmentOpen(): boolean {
    return this.#enrollmentOpen;
  }

  /** Learns the keys that are registered now, as far as memory keeps them. @throws RelayError `SERVICE_UNAVAILABLE` */
  async load(): Promise<void> {
    const bans = await this.#db.rows<{ astation_id: string }>(LIST_BANS);
    this.#banned = new Set(bans.map(({ astation_id }) => astation_id));
    const before = new Map(this.#known);
    const registered = new Map(toKeys(await this.#db.rows<KeyRow>(LOAD_KEYS, MAX_KNOWN)));
    // One that was registered while this was on its way is in neither of the two.
    for (const id of before.keys()) if (!registered.has(id)) this.#known.delete(id);
    // The most important last, because memory forgets what it learned first.
    for (const [id, key] of [...registered].reverse()) this.#remember(id, key);
  }

  /**
   * The keys of some Astations as they are now, whatever was known of them.
   * @throws RelayError `SERVICE_UNAVAILABLE`
   */
  async findKeys(astationIds: string[]): Promise<Map<string, string>> {
    return new Map(toKeys(await this.#db.rows<KeyRow>(FIND_KEYS, astationIds)));
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
   * Registers a key that was just proven, unless the Astation has one: then compares. A banned Astation is refused, and so is
   * a key that nobody knows where enrolment is closed.
   * @throws RelayError `SERVICE_UNAVAILABLE` when the database is away and no key is known here
   */
  async registerOrVerify(astationId: string, publicKey: string): Promise<KeyStanding> {
    if (await this.isBanned(astationId)) return 'banned';
    const known = this.#believed(astationId);
    if (known !== undefined) return known === publicKey ? 'verified' : 'rejected';
    if (!this.#enrollmentOpen) {
      const registered = await this.findKey(astationId);
      if (registered === undefined) return 'enrolment closed';
      return registered === publicKey ? 'verified' : 'rejected';
    }
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

  /**
   * Whether the operator banned an Astation.
   * @throws RelayError `SERVICE_UNAVAILABLE` when the database is away and nothing was heard of bans
   */
  async isBanned(astationId: string): Promise<boolean> {
    if (this.#hearing) return this.#banned.has(astationId);
    if (astationId.includes('\0')) return false;
    try {
      return (await this.#db.rows(IS_BANNED, astationId)).length > 0;
    } catch (error) {
      if (findRelayError(error)?.code !== 'SERVICE_UNAVAILABLE' || !this.#known.has(astationId)) throw error;
      return this.#banned.has(astationId);
    }
  }

  /** A ban was set or lifted here or elsewhere. */
  heardOfBan(astationId: string, banned: boolean): void {
    if (banned) this.#banned.add(astationId);
    else this.#banned.delete(astationId);
  }

  /**
   * Registers a key that the operator names. Adding the same key again changes nothing.
   * @param publicKey 130 hexadecimal digits in lower case
   * @throws RelayError `CONFLICT` when another key is registered
   */
  async add(astationId: string, publicKey: string): Promise<void> {
    const rows = await this.#db.rows(ADD_KEY, astationId, publicKey, this.#name);
    if (rows.length > 0) return;
    throw conflict(`Another key is registered for the Astation ${astationId}; forget that one first.`);
  }

  /** Bans an Astation, and ends its sockets and sessions on every server. @returns false when it was banned before */
  async ban(astationId: string): Promise<boolean> {
    return (await this.#db.rows(BAN, astationId)).length > 0;
  }

  /** Lifts a ban: its sessions act again. @throws RelayError `NOT_FOUND` */
  async unban(astationId: string): Promise<void> {
    const rows = await this.#db.rows(UNBAN, astationId);
    if (rows.length === 0) throw notFound(`The Astation ${astationId} is not banned.`);
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
    this.#known.delete(astationId);
    if (publicKey === undefined) return;
    this.#known.set(astationId, publicKey);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest);
  }

  #fromMemory(astationId: string, error: unknown): string {
    const known = this.#known.get(astationId);
    if (known === undefined || findRelayError(error)?.code !== 'SERVICE_UNAVAILABLE') throw error;
    return known;
  }
}
