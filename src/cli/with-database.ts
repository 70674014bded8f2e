import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { Database } from '../db/client.ts';
import { migrate } from '../db/migrate.ts';
import { openDatabaseSourceForCommand } from './database-url.ts';

/** Runs a command's work on the configured database, beside a server or without one. */
export async function withDatabase<T>(
  config: Config,
  log: Logger,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  const source = await openDatabaseSourceForCommand(config, log);
  try {
    await migrate(source.url);
    const db = new Database({ url: source.url, poolSize: 1, log });
    try {
      return await work(db);
    } finally {
      await db.close();
    }
  } finally {
    await source.release();
  }
}
