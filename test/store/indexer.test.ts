import { afterEach, beforeAll, expect, test } from 'vitest';
import type { Caller } from '../../src/access/policy.ts';
import { Database } from '../../src/db/client.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { IndexBuilder } from '../../src/vault/search/index/builder-store.ts';
import { Indexer, type IndexerDeps } from '../../src/vault/search/index/indexer.ts';
import {
  BEHIND,
  NUMBER_VAULTS,
  READ_ONLY,
  ROWS,
  ROWS_AT,
  UNINDEXED,
} from '../../src/vault/search/index/sql.ts';
import { silent, useDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';
import { withoutTriggers } from '../support/tamper.ts';

const database = useDatabase();
const SIZES = { rows: 4, bytes: 1_000_000, merged: 99 };
/** Statements of this database that wait for a lock. */
const WAITING = `
  SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
const feed = new VaultFeed();
let store: TestStore;
let sessions = 0;
const indexers: Indexer[] = [];
beforeAll(() => {
  store = new TestStore(database.db, feed);
});
afterEach(async () => {
  for (const indexer of indexers.splice(0)) await indexer.close();
});

/** Makes a work session with some rows, of which the first is a summary. */
async function makeSession(rows: number): Promise<Caller> {
  const ann = { workSessionId: `indexer-${++sessions}`, clientId: 'ann' };
  const { vault_id: vaultId } = await store.create(ann, 'rows');
  for (let n = 1; n < rows; n++) await store.append(ann, vaultId, `row ${n}`);
  return ann;
}

/** Starts an indexer. @param before is called before each statement of its builder, and may fail it */
function startIndexer({
  before = async () => undefined,
  db = database.db,
  ...deps
}: Partial<IndexerDeps> & { db?: Database; before?(sql: string, values: unknown[]): Promise<unknown> } = {}) {
  const warnings: string[] = [];
  const builder = new IndexBuilder(
    {
      scan: async (taker, sql, ...values) => {
        await before(sql, values);
        return db.scan(taker, sql, ...values);
      },
    },
    SIZES,
  );
  const log = { warn: ({ reason }: { reason: string }) => void warnings.push(reason) };
  const indexer = new Indexer({ builder, feed, log: log as IndexerDeps['log'], queued: () => 0, ...deps });
  indexers.push(indexer);
  indexer.start();
  return { indexer, warnings };
}

const indexedRows = async ({ workSessionId }: Caller) => {
  const { rows } = await database.admin.query(
    'SELECT coalesce(sum(rows), 0)::int AS rows FROM search_segments WHERE work_session_id = $1',
    [workSessionId],
  );
  return rows[0].rows;
};

test('a work session that fails again and again: it is tried after longer rests, up to a minute, and the others are indexed at once', async () => {
  const [broken, ann] = [await makeSession(4), await makeSession(12)];
  let failures = 7;
  let clock = 0;
  const tries: number[] = [];
  const { indexer, warnings } = startIndexer({
    before: async (sql, [workSessionId]) => {
      if (sql !== UNINDEXED || workSessionId !== broken.workSessionId) return;
      tries.push(clock / 1000);
      if (failures-- > 0) throw new Error('a bad row');
    },
    rest: async (ms) => {
      if (clock === 0) expect(await indexedRows(ann)).toBe(12);
      clock += ms;
    },
    now: () => clock,
  });
  await expect.poll(() => indexedRows(broken)).toBe(4);
  expect({ tries: tries.slice(0, 8), warned: warnings.length }).toEqual({
    tries: [0, 5, 15, 35, 75, 135, 195, 255],
    warned: 5,
  });
  // A later failure begins with the shortest rest.
  await expect.poll(() => indexer.state.waiting).toBe(0);
  [failures, tries.length] = [1, 0];
  const failed = clock / 1000;
  indexer.look(broken.workSessionId);
  await expect.poll(() => tries).toEqual([failed, failed + 5]);
});

test('more work sessions fail than are tried again one by one: the indexer rests between them', async () => {
  let clock = 0;
  const rests: number[] = [];
  const tried = new Set<unknown>();
  const { indexer } = startIndexer({
    before: async (sql, [workSessionId]) => {
      if (sql !== UNINDEXED) return;
      tried.add(workSessionId);
      throw new Error('no database');
    },
    rest: async (ms, signal) => {
      rests.push(ms / 1000);
      clock += ms;
      if (rests.length === 3) indexer.stop();
      expect(signal).toBeDefined();
    },
    now: () => clock,
  });
  for (let n = 0; n < 66; n++) indexer.look(`failing-${n}`);
  await expect.poll(() => rests).toEqual([5, 10, 20]);
  expect(tried.size).toBe(66);
});

test('a database that is read-only: the indexer asks whether it still is, and writes when it is not', async () => {
  const ann = await makeSession(4);
  const setReadOnly = (how: string) =>
    database.admin.query(
      `SET default_transaction_read_only = off;
       DO $$ BEGIN EXECUTE format('ALTER DATABASE %I ${how}', current_database()); END $$`,
    );
  await setReadOnly('SET default_transaction_read_only = on');
  const db = new Database({ url: database.url, poolSize: 2, log: silent });
  try {
    let clock = 0;
    let isOn = true;
    const statements: string[] = [];
    const { indexer, warnings } = startIndexer({
      db,
      before: async (sql) => statements.push(sql),
      rest: async (ms) => {
        clock += ms;
        if (clock < 60_000 || !isOn) return;
        isOn = false;
        await setReadOnly('RESET default_transaction_read_only');
        await database.admin.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND application_name LIKE 'vault-relay%'`,
        );
      },
      now: () => clock,
    });
    await expect.poll(() => indexedRows(ann)).toBe(4);
    await indexer.close();
    const asked = statements.lastIndexOf(READ_ONLY);
    expect(statements.slice(0, asked).filter((sql) => sql === NUMBER_VAULTS)).toHaveLength(1);
    expect(warnings).toContain('The database is read-only');
  } finally {
    await setReadOnly('RESET default_transaction_read_only');
    await db.close();
  }
});

