import { randomBytes } from 'node:crypto';
import pg from 'pg';
import pino, { type Logger } from 'pino';
import { afterAll, beforeAll, inject } from 'vitest';
import { Database } from '../../src/db/client.ts';

/** The test file's own database, cloned from the migrated template. */
export interface TestDatabase {
  url: string;
  db: Database;
  /** Superuser access that bypasses the server's role, to inspect and break data. */
  admin: pg.Pool;
}

export const silent: Logger = pino({ level: 'silent' });

const withAdmin = <T>(work: (admin: pg.Client) => Promise<T>): Promise<T> =>
  withClient(inject('adminUrl'), work);

/** Clones the template for this test file and drops the clone afterwards. */
export function useDatabase({ poolSize = 10 } = {}): TestDatabase {
  const name = `vault_relay_test_${randomBytes(6).toString('hex')}`;
  const url = new URL(inject('adminUrl'));
  url.pathname = name;
  const test = { url: url.href } as TestDatabase;
  beforeAll(async () => {
    await withAdmin((admin) => admin.query(`CREATE DATABASE ${name} TEMPLATE ${inject('template')}`));
    test.db = new Database({ url: url.href, poolSize, log: silent });
    test.admin = new pg.Pool({ connectionString: url.href, max: 2 });
    test.admin.on('error', () => undefined);
  });
  afterAll(async () => {
    await test.db.close();
    await test.admin.end();
    await withAdmin((admin) => admin.query(`DROP DATABASE ${name} WITH (FORCE)`));
  });
  return test;
}

/** Runs work on a database that `CREATE DATABASE` makes with these options, and drops it afterwards. */
export async function withNewDatabase<T>(options: string, work: (url: string) => Promise<T>): Promise<T> {
  const name = `vault_relay_test_${randomBytes(6).toString('hex')}`;
  const url = new URL(inject('adminUrl'));
  url.pathname = name;
  await withAdmin((admin) => admin.query(`CREATE DATABASE ${name} ${options}`));
  try {
    return await work(url.href);
  } finally {
    await withAdmin((admin) => admin.query(`DROP DATABASE ${name} WITH (FORCE)`));
  }
}

/** Runs work on an empty database, and drops it afterwards. */
export const withEmptyDatabase = <T>(work: (url: string) => Promise<T>): Promise<T> =>
  withNewDatabase('', work);

/** Runs work on a migrated database without rows, and drops it afterwards. */
export const withMigratedDatabase = <T>(work: (url: string) => Promise<T>): Promise<T> =>
  withNewDatabase(`TEMPLATE ${inject('template')}`, work);

/** Runs work with a connection. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** All stored data, to check that a call changes nothing. */
export async function dump(admin: pg.Pool): Promise<string> {
  const tables = ['vaults', 'vault_entries', 'vault_writers'];
  const rows = await Promise.all(tables.map((table) => admin.query(`SELECT * FROM ${table} ORDER BY 1, 2`)));
  return JSON.stringify(rows.map((result) => result.rows));
}
