import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import pino from 'pino';
import { Database } from '../src/db/client.ts';
import { startEmbedded } from '../src/db/embedded/postgres.ts';
import { migrate } from '../src/db/migrate.ts';
import { VaultFeed } from '../src/vault/follow/feed.ts';
import { VaultStore } from '../src/vault/store.ts';
import { median } from './stats.ts';

const ROUNDS = 9;
const SIZES = [10_000, 100_000];
const ROWS_OF_A_VAULT = 1000;

/** About 500 bytes, half of them Chinese. Each row has a different text. */
const TEXT = `'entry ' || n || ': ' || repeat('we keep the session in a cookie, 15 minutes; ', 5) || repeat('我们决定使用数据库会话', 7)`;
/** In no row, so that a search scans each row to its end. */
const MISSING = { english: 'Nowhere', chinese: '团队' };

const manyOf = (rows: number) => ({ workSessionId: `many ${rows}`, clientId: `many ${rows}` });
const oneOf = (rows: number) => ({ workSessionId: `one ${rows}`, clientId: `one ${rows}` });
const vaultOf = (rows: number) => `v-one-${rows}`;

/** Makes rows in vaults of a thousand each, and as many rows in one vault. Their hashes are placeholders, because no search reads them. */
async function seed(admin: pg.Client, rows: number): Promise<void> {
  const vaults = rows / ROWS_OF_A_VAULT;
  const insertVaults = `
    INSERT INTO vaults (bucket, vault_id, summary, work_session_id, created_by, next_entry_no, head_seq)
    SELECT vault_bucket(id), id, 'vault ' || v, $3, $3, $4 + 1, $4
    FROM generate_series(1, $2::int) AS v, LATERAL (SELECT $1 || CASE WHEN $2 = 1 THEN '' ELSE '-' || v END) AS named (id)`;
  const insertEntries = `
    INSERT INTO vault_entries (bucket, vault_id, seq, entry_no, version, kind, writer_id, content, hash)
    SELECT vault_bucket(id), id, n, n, 1, 'content', $3, ${TEXT}, sha256('')
    FROM generate_series(1, $2::int) AS v, LATERAL (SELECT $1 || CASE WHEN $2 = 1 THEN '' ELSE '-' || v END) AS named (id),
      generate_series(1, $4::int) AS n`;
  for (const values of [
    [`v-many-${rows}`, vaults, manyOf(rows).workSessionId, ROWS_OF_A_VAULT],
    [vaultOf(rows), 1, oneOf(rows).workSessionId, rows],
  ]) {
    await admin.query(insertVaults, values);
    await admin.query(insertEntries, values);
  }
}

const BOUNDS = { maxBytes: 67_108_864, streams: false };

/** The searches to compare, each over the same number of rows. */
function makeSides(
  { reader, views }: VaultStore,
  admin: pg.Client,
  rows: number,
): Record<string, () => Promise<unknown>> {
  const { english, chinese } = MISSING;
  const read = (q: string, history: boolean) =>
    views.read({ reader: oneOf(rows), vaultId: vaultOf(rows), what: { q, history, limit: 50 } }, BOUNDS);
  return {
    // The lowest cost of scanning every row: a byte comparison, one pass, one process.
    floor: () =>
      admin.query('SELECT count(*) FROM vault_entries WHERE vault_id = $1 AND strpos(content, $2) > 0', [
        vaultOf(rows),
        english,
      ]),
    list: () => reader.list(manyOf(rows), { q: english }, BOUNDS),
    'list, two Chinese characters': () => reader.list(manyOf(rows), { q: chinese }, BOUNDS),
    read: () => read(english, false),
    'read, two Chinese characters': () => read(chinese, false),
    'read of the history': () => read(english, true),
  };
}

/** Measures each side in turn, after a warm-up. @returns the median of each, in ms */
async function measure(sides: Record<string, () => Promise<unknown>>): Promise<Map<string, number>> {
  const times = new Map(Object.keys(sides).map((name) => [name, [] as number[]]));
  for (let round = -1; round < ROUNDS; round++) {
    for (const [name, call] of Object.entries(sides)) {
      const before = performance.now();
      await call();
      if (round >= 0) times.get(name)?.push(performance.now() - before);
    }
  }
  return new Map([...times].map(([name, all]) => [name, median(all)]));
}

async function withDatabase(work: (url: string) => Promise<void>): Promise<void> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'vault-relay-search-'));
  // PostgreSQL does not run as root, and its user needs access to this folder.
  await chmod(dataDir, 0o755);
  const embedded = await startEmbedded({ dataDir, log: pino({ level: 'silent' }) });
  try {
    await work(embedded.url);
  } finally {
    await embedded.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

await withDatabase(async (url) => {
  await migrate(url);
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  const db = new Database({ url, poolSize: 1, log: pino({ level: 'silent' }) });
  const store = new VaultStore(db, new VaultFeed());
  try {
    for (const rows of SIZES) await seed(admin, rows);
    await admin.query('VACUUM ANALYZE vaults');
    await admin.query('VACUUM ANALYZE vault_entries');
    await admin.query('SET max_parallel_workers_per_gather = 0');
    const [small, large] = SIZES as [number, number];
    const few = await measure(makeSides(store, admin, small));
    const many = await measure(makeSides(store, admin, large));
    const floor = many.get('floor') ?? Number.NaN;
    console.log(
      `| ${large.toLocaleString('en')} rows | ms | µs a row | of the floor | growth from ${small.toLocaleString('en')} rows |`,
    );
    console.log('| --- | --- | --- | --- | --- |');
    for (const [name, ms] of many) {
      const growth = ms / (few.get(name) ?? Number.NaN);
      const figures = [
        ms.toFixed(0),
        ((ms * 1000) / large).toFixed(1),
        (ms / floor).toFixed(1),
        growth.toFixed(1),
      ];
      console.log(`| ${name} | ${figures.join(' | ')} |`);
    }
  } finally {
    await db.close();
    await admin.end();
  }
});
