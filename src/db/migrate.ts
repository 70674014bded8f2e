import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { mayHaveRun, readFault } from './pg-errors.ts';
import { APPLICATION_ROLE, settle } from './settle.ts';

/** `prisma/migrations` of this package. The path holds from src/db and from dist/db. */
export const MIGRATIONS_DIR = path.resolve(import.meta.dirname, '../../prisma/migrations');

/** The advisory lock of `prisma migrate`, so that the two exclude each other. */
const PRISMA_MIGRATE_LOCK = 72707369;

/** The same table as `prisma migrate` creates, so that it recognizes our migrations as applied. */
const MIGRATIONS_TABLE = `
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

/** SQLSTATEs */
const INSUFFICIENT_PRIVILEGE = '42501';
const NO_SUCH_DATABASE = '3D000';

interface Migration {
  name: string;
  sql: string;
  /** SHA-256 of the file, hexadecimal, as Prisma records it. */
  checksum: string;
}

/** A migration cannot be applied. The message names it and the remedy. */
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

/** Reads the applied migrations. Creates their table if it is missing. */
async function prepareApplied(client: pg.Client): Promise<Map<string, string>> {
  await client.query(MIGRATIONS_TABLE).catch((error: pg.DatabaseError) => {
    if (error.code !== INSUFFICIENT_PRIVILEGE) throw error;
    throw new MigrationError(
      `The database role may not create tables here (${error.message}); make it the owner of the database.`,
      { cause: error },
    );
  });
  return readApplied(client);
}

async function readApplied(client: pg.Client): Promise<Map<string, string>> {
  const { rows } = await client.query<{ migration_name: string; checksum: string }>(
    'SELECT migration_name, checksum FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
  );
  return new Map(rows.map((row) => [row.migration_name, row.checksum]));
}

async function apply(client: pg.Client, { name, sql, checksum }: Migration): Promise<void> {
  let committing = false;
  try {
    await client.query('BEGIN');
    await client.query(sql);
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, clock_timestamp(), 1)`,
      [randomUUID(), checksum, name],
    );
    committing = true;
    await client.query('COMMIT');
  } catch (error) {
    if (committing && mayHaveRun(readFault(error))) {
      throw new MigrationError(
        `The connection to the database was lost before migration ${name} was confirmed, so it may have been applied; migrate again.`,
        { cause: error },
      );
    }
    await client.query('ROLLBACK').catch(() => undefined); // the reason is thrown below
    const reason = error instanceof Error ? error.message : String(error);
    throw new MigrationError(`Migration ${name} failed and was rolled back: ${reason}`, { cause: error });
  }
}

/** @throws MigrationError when another program holds the lock for too long */
async function takeLock(client: pg.Client): Promise<void> {
  await client.query(`SET statement_timeout = 0; SET lock_timeout = '10s'`);
  try {
    await client.query('SELECT pg_advisory_lock($1)', [PRISMA_MIGRATE_LOCK]);
  } catch (error) {
    if (readFault(error).code !== '55P03') throw error;
    throw new MigrationError(
      'Another program has been migrating this database for over 10 seconds; wait until it ends, or stop it.',
      { cause: error },
    );
  }
}

/** @throws MigrationError when the applied migrations do not match those of this program */
function checkApplied(applied: Map<string, string>, migrations: Migration[]): void {
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

/** Requires UTF-8, because hashes are over UTF-8 bytes. @throws MigrationError */
async function checkEncoding(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ encoding: string; name: string }>(
    `SELECT current_setting('server_encoding') AS encoding, current_database() AS name`,
  );
  const { encoding, name } = rows[0] ?? { encoding: 'unknown', name: '' };
  if (encoding === 'UTF8') return;
  throw new MigrationError(
    `The database ${name} has the encoding ${encoding}, but vault-relay needs UTF8; create a database with ENCODING 'UTF8' TEMPLATE template0, and name it in DATABASE_URL.`,
  );
}

