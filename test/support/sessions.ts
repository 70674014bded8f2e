import { readSessions, type SessionRow } from '../../src/cli/session.ts';
import { withConnection, withPrismaSnapshot } from '../../src/db/connection.ts';
import { collect } from './collect.ts';

/** @returns the sessions that `session list` shows */
export const listSessions = (url: string, limit?: number): Promise<SessionRow[]> =>
  withConnection(url, (client) =>
    withPrismaSnapshot(client, (prisma) => collect(readSessions(prisma, limit))),
  );
