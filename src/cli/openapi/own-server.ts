import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Logger } from 'pino';
import { readConfig } from '../../config.ts';
import { startEmbedded } from '../../db/embedded/postgres.ts';
import { startServer } from '../start-server.ts';
import { makeSessions, type Sessions } from './sessions.ts';

/** What is thrown away a moment later may be lost in a crash of the machine. */
const FAST = ['-c', 'fsync=off'];

/** A server to ask, and sessions to ask it with. */
export interface Target extends Sessions {
  url: string;
}

async function withTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'vault-relay-openapi-'));
  try {
    // PostgreSQL does not run as root, and its user cannot pass a closed folder.
    await chmod(folder, 0o755);
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** Runs work against the real server with the default settings, over a fresh embedded database. */
export const withOwnServer = <T>(
  { log, version }: { log: Logger; version: string },
  work: (target: Target) => Promise<T>,
): Promise<T> =>
  withTemporaryFolder(async (dataDir) => {
    const database = await startEmbedded({ dataDir, log, postgresFlags: FAST });
    try {
      const config = { ...readConfig({ PORT: '0', DATABASE_URL: database.url }), dataDir };
      const server = await startServer(config, log, version);
      try {
        return await work({ url: server.url, ...(await makeSessions(config, log)) });
      } finally {
        await server.stop();
      }
    } finally {
      await database.stop();
    }
  });
