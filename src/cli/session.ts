import { hostname as ownHostname } from 'node:os';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { Database } from '../db/client.ts';
import { migrate } from '../db/migrate.ts';
import { makeSessionId } from '../session/session-id.ts';
import { type SessionInfo, SessionStore } from '../session/store.ts';
import { openDatabaseSourceForCommand } from './database-url.ts';

/** Runs work on the sessions of the configured database, beside a server or without one. */
export async function withSessions<T>(
  config: Config,
  log: Logger,
  work: (sessions: SessionStore) => Promise<T>,
) {
  const source = await openDatabaseSourceForCommand(config, log);
  try {
    await migrate(source.url);
    const db = new Database({ url: source.url, poolSize: 1, log });
    try {
      return await work(new SessionStore(db));
    } finally {
      await db.close();
    }
  } finally {
    await source.release();
  }
}

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
  session.hostname,
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
  const rows = [COLUMNS, ...sessions.map(toRow)];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
