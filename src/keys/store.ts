import type { LiveCredential, Scope } from '../access/credential.ts';
import { makeKey, readKeyId } from '../access/key-format.ts';
import { hashSessionId } from '../access/session-id.ts';
import { type Source, sourceColumns } from '../access/source.ts';
import type { Database } from '../db/client.ts';
import { forbidden, notFound } from '../errors.ts';
import { type CreatedKey, type KeyInfo, LISTED, MAX_KEYS, readCursor, writeCursor } from './schema.ts';
import { CREATE_KEY, REVOKE_KEY, USE_KEY } from './sql.ts';

/** A key as its maker asks for it. */
export interface KeyWanted {
  workSessionId: string;
  name: string;
  clientId: string;
  scopes: readonly Scope[];
  vaults?: readonly string[] | undefined;
  /** Seconds. */
  expiresIn?: number | undefined;
}

/** Who makes or revokes a key, for the audit log. */
export interface Actor {
  /** `key:<id>` or `person:<id>`; `operator` for a token or the command line. */
  author: string;
  from?: Source | undefined;
}

interface UsedRow {
  id: string;
  work_session_id: string;
  client_id: string;
  scopes: Scope[];
  vaults: string[] | null;
  remaining_ms: number | null;
}

interface MadeRow {
  has_room: boolean;
  stranger: string | null;
  created_at: string | null;
  expires_at: string | null;
}

/** Which keys to list. */
export interface KeyListOptions {
  /** Undefined: of every work session. */
  workSessionId?: string | undefined;
  limit?: number | undefined;
  cursor?: string | undefined;
}

/** The keys of programs, stored by the SHA-256 of the whole key. */
export class KeyStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Looks a key up and notes its use. A text with a wrong checksum costs no query.
   * @returns undefined unless it is live and its Astation not banned
   */
  async use(key: string): Promise<LiveCredential | undefined> {
    if (readKeyId(key) === undefined) return undefined;
    const [row] = await this.#db.rows<UsedRow>(USE_KEY, hashSessionId(key));
    return (
      row && {
        kind: 'key',
        workSessionId: row.work_session_id,
        remainingMs: row.remaining_ms ?? Number.POSITIVE_INFINITY,
        author: `key:${row.id}`,
        clientId: row.client_id,
        scopes: row.scopes,
        vaults: row.vaults ?? undefined,
      }
    );
  }

  /**
   * Makes a key.
   * @returns the key, which is shown only here
   * @throws RelayError `FORBIDDEN` at the limit of live keys, `NOT_FOUND` for a vault of another work session
   */
  async create(wanted: KeyWanted, by: Actor): Promise<CreatedKey> {
    const { workSessionId, name, clientId, scopes, vaults, expiresIn } = wanted;
    const { id, key } = makeKey();
    const [row] = await this.#db.change<MadeRow>(
      CREATE_KEY,
      id,
      hashSessionId(key),
      workSessionId,
      name,
      clientId,
      scopes,
      vaults ?? null,
      by.author,
      expiresIn ?? null,
      ...sourceColumns(by.from),
    );
    if (row?.stranger) throw notFound(`Your work session has no vault ${row.stranger}.`);
    if (!row?.created_at) {
      throw forbidden(
        `Your work session has ${MAX_KEYS} live keys already; revoke one, then create another.`,
      );
    }
    return {
      key,
      id,
      name,
      work_session_id: workSessionId,
      client_id: clientId,
      scopes: [...scopes],
      vaults: vaults ? [...vaults] : null,
      created_by: by.author,
      created_at: row.created_at,
      expires_at: row.expires_at,
    };
  }

  /** Keys in the order in which they were made. `next` is the cursor of the next page. */
  async list(options: KeyListOptions): Promise<{ keys: KeyInfo[]; next: string | null }> {
    const { workSessionId, limit = LISTED, cursor } = options;
    const { apiKeyState } = await this.#db.prisma();
    const after = cursor === undefined ? undefined : readCursor(cursor);
    const found = await apiKeyState.findMany({
      where: {
        ...(workSessionId !== undefined && { workSessionId }),
        ...(after && {
          OR: [{ createdAt: { gt: after.createdAt } }, { createdAt: after.createdAt, id: { gt: after.id } }],
        }),
      },
      orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
      take: limit + 1,
    });
    const keys = found.slice(0, limit);
    const last = found.length > limit ? keys.at(-1) : undefined;
    return { keys: keys.map(toInfo), next: last ? writeCursor(last.createdAt, last.id) : null };
  }

  /**
   * Revokes a key at once, on every server. Revoking it again changes nothing.
   * @param workSessionId undefined: a key of any work session
   * @returns the hash (hexadecimal) of the key, which the server must drop from its cache before it answers
   * @throws RelayError `NOT_FOUND`
   */
  async revoke(id: string, workSessionId: string | undefined, by: Actor): Promise<string> {
    const [row] = isKeyId(id)
      ? await this.#db.change<{ hash: string }>(
          REVOKE_KEY,
          id,
          workSessionId ?? null,
          by.author,
          ...sourceColumns(by.from),
        )
      : [];
    if (!row) throw noSuchKey();
    return row.hash;
  }

  /**
   * When a key was used last, to the minute. The time of its first use is exact.
   * @param workSessionId undefined: a key of any work session
   * @returns null for a key that was never used @throws RelayError `NOT_FOUND`
   */
  async lastUse(id: string, workSessionId: string | undefined): Promise<string | null> {
    if (!isKeyId(id)) throw noSuchKey();
    const { apiKeyState } = await this.#db.prisma();
    const where = { id, ...(workSessionId !== undefined && { workSessionId }) };
    const found = await apiKeyState.findFirst({ where, select: { lastUsedAt: true } });
    if (!found) throw noSuchKey();
    return found.lastUsedAt;
  }
}

/** PostgreSQL text cannot contain NUL, and no id has any other character than these. */
const isKeyId = (id: string): boolean => /^[0-9a-z]{12}$/.test(id);

const noSuchKey = () => notFound('No key has this id; list the keys to see their ids.');

/** A row of the view `api_key_states`. */
interface State extends Pick<KeyInfo, 'id' | 'name'> {
  workSessionId: string;
  clientId: string;
  scopes: string[];
  vaults: string[];
  createdBy: string;
  state: string;
  createdAt: string;
  expiresAt: string | null;
  lastUsedAt: string | null;
  revokedAt: string | null;
}

const toInfo = (key: State): KeyInfo => ({
  id: key.id,
  name: key.name,
  work_session_id: key.workSessionId,
  client_id: key.clientId,
  scopes: key.scopes as Scope[],
  // Prisma reads null as an empty list, which no key has.
  vaults: key.vaults.length === 0 ? null : key.vaults,
  created_by: key.createdBy,
  created_at: key.createdAt,
  expires_at: key.expiresAt,
  state: key.state as KeyInfo['state'],
  last_used_at: key.lastUsedAt,
  revoked_at: key.revokedAt,
});
