import pg from 'pg';
import { APPLICATION_ROLE } from './pool.ts';

/** The database as it was at one moment, over a connection of its own. */
export interface Snapshot {
  /** @param sql a constant with `$1`, `$2` … for the values. BIGINT comes as text */
  rows<Row>(sql: string, ...values: unknown[]): Promise<Row[]>;
}

/**
 * Runs work that takes longer than a request may, on one moment's state: whatever is written meanwhile stays unseen.
 * Names are looked up among PostgreSQL's own first, so that nothing in the database can pass for them.
 * @throws the driver's error when the database cannot be asked
 */
export async function withSnapshot<T>(url: string, work: (snapshot: Snapshot) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 5000,
    keepAlive: true,
    application_name: 'vault-relay snapshot',
  });
  client.on('error', () => undefined); // the call under way rejects
  await client.connect();
  try {
    await client.query(`SET ROLE ${APPLICATION_ROLE}; SET search_path = pg_catalog, public`);
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const names = new Map<string, string>();
    return await work({
      rows: async (text, ...values) => {
        const name = names.get(text) ?? `snapshot ${names.size}`;
        names.set(text, name);
        return (await client.query({ name, text, values })).rows;
      },
    });
  } finally {
    await client.end();
  }
}
