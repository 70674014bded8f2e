import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { withConnection } from '../../src/db/connection.ts';
import { WRITE } from '../../src/vault/write/batch-store.ts';
import { CREATE } from '../../src/vault/write/create-store.ts';

const ROWS = 20_000;
const BATCH = 100;

const SIZES = `
  SELECT pg_relation_size(oid)::float8 AS heap, pg_indexes_size(oid)::float8 AS indexes,
    (pg_total_relation_size(oid) - pg_relation_size(oid) - pg_indexes_size(oid))::float8 AS toast
  FROM pg_class WHERE relname = $1 AND relnamespace = 'public'::regnamespace`;

interface Sizes {
  heap: number;
  toast: number;
  indexes: number;
}

async function sizesOf(client: pg.Client, table: string): Promise<Sizes> {
  const { rows } = await client.query<Sizes>(SIZES, [table]);
  return rows[0] ?? { heap: 0, toast: 0, indexes: 0 };
}

const TABLES = ['vault_entries', 'audit_log', 'vault_write_keys', 'vaults'] as const;
const snapshot = async (client: pg.Client) => {
  const sizes = new Map<string, Sizes>();
  for (const table of TABLES) sizes.set(table, await sizesOf(client, table));
  return sizes;
};

const row = (what: string, n: number, { heap, toast, indexes }: Sizes): string[] => [
  what,
  ...[heap, toast, indexes, heap + toast + indexes].map((bytes) => String(Math.round(bytes / n))),
];

const minus = (a: Sizes | undefined, b: Sizes | undefined): Sizes => ({
  heap: (a?.heap ?? 0) - (b?.heap ?? 0),
  toast: (a?.toast ?? 0) - (b?.toast ?? 0),
  indexes: (a?.indexes ?? 0) - (b?.indexes ?? 0),
});

/** Text that compresses as little as short prose. */
const textOf = (bytes: number) => randomBytes(bytes).toString('base64').slice(0, bytes);

const ORIGIN = {
  session: '0123456789ab',
  request_id: '8a8f6c90-ba18-4178-9711-e20df7d81f84',
  address: '192.0.2.200',
};

async function writeRows(client: pg.Client, n: number, text: () => string): Promise<void> {
  for (let done = 0; done < n; done += BATCH) {
    const writes = Array.from({ length: BATCH }, (_, place) => ({
      place,
      op: 'append',
      vault_id: `v-bench${String((done + place) % 100).padStart(5, '0')}`,
      work_session_id: 'astation-1',
      client_id: '3f0e6f0a-6a0b-4b7e-9f0c-0d5b5a2f7c11',
      text: text(),
      key: randomBytes(16).toString('hex'),
      request_hash: 'ab'.repeat(32),
      ...ORIGIN,
    }));
    await client.query(WRITE, [JSON.stringify(writes), 0, 0]);
  }
}

/** @returns lines of a table: bytes of each row, by what it belongs to */
export const measureSizes = (url: string): Promise<string[][]> =>
  withConnection(url, async (client) => {
    const start = await snapshot(client);
    for (let n = 0; n < 2000; n++) {
      const creation = {
        vault_id: `v-bench${String(n).padStart(5, '0')}`,
        summary: 'auth refactor',
        work_session_id: `astation-${n < 100 ? 1 : n}`,
        client_id: '3f0e6f0a-6a0b-4b7e-9f0c-0d5b5a2f7c11',
        ...ORIGIN,
      };
      await client.query(CREATE, [JSON.stringify(creation), 0]);
    }
    const made = await snapshot(client);
    const lines = [row('a vault', 2000, minus(made.get('vaults'), start.get('vaults')))];
    let before = made;
    for (const bytes of [200, 2000, 20_000]) {
      const n = bytes > 10_000 ? ROWS / 10 : ROWS;
      await writeRows(client, n, () => textOf(bytes));
      const after = await snapshot(client);
      const of = (table: string) => minus(after.get(table), before.get(table));
      lines.push(row(`an entry of ${bytes} bytes`, n, of('vault_entries')));
      if (bytes === 200) {
        lines.push(
          row('its audit row', n, of('audit_log')),
          row('its idempotency key', n, of('vault_write_keys')),
        );
      }
      before = after;
    }
    return lines;
  });
