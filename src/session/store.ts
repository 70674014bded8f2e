import type { LiveSession } from '../access/session-cache.ts';
import { hashSessionId } from '../access/session-id.ts';
import type { Database } from '../db/client.ts';
import { conflict, notFound } from '../errors.ts';
import {
  CREATE_GRANTED,
  ENDED,
  EXISTS,
  FIND_BY_FINGERPRINT,
  LIST_WORK_SESSIONS,
  REVOKE,
  USE,
} from './sql.ts';

/** An Astation and how many sessions may act for it. */
export interface WorkSessionInfo {
  workSessionId: string;
  sessions: number;
}

export { SESSION_ENDED_CHANNEL } from './sql.ts';

/** All sessions, kept by the SHA-256 of their ids. */
export class SessionStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** A session that is granted and bound from the start, as the operator's command line makes it. */
  async createGranted(sessionId: string, { hostname, astationId }: { hostname: string; astationId: string }) {
    await this.#db.change(CREATE_GRANTED, hashSessionId(sessionId), hostname, astationId);
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

  /** The Astations that live sessions are bound to, by id. */
  async listWorkSessions(): Promise<WorkSessionInfo[]> {
    const rows = await this.#db.rows<{ astation_id: string; sessions: number }>(LIST_WORK_SESSIONS);
    return rows.map((row) => ({ workSessionId: row.astation_id, sessions: row.sessions }));
  }

  /**
   * Ends a session at once, on every server. Ending it again changes nothing.
   * @param id the session id, or the fingerprint that `session list` shows
   * @throws RelayError `NOT_FOUND`, or `CONFLICT` when a fingerprint fits several sessions
   */
  async revoke(id: string): Promise<void> {
    const hash = await this.#find(id);
    await this.#db.change(REVOKE, hash);
  }

  async #find(id: string): Promise<Uint8Array> {
    const hash = hashSessionId(id);
    const exact = await this.#db.rows(EXISTS, hash);
    if (exact.length > 0) return hash;
    const found = /^[0-9a-f]{8,64}$/.test(id)
      ? await this.#db.rows<{ id_hash: Uint8Array }>(FIND_BY_FINGERPRINT, id)
      : [];
    if (found.length > 1) throw conflict(`Several sessions begin with ${id}; give more of the fingerprint.`);
    if (!found[0]) throw notFound('There is no such session; `vault-relay session list` shows them all.');
    return found[0].id_hash;
  }
}