test('a segment that lost all its rows and its postings is removed', async () => {
  const ann = await makeSession(4);
  const builder = new IndexBuilder(database.db, SIZES);
  const build = async () => {
    while ((await builder.step(ann.workSessionId)).more);
  };
  await build();
  const vaults = `SELECT vault_id FROM vaults WHERE work_session_id = '${ann.workSessionId}'`;
  await withoutTriggers(
    database.admin,
    `SELECT forget_search_row(vault_id, seq) FROM vault_entries WHERE vault_id IN (${vaults}) LIMIT 1;
     DELETE FROM vault_entries WHERE vault_id IN (${vaults})`,
  );
  expect(await indexedRows(ann)).toBe(4);
  await build();
  expect(await indexedRows(ann)).toBe(0);
});

test('a look at all work sessions that fails: writes that are announced are indexed', async () => {
  const { indexer, warnings } = startIndexer({
    before: async (sql) => {
      if (sql === BEHIND) throw new Error('no database');
    },
    rest: async () => undefined,
  });
  await expect.poll(() => warnings).toEqual(['no database']);
  const ann = await makeSession(4);
  expect(indexer.state.waiting).toBe(0);
  for (let n = 0; n < 256; n++) {
    feed.written({ workSessionId: ann.workSessionId, vaultId: 'v', seq: n, kind: 'content' });
  }
  await expect.poll(() => indexedRows(ann)).toBe(4);
});

test('few writes of long texts: their work session is indexed without a look at all of them', async () => {
  const { indexer } = startIndexer();
  await expect.poll(() => indexer.state.bytes).toBeGreaterThan(0);
  const ann = await makeSession(1);
  const { vault_id: vaultId } = await store.create(ann, 'long texts');
  for (let n = 0; n < 5; n++) await store.append(ann, vaultId, 'long '.repeat(12_000));
  await expect.poll(() => indexedRows(ann)).toBe(4);
});

