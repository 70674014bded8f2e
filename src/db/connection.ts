import pg from 'pg';
import { APPLICATION_ROLE } from './pool.ts';

/** Of rows that are fetched together, so that memory does not grow with what is read. */
const ROWS_AT_A_TIME = 100;

/**
 * Runs work on one connection of its own, as the role of the server, for what takes longer than a statement of the
 * server may.
 * @param url of a role that may become the server's @throws what `work` throws, or the driver when it cannot connect
 */
export async function withConnection<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 5000,
    application_name: 'vault-relay command',
  });
  client.on('error', () => undefined); // the query under way reports it
  await client.connect();
  try {
    await client.query(`SET ROLE ${APPLICATION_ROLE}`);
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

let cursors = 0;

/** The rows of a query as they are asked for, within the transaction that is open. Several may be open at a time. */
export async function* streamRows<Row>(
  client: pg.Client,
  sql: string,
  values: unknown[] = [],
): AsyncGenerator<Row> {
  const cursor = `vault_relay_${++cursors}`;
  await client.query(`DECLARE ${cursor} NO SCROLL CURSOR FOR ${sql}`, values);
  for (;;) {
    const { rows } = await client.query(`FETCH ${ROWS_AT_A_TIME} FROM ${cursor}`);
    yield* rows as Row[];
    if (rows.length < ROWS_AT_A_TIME) break;
  }
  await client.query(`CLOSE ${cursor}`);
}

/**
 * Runs work that only reads, all of it on what was committed at its first statement.
 * @throws what `work` throws
 */
export async function withSnapshot<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    // All rows are read: plans that are quick for the first ones only would be slow for the rest.
    await client.query('SET LOCAL cursor_tuple_fraction = 1');
    return await work();
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
  }
}
