import { hostname as ownHostname } from 'node:os';
import { makeSessionId } from '../session/session-id.ts';
import type { SessionInfo, SessionStore } from '../session/store.ts';
import { formatTable } from './table.ts';

/** @returns the text to print */
export async function createSession(
  sessions: SessionStore,
  {
    astation,
    hostname = ownHostname(),
    json = false,
  }: { astation: string; hostname?: string; json?: boolean },
): Promise<string> {
  const sessionId = makeSessionId();
  await sessions.createGranted(sessionId, { hostname, astationId: astation });
  return json ? JSON.stringify({ session_id: sessionId }) : `session_id: ${sessionId}`;
}

const COLUMNS = ['FINGERPRINT', 'STATUS', 'ASTATION', 'HOSTNAME', 'LAST USED', 'EXPIRES'];

const inSeconds = (date: Date | null) => (date ? date.toISOString().replace(/\.\d+Z$/, 'Z') : '-');

const toRow = (session: SessionInfo) => [
  session.fingerprint,
  session.status,
  session.astationId ?? '-',
  session.hostname || '-',
  inSeconds(session.lastUsedAt),
  inSeconds(session.expiresAt),
];

/** @returns the text to print: a table, or one JSON array */
export function formatSessions(sessions: SessionInfo[], { json = false }: { json?: boolean }): string {
  if (json) {
    return JSON.stringify(
      sessions.map((session) => ({
        fingerprint: session.fingerprint,
        status: session.status,
        astation_id: session.astationId,
        hostname: session.hostname,
        created_at: session.createdAt,
        last_used_at: session.lastUsedAt,
        expires_at: session.expiresAt,
      })),
    );
  }
  return formatTable(COLUMNS, sessions.map(toRow));
}
