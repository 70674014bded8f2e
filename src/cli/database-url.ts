import pg from 'pg';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { EmbeddedOptions } from '../db/embedded/postgres.ts';
import { readFault } from '../db/pg-errors.ts';

/** A database that cannot be used. The message names the variable and never its value. */
export class DatabaseUrlError extends Error {
  override readonly name = 'DatabaseUrlError';
}

/** A PostgreSQL that was found or started, and how to release it. */
export interface DatabaseSource {
  url: string;
  /** Its name for people. */
  description: string;
  onUnexpectedExit(listener: (reason: string) => void): void;
  release(): Promise<void>;
}

/** The oldest PostgreSQL that the SQL is written for. */
const MIN_SERVER_VERSION = 150_000;

/** @throws DatabaseUrlError unless `url` leads to a PostgreSQL that lets us in and is new enough */
async function checkDatabaseUrl(url: string): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 5000,
    application_name: 'vault-relay',
  });
  client.on('error', () => undefined); // the call in flight reports it
  let version: number;
  try {
    await client.connect();
    const { rows } = await client.query<{ server_version_num: string }>('SHOW server_version_num');
    version = Number(rows[0]?.server_version_num);
  } catch (error) {
    const { code, message } = readFault(error);
    const reason = [code, message].filter(Boolean).join(': ');
    throw new DatabaseUrlError(
      `Cannot connect to PostgreSQL at DATABASE_URL (${reason}); start that database, correct the variable, or unset it to use the embedded one.`,
    );
  } finally {
    await client.end().catch(() => undefined); // it is closed already
  }
  if (version < MIN_SERVER_VERSION) {
    throw new DatabaseUrlError(
      `DATABASE_URL names a PostgreSQL ${Math.floor(version / 10_000)}; vault-relay needs 15 or newer.`,
    );
  }
}

/** The server's database: the one that `DATABASE_URL` names, else an embedded one started here. Never a fallback. */
export async function openDatabaseSource(config: Config, log: Logger): Promise<DatabaseSource> {
  if (config.databaseUrl) {
    await checkDatabaseUrl(config.databaseUrl);
    return external(config.databaseUrl, 'the PostgreSQL that DATABASE_URL names');
  }
  return startHere(config, log, { owner: 'server' });
}

const external = (url: string, description: string): DatabaseSource => ({
  url,
  description,
  onUnexpectedExit: () => undefined,
  release: async () => undefined,
});

async function startHere(
  config: Config,
  log: Logger,
  options: Pick<EmbeddedOptions, 'owner' | 'create'>,
): Promise<DatabaseSource> {
  const { startEmbedded } = await import('../db/embedded/postgres.ts');
  const embedded = await startEmbedded({ dataDir: config.dataDir, log, ...options });
  return {
    url: embedded.url,
    description: `embedded PostgreSQL in ${embedded.clusterDir}`,
    onUnexpectedExit: (listener) => embedded.onUnexpectedExit(listener),
    release: () => embedded.stop(),
  };
}

/**
 * The same for a command, which may run beside a server: then the database that is running serves both.
 * @param create whether an embedded one is made where there is none
 */
export async function openDatabaseSourceForCommand(
  config: Config,
  log: Logger,
  { create = false } = {},
): Promise<DatabaseSource> {
  return config.databaseUrl
    ? openDatabaseSource(config, log)
    : startHere(config, log, { owner: 'command', create });
}
