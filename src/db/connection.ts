import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { AppendOnlyClient } from './prisma.ts';
import { CURRENT_SCHEMA, settle } from './settle.ts';
import { statementName } from './statement-name.ts';

/** The batch size of rows that are small each. */
const ROWS_AT_A_TIME = 500;

/**
 * Runs work on a dedicated connection with the server's role and without its time-outs, for long commands.
 * @param url of a role that may become the server's @throws what `work` throws, or the driver when it cannot connect
 */
export async function withConnection<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 5000,
    keepAlive: true,
    application_name: 'vault-relay command',
  });
  client.on('error', () => undefined); // the query in flight reports it
  await client.connect();
  try {
    await settle(client, { patient: true });
    return await work(client);
  } finally {
    await client.end().catch(() => undefined); // it is closed already
  }
}

/** Makes a Prisma client over a connection. Its queries join the open transaction of the connection. */
export async function prismaOn(client: pg.Client): Promise<AppendOnlyClient> {
  const { rows } = await client.query<{ schema: string }>(CURRENT_SCHEMA);
  const { makePrisma } = await import('./prisma.ts');
  // The adapter takes a pool; this one connects nowhere.
  const pool = Object.assign(new pg.Pool(), { query: client.query.bind(client) });
  return makePrisma({ pool, schema: rows[0]?.schema ?? 'public', run: (_, ask) => ask() });
}

/** The page size of queries through the Prisma client. */
const PAGE_ROWS = 5000;

/**
 * Yields rows page by page, in constant memory.
 * @param next finds at most `take` rows after the given one; after undefined, the first rows
 * @throws what `next` throws
 */
export async function* streamPages<Row>(
  next: (after: Row | undefined, take: number) => Promise<Row[]>,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<Row> {
  let after: Row | undefined;
  for (let left = limit; left > 0; left -= PAGE_ROWS) {
    const take = Math.min(left, PAGE_ROWS);
    const rows = await next(after, take);
    yield* rows;
    after = rows.at(-1);
    if (rows.length < take) return;
  }
}

/**
 * Runs reads on one snapshot, which is taken at the first statement.
 * @throws what `work` throws
 */
export async function withSnapshot<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    // Optimize cursors for all rows, because the work reads all of them.
    await client.query('SET LOCAL cursor_tuple_fraction = 1');
    return await work();
  } finally {
    // Nothing was written. If the connection was lost, the work throws that error.
    await client.query('ROLLBACK').catch(() => undefined);
  }
}

/** Like `withSnapshot`, for work with the Prisma client. */
export const withPrismaSnapshot = <T>(
  client: pg.Client,
  work: (prisma: AppendOnlyClient) => Promise<T>,
): Promise<T> => withSnapshot(client, async () => work(await prismaOn(client)));

/**
 * Yields the rows of a query lazily, within the open transaction. Several such streams may be open at once.
 * @param sql a query of rows that are small each @throws the driver's error
 */
export async function* streamRows<Row>(
  client: pg.Client,
  sql: string,
  values: unknown[] = [],
): AsyncGenerator<Row> {
  const cursor = `vault_relay_${randomUUID().replaceAll('-', '')}`;
  await client.query(`DECLARE ${cursor} NO SCROLL CURSOR FOR ${sql}`, values);
  try {
    for (;;) {
      const { rows } = await client.query(`FETCH ${ROWS_AT_A_TIME} FROM ${cursor}`);
      yield* rows as Row[];
      if (rows.length < ROWS_AT_A_TIME) break;
    }
  } finally {
    // A failed transaction has closed it already.
    await client.query(`CLOSE ${cursor}`).catch(() => undefined);
  }
}

/** The batch size for rows of a vault. A single row may exceed the bytes. */
const PORTION = { bytes: 1024 * 1024, rows: 1000 };

/**
 * `$1` a vault, `$2` the seq to continue after. `portion` has the `last` seq of the batch, and the number of candidate rows
 * `ahead` from which it was chosen.
 */
export const PORTION_OF_ROWS = `
  next AS MATERIALIZED (
    SELECT seq, coalesce(octet_length(content), 0) + octet_length(concat(writer_id, array_to_string(tags, ''))) AS bytes
    FROM vault_entries
    WHERE bucket = vault_bucket($1) AND vault_id = $1 AND seq > $2::bigint ORDER BY seq LIMIT ${PORTION.rows}
  ), weighed AS (
    SELECT seq, row_number() OVER by_seq AS place, sum(bytes) OVER by_seq AS bytes
    FROM next WINDOW by_seq AS (ORDER BY seq ROWS UNBOUNDED PRECEDING)
  ), portion AS MATERIALIZED (
    SELECT max(seq) AS last, (SELECT count(*)::int FROM next) AS ahead
    FROM weighed WHERE place = 1 OR bytes <= ${PORTION.bytes}
  )`;

/**
 * Yields the rows of a vault in the order of their seqs, in constant memory for rows of any size.
 * @param sql a query of the rows after `$2` up to `last` of PORTION_OF_ROWS, with `ahead`
 * @throws the driver's error
 */
export async function* streamVaultRows<Row extends { seq: number | string }>(
  client: pg.Client,
  sql: string,
  { vaultId, after }: { vaultId: string; after: number | string },
): AsyncGenerator<Row> {
  const name = statementName(sql);
  for (let last: number | string = after; ; ) {
    const query = { name, text: sql, values: [vaultId, last] };
    const { rows } = await client.query<Row & { ahead: number }>(query);
    for (const { ahead: _, ...row } of rows) yield row as unknown as Row;
    const end = rows.at(-1);
    if (!end || (rows.length === end.ahead && end.ahead < PORTION.rows)) return;
    last = end.seq;
  }
}
