import type { Database } from '../db/client.ts';
import { hashSessionId } from './session-id.ts';
import { SESSION_ENDED_CHANNEL, SESSION_LIFETIME } from './store.ts';

/**
 * Binds the sessions with the hashes `$2` (hexadecimal) to the Astation `$1`, in the order of their hashes, so that
 * two of these never wait for each other. One that nobody knows yet begins its life here: the Astation vouches for it.
 * Left alone: those that another Astation holds, and those that a person or an operator ended.
 */
const BOUND = `
  bound AS (
    INSERT INTO sessions (id_hash, hostname, status, astation_id, last_used_at, expires_at)
    SELECT decode(hash, 'hex'), '', 'granted', $1, now(), now() + ${SESSION_LIFETIME}
    FROM unnest($2::text[]) AS wanted (hash) ORDER BY 1
    ON CONFLICT (id_hash) DO UPDATE SET
      astation_id = $1,
      expires_at = CASE WHEN sessions.status = 'granted' THEN excluded.expires_at ELSE sessions.expires_at END
    WHERE sessions.status IN ('pending', 'granted') AND (sessions.astation_id IS NULL OR sessions.astation_id = $1)
    RETURNING id_hash
  )`;

const BIND = `WITH ${BOUND} SELECT count(*)::int AS bound FROM bound`;

const REPLACE = `
  WITH dropped AS (
    UPDATE sessions SET astation_id = NULL
    WHERE astation_id = $1 AND encode(id_hash, 'hex') <> ALL ($2::text[])
    RETURNING id_hash
  ), ${BOUND}
  SELECT (SELECT count(*)::int FROM bound) AS bound,
         (SELECT count(pg_notify('${SESSION_ENDED_CHANNEL}', encode(id_hash, 'hex')))::int FROM dropped) AS told,
         ARRAY(SELECT encode(id_hash, 'hex') FROM dropped) AS dropped`;

const UNBIND = `
  WITH dropped AS (
    UPDATE sessions SET astation_id = NULL WHERE id_hash = $2 AND astation_id = $1 RETURNING id_hash
  )
  SELECT encode(id_hash, 'hex') AS hash, pg_notify('${SESSION_ENDED_CHANNEL}', encode(id_hash, 'hex'))::text
  FROM dropped`;

const hashes = (sessionIds: Iterable<string>) =>
  [...new Set(sessionIds)].map((id) => hashSessionId(id).toString('hex'));

/** Which sessions are bound to which Astation. Only a verified Astation may call these for itself. */
export class BindingStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** @returns false when another Astation holds the session, or it was ended */
  async bind(astationId: string, sessionId: string): Promise<boolean> {
    const [row] = await this.#db.rows<{ bound: number }>(BIND, astationId, hashes([sessionId]));
    return row?.bound === 1;
  }

  /**
   * Makes the bindings of the Astation exactly this set.
   * @returns how many were left alone, and the hashes (hexadecimal) of the sessions that are bound no more
   */
  async replace(
    astationId: string,
    sessionIds: readonly string[],
  ): Promise<{ skipped: number; dropped: string[] }> {
    const wanted = hashes(sessionIds);
    const [row] = await this.#db.rows<{ bound: number; dropped: string[] }>(REPLACE, astationId, wanted);
    return { skipped: wanted.length - (row?.bound ?? 0), dropped: row?.dropped ?? [] };
  }

  /**
   * Ends the binding at once, on every server. Does nothing if this Astation does not hold the session.
   * @returns the hash (hexadecimal) of the session, if it was bound
   */
  async unbind(astationId: string, sessionId: string): Promise<string[]> {
    const rows = await this.#db.rows<{ hash: string }>(UNBIND, astationId, hashSessionId(sessionId));
    return rows.map(({ hash }) => hash);
  }
}
