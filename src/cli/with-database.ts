import type pg from 'pg';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { Database } from '../db/client.ts';
import { withConnection } from '../db/connection.ts';
import { requireMigrated } from '../db/migrate.ts';
import { openDatabaseSourceForCommand } from './database-url.ts';

/**
 * Runs a command's work on the address of the configured database, beside a server or not. It makes and migrates none.
 * @throws DatabaseUrlError, EmbeddedError or MigrationError when there is none that fits this program
 */
async function withDatabaseUrl<T>(
  config: Config,
  log: Logger,
  work: (url: string) => Promise<T>,
): Promise<T> {
  const source = await openDatabaseSourceForCommand(config, log);
  try {
    await requireMigrated(source.url);
    return await work(source.url);
  } finally {
    await source.release();
  }
}

/** The same on the database itself. */
export const withDatabase = <T>(
  config: Config,
  log: Logger,
  work: (db: Database) => Promise<T>,
): Promise<T> =>
  withDatabaseUrl(config, log, async (url) => {
    // Prisma's client loads here, so that commands which only read do not wait for it.
    const { Database } = await import('../db/client.ts');
    const db = new Database({ url, poolSize: 1, log });
    try {
      return await work(db);
    } finally {
      await db.close();
    }
  });

/** The same for work that streams, and so takes longer than a statement of the server may. */
export const withConnectionToDatabase = <T>(
  config: Config,
  log: Logger,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> => withDatabaseUrl(config, log, (url) => withConnection(url, work));
