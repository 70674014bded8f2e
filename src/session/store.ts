import { type LiveCredential, SESSION_SCOPES } from '../access/credential.ts';
import { fingerprint, hashSessionId } from '../access/session-id.ts';
import type { Database } from '../db/client.ts';
import { conflict, notFound } from '../errors.ts';
import { CREATE_GRANTED, ENDED, REVOKE, USE } from './sql.ts';

/** An Astation and the number of its usable sessions. */
export interface WorkSessionInfo {
  workSessionId: string;
  sessions: number;
}

export { SESSION_ENDED_CHANNEL } from './sql.ts';

/** All sessions, stored by the SHA-256 of their ids. */
export class SessionStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Creates a session that is granted and bound from the start, for the operator's command line. */
  async createGranted(sessionId: string, { hostname, astationId }: { hostname: string; astationId: string }) {
    await this.#db.change(CREATE_GRANTED, hashSessionId(sessionId), hostname, astationId);
  }

  /** Looks a session up and extends its life. @returns undefined unless it is granted, bound and not expired */
  async use(sessionId: string): Promise<LiveCredential | undefined> {
    const idHash = hashSessionId(sessionId);
    const [row] = await this.#db.rows<{ astation_id: string; remaining_ms: number }>(USE, idHash);
    return (
      row && {
        kind: 'session',
        workSessionId: row.astation_id,
        remainingMs: row.remaining_ms,
        author: `session:${fingerprint(idHash)}`,
        scopes: SESSION_SCOPES,
      }
    );
  }

  /** @param idHashes hexadecimal @returns the hashes of credentials of any kind that are not, or no longer, usable */
  async findEnded(idHashes: string[]): Promise<string[]> {
    const rows = await this.#db.rows<{ hash: string }>(ENDED, idHashes);
    return rows.map(({ hash }) => hash);
  }

  /** The Astations that live sessions are bound to, by id. */
  async listWorkSessions(): Promise<WorkSessionInfo[]> {
    const prisma = await this.#db.prisma();
    const groups = await prisma.sessionState.groupBy({
      by: ['astationId'],
      where: { kind: 'session', acts: true },
      _count: { _all: true },
      orderBy: { astationId: 'asc' },
    });
    // The query selects bound sessions only.
    return groups.map(({ astationId, _count }) => ({
      workSessionId: astationId ?? '',
      sessions: _count._all,
    }));
  }

  /**
   * Revokes a session at once, on every server. Revoking it again changes nothing.
   * @param id the session id, or the fingerprint that `session list` shows
   * @throws RelayError `NOT_FOUND`, or `CONFLICT` when a fingerprint matches several sessions
   */
  async revoke(id: string): Promise<void> {
    const hash = await this.#find(id);
    await this.#db.change(REVOKE, hash, null, null, null);
  }

  async #find(id: string): Promise<Uint8Array> {
    const idHash = new Uint8Array(hashSessionId(id));
    const { session, sessionState } = await this.#db.prisma();
    if (await session.findUnique({ where: { idHash }, select: { idHash: true } })) return idHash;
    const found = /^[0-9a-f]{8,64}$/.test(id)
      ? await sessionState.findMany({
          where: { hash: { startsWith: id } },
          select: { idHash: true },
          take: 2,
        })
      : [];
    if (found.length > 1) throw conflict(`Several sessions begin with ${id}; give more of the fingerprint.`);
    if (!found[0]) throw notFound('There is no such session; `vault-relay session list` shows them all.');
    return found[0].idHash;
  }
}