test('more vaults than one look joins: the next looks go on, until all were seen', async () => {
  const behind = [await makeSession(4), await makeSession(4), await makeSession(4)];
  const builder = new IndexBuilder(database.db, { ...SIZES, swept: 2 });
  const seen = new Set<string>();
  let [next, looks] = ['', 0];
  do {
    const look = await builder.behind(next);
    for (const workSessionId of look.workSessionIds) seen.add(workSessionId);
    expect(look.workSessionIds.length).toBeLessThanOrEqual(2);
    next = look.next;
    looks++;
  } while (next !== '');
  expect([...seen]).toEqual(expect.arrayContaining(behind.map(({ workSessionId }) => workSessionId)));
  expect(looks).toBeGreaterThan(1);
});

test('while many writes are queued, the indexer rests after each step, and not while few are', async () => {
  const ann = await makeSession(8);
  let queued = 9;
  const rests: number[] = [];
  const { indexer } = startIndexer({
    queued: () => queued,
    rest: async (ms) => {
      rests.push(ms);
      if (rests.length === 2) queued = 8;
    },
  });
  await expect.poll(() => indexedRows(ann)).toBe(8);
  await expect.poll(() => indexer.state.waiting).toBe(0);
  expect(rests).toHaveLength(2);
  expect(Math.max(...rests)).toBeLessThanOrEqual(5000);
});

test('an indexer that is closed during a statement waits for it and runs no other', async () => {
  const ann = await makeSession(4);
  const statements: string[] = [];
  let goOn: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const { indexer } = startIndexer({
    before: async (sql) => {
      statements.push(sql);
      if (sql === UNINDEXED) await held;
    },
  });
  await expect.poll(() => statements.at(-1)).toBe(UNINDEXED);
  const before = statements.length;
  let isClosed = false;
  const closed = indexer.close().then(() => {
    isClosed = true;
  });
  expect((await database.admin.query('SELECT 1')).rowCount).toBe(1);
  expect(isClosed).toBe(false);
  goOn();
  await closed;
  expect({ ran: statements.length - before, rows: await indexedRows(ann) }).toEqual({ ran: 0, rows: 0 });
});

test('work sessions that are behind take turns', async () => {
  const behind = [await makeSession(12), await makeSession(12)].map(({ workSessionId }) => workSessionId);
  const turns: unknown[] = [];
  const { indexer } = startIndexer({
    before: async (sql, [workSessionId]) => {
      if (sql === UNINDEXED && behind.includes(String(workSessionId))) turns.push(workSessionId);
    },
  });
  await expect.poll(() => turns.length).toBe(8);
  await expect.poll(() => indexer.state.waiting).toBe(0);
  const [first, second] = turns;
  expect(first).not.toBe(second);
  expect(turns).toEqual([first, second, first, second, first, second, first, second]);
});

test('a segment of more than 4 MiB is not merged, and does not block the others', async () => {
  const ann = await makeSession(4);
  const build = async (sizes: typeof SIZES) => {
    const builder = new IndexBuilder(database.db, sizes);
    while ((await builder.step(ann.workSessionId)).more);
  };
  const sizes = async () => {
    const { rows } = await database.admin.query(
      'SELECT level, rows FROM search_segments WHERE work_session_id = $1 ORDER BY segment',
      [ann.workSessionId],
    );
    return rows;
  };
  await build(SIZES);
  await database.admin.query(
    `UPDATE search_segments SET postings = postings || decode(repeat('00', 4194304), 'hex') WHERE work_session_id = $1`,
    [ann.workSessionId],
  );
  const { vault_id: vaultId } = await store.create(ann, 'more rows');
  for (let n = 1; n < 8; n++) await store.append(ann, vaultId, `row ${n}`);
  await build({ ...SIZES, merged: 2 });
  expect(await sizes()).toEqual([
    { level: 0, rows: 4 },
    { level: 1, rows: 8 },
  ]);
});

