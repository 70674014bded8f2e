import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { makeSessionId } from '../../src/access/session-id.ts';
import { startServer } from '../../src/cli/start-server.ts';
import { withDatabase } from '../../src/cli/with-database.ts';
import { readConfig } from '../../src/config.ts';
import { startEmbedded } from '../../src/db/embedded/postgres.ts';
import { SessionStore } from '../../src/session/store.ts';

export interface ServerForPictures {
  url: string;
  /** A session of an Astation. */
  session: string;
  /** The operator's token. */
  token: string;
}

const TOKEN = 'a-token-for-pictures-of-an-empty-server';

/** Runs work against a server with an empty database, and deletes both afterwards. */
export async function withServer<T>(work: (server: ServerForPictures) => Promise<T>): Promise<T> {
  const log = pino({ level: 'error' });
  const dataDir = await mkdtemp(path.join(tmpdir(), 'vault-relay-screenshots-'));
  // PostgreSQL does not run as root, and its user needs access to this folder.
  await chmod(dataDir, 0o755);
  const database = await startEmbedded({ dataDir, log, postgresFlags: ['-c', 'fsync=off'] });
  try {
    const config = readConfig({ PORT: '0', DATABASE_URL: database.url, DASHBOARD_TOKEN: TOKEN });
    const server = await startServer({ ...config, dataDir }, log, '0.1.0');
    try {
      const session = makeSessionId();
      await withDatabase(config, log, (db) =>
        new SessionStore(db).createGranted(session, { hostname: 'build-mac', astationId: 'my-astation' }),
      );
      return await work({ url: server.url, session, token: TOKEN });
    } finally {
      await server.stop();
    }
  } finally {
    await database.stop();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 10 });
  }
}
