import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import pino from 'pino';
import { startEmbedded } from '../../src/db/embedded/postgres.ts';
import { migrate } from '../../src/db/migrate.ts';

/**
 * Runs work on a freshly migrated database, in an embedded PostgreSQL that is deleted afterwards.
 * @throws MigrationError when a migration fails, EmbeddedError when PostgreSQL does not start
 */
export async function withScratchDatabase<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'vault-relay-scratch-'));
  try {
    // PostgreSQL does not run as root, and its user needs access to this folder.
    await chmod(dataDir, 0o755);
    const log = pino({ level: 'silent' });
    const embedded = await startEmbedded({ dataDir, log, postgresFlags: ['-c', 'fsync=off'] });
    try {
      await migrate(embedded.url);
      const client = new pg.Client({ connectionString: embedded.url });
      await client.connect();
      return await work(client).finally(() => client.end());
    } finally {
      await embedded.stop();
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}
