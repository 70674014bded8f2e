import type { Database } from '../db/client.ts';
import { conflict, notFound } from '../errors.ts';
import { fingerprint, hashSessionId } from './session-id.ts';

/** A session that was just looked up and may act. */
export interface LiveSession {
  workSessionId: string;
  /** How long it stays valid without further use, by the database's clock. */
  remainingMs: number;
}

/** What an operator sees of a session; its id is not kept. */
export interface SessionInfo {
  fingerprint: string;
  hostname: string;
  status: 'pending' | 'granted' | 'denied' | 'revoked' | 'expired';
  astationId: string | null;
  createdAt: Date;
  lastUsedAt: Date | null;
  expiresAt: Date;
}

/** Carries the hash (hexadecimal) of a session that may no longer act. */
export const SESSION_ENDED_CHANNEL = 'vault_relay_session_ended';

/** A session expires after so long without use. */
export const SESSION_LIFETIME = `interval '7 days'`;

const CREATE_GRANTED = `
  INSERT INTO sessions (id_hash, hostname, status, astation_id, last_used_at, expires_at)
  VALUES ($1, $2, 'granted', $3, now(), now() + ${SESSION_LIFETIME})`;

/** Use extends the life of a session; that is written at most once a minute. */
const USE = `
  WITH used AS (
    UPDATE sessions SET last_used_at = now(), expires_at = now() + ${SESSION_LIFETIME}
    WHERE id_hash = $1 AND status = 'granted' AND expires_at > now()
      AND (last_used_at IS NULL OR last_used_at <= now() - interval '1 minute')
  )
  SELECT astation_id, extract(epoch FROM expires_at - now())::float8 * 1000 AS remaining_ms
  FROM sessions
  WHERE id_hash = $1 AND status = 'granted' AND expires_at > now() AND astation_id IS NOT NULL`;

const ENDED = `
  SELECT wanted.hash FROM unnest($1::text[]) AS wanted (hash)
  WHERE NOT EXISTS (
    SELECT FROM sessions
    WHERE id_hash = decode(wanted.hash, 'hex') AND status = 'granted' AND expires_at > now() AND astation_id IS NOT NULL
  )`;

const LIST = `
  SELECT id_hash, hostname, astation_id, created_at, last_used_at, expires_at,
    CASE WHEN expires_at <= now() AND status IN ('pending', 'granted') THEN 'expired' ELSE status END AS status
  FROM sessions ORDER BY created_at`;

/** Telling the servers is part of the same transaction: no revocation without its announcement. */
const REVOKE = `
  WITH ended AS (
    UPDATE sessions SET status = 'revoked' WHERE id_hash = $1 AND status <> 'revoked' RETURNING id_hash
  )
  SELECT pg_notify('${SESSION_ENDED_CHANNEL}', encode(id_hash, 'hex'))::text FROM ended`;

const FIND_BY_FINGERPRINT = `
  SELECT id_hash FROM sessions WHERE encode(id_hash, 'hex') LIKE $1 || '%' LIMIT 2`;

/** All sessions, kept by the SHA-256 of their ids. */
export class SessionStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** A session that is granted and bound from the start, as the operator's command line makes it. */
  async createGranted(sessionId: string, { hostname, astationId }: { hostname: string; astationId: string }) {
    await this.#db.rows(CREATE_GRANTED, hashSessionId(sessionId), hostname, astationId);
  }

  /** Looks a session up and extends its life. @returns undefined unless it is granted, bound and alive */
  async use(sessionId: string): Promise<LiveSession | undefined> {
    const [row] = await this.#db.rows<{ astation_id: string; remaining_ms: number }>(
      USE,
      hashSessionId(sessionId),
    );
    return row && { workSessionId: row.astation_id, remainingMs: row.remaining_ms };
  }

  /** @param idHashes hexadecimal @returns those that may not act, or no longer */
  async findEnded(idHashes: string[]): Promise<string[]> {
    const rows = await this.#db.rows<{ hash: string }>(ENDED, idHashes);
    return rows.map(({ hash }) => hash);
  }

  async list(): Promise<SessionInfo[]> {
    const rows = await this.#db.rows<{
      id_hash: Uint8Array;
      hostname: string;
      status: SessionInfo['status'];
      astation_id: string | null;
      created_at: Date;
      last_used_at: Date | null;
      expires_at: Date;
    }>(LIST);
    return rows.map((row) => ({
      fingerprint: fingerprint(row.id_hash),
      hostname: row.hostname,
      status: row.status,
      astationId: row.astation_id,
      createdAt: row.created_at,
      lastUsedAt: row.last_used_at,
      expiresAt: row.expires_at,
    }));
  }

  /**
   * Ends a session at once, on every server. Ending it again changes nothing.
   * @param id the session id, or the fingerprint that `list` shows
   * @throws RelayError `NOT_FOUND`, or `CONFLICT` when a fingerprint fits several sessions
   */
  async revoke(id: string): Promise<void> {
    const hash = await this.#find(id);
    await this.#db.rows(REVOKE, hash);
  }

  async #find(id: string): Promise<Uint8Array> {
    const hash = hashSessionId(id);
    const exact = await this.#db.rows('SELECT 1 FROM sessions WHERE id_hash = $1', hash);
    if (exact.length > 0) return hash;
    const found = /^[0-9a-f]{8,64}$/.test(id)
      ? await this.#db.rows<{ id_hash: Uint8Array }>(FIND_BY_FINGERPRINT, id)
      : [];
    if (found.length > 1) throw conflict(`Several sessions begin with ${id}; give more of the fingerprint.`);
    if (!found[0]) throw notFound('There is no such session; `vault-relay session list` shows them all.');
    return found[0].id_hash;
  }
}
