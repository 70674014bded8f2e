import { type Source, sourceColumns } from '../../access/source.ts';
import type { Database } from '../../db/client.ts';
import { badRequest, conflict, notFound } from '../../errors.ts';
import { REVOKE } from '../sql.ts';
import type { SessionInfo, SessionPage } from './schema.ts';

/** Which sessions a page lists. */
export interface SessionFilter {
  /** Undefined: those of every work session. */
  workSessionId: string | undefined;
  kind?: SessionInfo['kind'] | undefined;
  live: boolean;
  cursor: string | undefined;
  limit: number;
}

/** Who ends a session, and where the change was asked for. */
export interface Revocation {
  /** The only work session whose sessions may end. Undefined: any. */
  workSessionId: string | undefined;
  /** The author of the change. */
  by: string;
  from: Source;
}

const FINGERPRINT_DIGITS = 12;
const CURSOR = /^(\d{4}-[\d:.T-]+Z)~([0-9a-f]{64})$/;

/** @throws RelayError `BAD_REQUEST` */
function readCursor(cursor: string) {
  const [, createdAt, hash] = CURSOR.exec(cursor) ?? [];
  if (createdAt === undefined || hash === undefined) {
    throw badRequest('The cursor is not one that this call returned.');
  }
  return { OR: [{ createdAt: { lt: createdAt } }, { createdAt, hash: { lt: hash } }] };
}

/** Lists and ends sessions of agents and of people, for those who administer. */
export class SessionAdminStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** The sessions that a filter selects, the newest first. @throws RelayError `BAD_REQUEST` for another call's cursor */
  async list({ workSessionId, kind, live, cursor, limit }: SessionFilter): Promise<SessionPage> {
    const { sessionState } = await this.#db.prisma();
    const states = await sessionState.findMany({
      where: {
        ...(workSessionId !== undefined && { astationId: workSessionId }),
        ...(kind !== undefined && { kind }),
        ...(live && { acts: true }),
        ...(cursor !== undefined && readCursor(cursor)),
      },
      orderBy: [{ createdAt: 'desc' }, { hash: 'desc' }],
      take: limit + 1,
    });
    const shown = states.slice(0, limit);
    const last = shown.at(-1);
    return {
      sessions: shown.map((state) => ({
        fingerprint: state.hash.slice(0, FINGERPRINT_DIGITS),
        kind: state.kind as SessionInfo['kind'],
        status: state.state as SessionInfo['status'],
        live: state.acts,
        work_session_id: state.astationId,
        hostname: state.hostname,
        person_id: state.personId,
        name: state.personName,
        role: state.role as SessionInfo['role'],
        created_at: state.createdAt,
        last_used_at: state.lastUsedAt,
        expires_at: state.expiresAt,
      })),
      next: states.length > limit && last ? `${last.createdAt}~${last.hash}` : null,
    };
  }

  /**
   * Ends a session at once, and the people who came from it. Ending it again changes nothing.
   * @param kind the only kind of session that may end; undefined: any
   * @returns its fingerprint, and the hashes (hexadecimal) of what ended
   * @throws RelayError `NOT_FOUND`, or `CONFLICT` where the fingerprint matches several sessions
   */
  async revoke(
    fingerprint: string,
    kind: SessionInfo['kind'] | undefined,
    { workSessionId, by, from }: Revocation,
  ): Promise<{ fingerprint: string; ended: string[] }> {
    const { sessionState } = await this.#db.prisma();
    const [found, another] = await sessionState.findMany({
      where: {
        hash: { startsWith: fingerprint },
        ...(workSessionId !== undefined && { astationId: workSessionId }),
        ...(kind !== undefined && { kind }),
      },
      select: { idHash: true, hash: true },
      take: 2,
    });
    if (!found) throw notFound('There is no such session.');
    if (another) throw conflict(`Several sessions begin with ${fingerprint}; give more of the fingerprint.`);
    const rows = await this.#db.change<{ hash: string }>(REVOKE, found.idHash, by, ...sourceColumns(from));
    return {
      fingerprint: found.hash.slice(0, FINGERPRINT_DIGITS),
      ended: rows.map(({ hash }) => hash),
    };
  }
}
