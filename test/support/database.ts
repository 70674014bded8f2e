import { randomBytes } from 'node:crypto';
import pg from 'pg';
import pino, { type Logger } from 'pino';
import { afterAll, beforeAll, inject } from 'vitest';
import { Database } from '../../src/db/client.ts';

/** A database of the test file's own, cloned from the migrated template. */
export interface TestDatabase {
  url: string;
  db: Database;
  /** Superuser access past the server's own role, for looking and for breaking things. */
  admin: pg.Pool;
}

export const silent: Logger = pino({ level: 'silent' });

async function withAdmin<T>(work: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: inject('adminUrl') });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

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

/** Everything the server keeps, to compare before and after a call that must change nothing. */
export async function dump(admin: pg.Pool): Promise<string> {
  const tables = ['vaults', 'vault_entries'];
  const rows = await Promise.all(tables.map((table) => admin.query(`SELECT * FROM ${table} ORDER BY 1`)));
  return JSON.stringify(rows.map((result) => result.rows));
}
