import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { readFault } from './pg-errors.ts';

/** `prisma/migrations` of this package, seen from src/db as well as from dist/db. */
export const MIGRATIONS_DIR = path.resolve(import.meta.dirname, '../../prisma/migrations');

/** The advisory lock that `prisma migrate` takes too, so that the two exclude each other. */
const PRISMA_MIGRATE_LOCK = 72707369;

/** As `prisma migrate` makes it, so that it finds our migrations applied. */
const BOOK = `
  CREATE TABLE IF NOT EXISTS _prisma_migrations (
    id                  VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum            VARCHAR(64) NOT NULL,
    finished_at         TIMESTAMPTZ,
    migration_name      VARCHAR(255) NOT NULL,
    logs                TEXT,
    rolled_back_at      TIMESTAMPTZ,
    started_at          TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count INTEGER NOT NULL DEFAULT 0
  )`;

/** SQLSTATE */
const INSUFFICIENT_PRIVILEGE = '42501';

interface Migration {
  name: string;
  sql: string;
  /** SHA-256 of the file, hexadecimal, as Prisma records it. */
  checksum: string;
}

/** A migration that cannot be applied. The message says which and what to do. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

async function readMigrations(dir: string): Promise<Migration[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const bytes = await readFile(path.join(dir, name, 'migration.sql'));
      return {
        name,
        sql: bytes.toString('utf8'),
        checksum: createHash('sha256').update(bytes).digest('hex'),
      };
    }),
  );
}

async function readBook(client: pg.Client): Promise<Map<string, string>> {
  await client.query(BOOK).catch((error: pg.DatabaseError) => {
    if (error.code !== INSUFFICIENT_PRIVILEGE) throw error;
    throw new MigrationError(
      `The database role may not create tables here (${error.message}); make it the owner of the database.`,
      { cause: error },
    );
  });
  const { rows } = await client.query<{ migration_name: string; checksum: string }>(
    'SELECT migration_name, checksum FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
  );
  return new Map(rows.map((row) => [row.migration_name, row.checksum]));
}

async function apply(client: pg.Client, { name, sql, checksum }: Migration): Promise<void> {
  try {
    await client.query('BEGIN');
    await client.query(sql);
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, clock_timestamp(), 1)`,
      [randomUUID(), checksum, name],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    const reason = error instanceof Error ? error.message : String(error);
    throw new MigrationError(`Migration ${name} failed and was rolled back: ${reason}`, { cause: error });
  }
}

/** @throws MigrationError when another program holds the lock for too long */
async function takeLock(client: pg.Client): Promise<void> {
  await client.query(`SET lock_timeout = '10s'`);
  try {
    await client.query('SELECT pg_advisory_lock($1)', [PRISMA_MIGRATE_LOCK]);
  } catch (error) {
    if (readFault(error).code !== '55P03') throw error;
    throw new MigrationError(
      'Another program has been migrating this database for over 10 seconds; wait until it is done, or end it.',
      { cause: error },
    );
  }
  await client.query('SET lock_timeout = 0');
}

/** @throws MigrationError when what was applied is not what this program has */
function checkBook(applied: Map<string, string>, migrations: Migration[]): void {
  const known = new Map(migrations.map(({ name, checksum }) => [name, checksum]));
  for (const [name, checksum] of applied) {
    if (!known.has(name)) {
      throw new MigrationError(
        `The database has migration ${name}, which this version does not know; run the newer version of vault-relay.`,
      );
    }
    if (known.get(name) !== checksum) {
      throw new MigrationError(
        `Migration ${name} was edited after it was applied; restore prisma/migrations/${name}/migration.sql and put the change into a new migration.`,
      );
    }
  }
}

/**
 * Brings the database up to date: every migration that is not recorded yet, in the order of their
 * names, each in a transaction of its own, under one lock, so that servers that start together
 * apply each once.
 * @param url of a role that may create tables and roles
 * @returns names of the migrations applied now
 * @throws MigrationError when one fails, was edited after it was applied, or is newer than this program, or another
 *   program holds the lock for too long
 */
export async function migrate(url: string, dir = MIGRATIONS_DIR): Promise<string[]> {
  const migrations = await readMigrations(dir);
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  client.on('error', () => undefined); // the query under way reports it
  await client.connect();
  try {
    // Must come first, so that what another server applies meanwhile is seen below.
    await takeLock(client);
    const applied = await readBook(client);
    checkBook(applied, migrations);
    const missing = migrations.filter((migration) => !applied.has(migration.name));
    for (const migration of missing) await apply(client, migration);
    return missing.map((migration) => migration.name);
  } finally {
    await client.end();
  }
}