interface Plan {
  'Relation Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  Plans?: Plan[];
}

/** Rows that the scans of a table returned, in the plan of a statement that has run. */
function rowsOf(plan: Plan, table: string): number {
  const own = plan['Relation Name'] === table ? plan['Actual Rows'] * plan['Actual Loops'] : 0;
  return (plan.Plans ?? []).reduce((sum, part) => sum + rowsOf(part, table), own);
}

test('a work session of many vaults: a step looks at twice the rows of its segment at most', async () => {
  const ann: Caller = { workSessionId: `indexer-${++sessions}`, clientId: 'ann' };
  for (let vault = 0; vault < 6; vault++) {
    const { vault_id: vaultId } = await store.create(ann, 'rows');
    for (let n = 1; n < 3; n++) await store.append(ann, vaultId, `row ${n}`);
  }
  const looked: number[] = [];
  const builder = new IndexBuilder(
    {
      scan: async (taker, sql, ...values) => {
        if (sql === ROWS) {
          const { rows } = await database.admin.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`, values);
          looked.push(rowsOf(rows[0]['QUERY PLAN'][0].Plan, 'vault_entries'));
        }
        return database.db.scan(taker, sql, ...values);
      },
    },
    SIZES,
  );
  while ((await builder.step(ann.workSessionId)).more);
  expect(await indexedRows(ann)).toBe(16);
  expect(looked.length).toBeGreaterThan(3);
  expect(Math.max(...looked)).toBeLessThanOrEqual(2 * SIZES.rows);
});

test('a segment of long texts that is built again: a statement reads half a megabyte of them and one more', async () => {
  const ann: Caller = { workSessionId: `indexer-${++sessions}`, clientId: 'ann' };
  const { vault_id: vaultId } = await store.create(ann, 'long');
  for (let n = 1; n < 40; n++) await store.append(ann, vaultId, `${n} `.padEnd(60_000, 'long text '));
  const read: number[] = [];
  const builder = new IndexBuilder(
    {
      scan: async <Row>(taker: Parameters<typeof database.db.scan>[0], sql: string, ...values: unknown[]) => {
        const rows = await database.db.scan<Row>(taker, sql, ...values);
        if (sql === ROWS_AT) read.push(rows.length);
        return rows;
      },
    },
    { rows: 40, bytes: 100_000_000, merged: 99 },
  );
  const build = async () => {
    while ((await builder.step(ann.workSessionId)).more);
  };
  await build();
  await database.admin.query('SELECT forget_search_row($1, 5)', [vaultId]);
  await build();
  expect(await indexedRows(ann)).toBe(40);
  const { rows } = await database.admin.query(
    'SELECT postings IS NULL AS lost FROM search_segments WHERE work_session_id = $1',
    [ann.workSessionId],
  );
  expect(rows).toEqual([{ lost: false }]);
  expect(read.reduce((sum, one) => sum + one)).toBe(40);
  expect(Math.max(...read)).toBeLessThanOrEqual(10);
});

test('two servers number the same vaults: they never wait for each other', async () => {
  const { rows } = await database.admin.query<{ vault_id: string }>(
    `SELECT 'numbered-' || n AS vault_id FROM generate_series(1, 9) AS n
     ORDER BY vault_bucket('numbered-' || n), ('numbered-' || n) COLLATE "C"`,
  );
  const vaultIds = rows.map(({ vault_id }) => vault_id);
  const other = await database.admin.connect();
  try {
    await other.query('BEGIN');
    await other.query(NUMBER_VAULTS, [vaultIds.slice(0, 1)]);
    const numbered = database.db.rows(NUMBER_VAULTS, vaultIds.toReversed());
    await expect.poll(async () => (await database.admin.query(WAITING)).rowCount).toBe(1);
    // The other transaction has none of these yet, or this one would wait for it.
    await other.query(NUMBER_VAULTS, [vaultIds.slice(1)]);
    await other.query('COMMIT');
    expect(await numbered).toEqual([]);
  } finally {
    other.release(true);
  }
});