/** Lets the server's role use the schema of the tables, which is not always `public`. @throws MigrationError */
async function openSchema(client: pg.Client): Promise<void> {
  const find = `SELECT quote_ident(current_schema()) AS schema FROM pg_roles
    WHERE rolname = $1 AND NOT has_schema_privilege(oid, current_schema(), 'USAGE')`;
  const ask = async () => (await client.query<{ schema: string }>(find, [APPLICATION_ROLE])).rows[0]?.schema;
  const closed = await ask();
  if (closed === undefined) return;
  const grant = `GRANT USAGE ON SCHEMA ${closed} TO ${APPLICATION_ROLE}`;
  await client.query(grant).catch(() => undefined); // the next query shows whether it worked
  // Without the right to grant, PostgreSQL only warns.
  if ((await ask()) === undefined) return;
  throw new MigrationError(
    `The role ${APPLICATION_ROLE} may not use the schema ${closed}; let an administrator run ${grant};`,
  );
}

/** Runs work on a connection of the role that owns the tables. @throws MigrationError, or what `work` throws */
async function withOwner<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 5000,
    application_name: 'vault-relay migrate',
  });
  client.on('error', () => undefined); // the query in flight reports it
  try {
    await client.connect();
    await checkEncoding(client);
    return await work(client);
  } finally {
    await client.end().catch(() => undefined); // it is closed already
  }
}

/** Selects the schema that has the tables, or will have them. @throws MigrationError when the role has none */
async function enterSchema(client: pg.Client): Promise<void> {
  await settle(client, { asOwner: true, patient: true });
  const { rows } = await client.query('SELECT current_schema() AS schema');
  if (rows[0].schema !== null) return;
  throw new MigrationError(
    'The search_path of the database role names no schema that exists; create that schema, or set another search_path for the role.',
  );
}

/**
 * Applies every migration that is not recorded yet, in the order of their names, each in a separate transaction. One lock
 * covers them, so that servers that start together apply each migration once.
 * @param url of a role that may create tables and roles
 * @returns names of the migrations applied now
 * @throws MigrationError when a migration fails, was edited after it was applied, or is newer than this program, or when
 *   another program holds the lock for too long
 */
export async function migrate(url: string, dir = MIGRATIONS_DIR): Promise<string[]> {
  const migrations = await readMigrations(dir);
  return withOwner(url, async (client) => {
    // Must come first, so that the query below sees migrations that another server applies concurrently.
    await takeLock(client);
    await enterSchema(client);
    const applied = await prepareApplied(client);
    checkApplied(applied, migrations);
    const missing = migrations.filter((migration) => !applied.has(migration.name));
    for (const migration of missing) await apply(client, migration);
    await openSchema(client);
    return missing.map((migration) => migration.name);
  });
}

const NOT_MADE =
  'The database has no tables of vault-relay; run `vault-relay migrate` or `vault-relay serve` first, or name another database.';

/**
 * Checks whether the database matches this program. Changes nothing.
 * @throws MigrationError when it is empty, older or newer
 */
export async function requireMigrated(url: string, dir = MIGRATIONS_DIR): Promise<void> {
  const migrations = await readMigrations(dir);
  await withOwner(url, async (client) => {
    await enterSchema(client);
    const { rows } = await client.query(`SELECT to_regclass('_prisma_migrations') IS NOT NULL AS kept`);
    const applied = rows[0].kept ? await readApplied(client) : new Map<string, string>();
    if (applied.size === 0) throw new MigrationError(NOT_MADE);
    checkApplied(applied, migrations);
    const missing = migrations.filter(({ name }) => !applied.has(name));
    if (missing.length === 0) return;
    throw new MigrationError(
      `The database is older than this program (it lacks ${missing.map(({ name }) => name).join(', ')}); run \`vault-relay migrate\`, or restart the server with this version.`,
    );
  }).catch((error) => {
    if (readFault(error).code !== NO_SUCH_DATABASE) throw error;
    throw new MigrationError(NOT_MADE, { cause: error });
  });
}
