import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import pino from 'pino';
import { Database } from '../src/db/client.ts';
import { startEmbedded } from '../src/db/embedded/postgres.ts';
import { migrate } from '../src/db/migrate.ts';
import { VaultFeed } from '../src/vault/follow/feed.ts';
import { IndexBuilder } from '../src/vault/search/index/builder-store.ts';
import { parseQuery } from '../src/vault/search/query.ts';
import type { Filters } from '../src/vault/search/wanted.ts';
import { VaultStore } from '../src/vault/store.ts';
import { measureLoad } from './search/load.ts';
import { RARE_WRITER, seed, WORDS } from './search/seed.ts';

/** `npm run bench:search -- 10000 100000`: the numbers of rows; the default has a million, too. */
const SIZES = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [10_000, 100_000, 1_000_000];
const PARALLEL = 4;
const SEARCHES = 200;
const MANY_VAULTS = 1000;

const KINDS: Record<string, { q: string } & Partial<Filters>> = {
  'a rare word': { q: WORDS.rare },
  'a common word': { q: WORDS.common },
  'two Chinese characters': { q: WORDS.chinese },
  'a word that stands nowhere': { q: WORDS.nowhere },
  'a common word of a rare writer': { q: WORDS.common, writer: RARE_WRITER },
};

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

interface Times {
  p50: number;
  p99: number;
}

/** Runs searches, some at a time. */
async function measure(search: () => Promise<unknown>): Promise<Times> {
  const times: number[] = [];
  let left = SEARCHES + 3 * PARALLEL;
  const run = async () => {
    while (left-- > 0) {
      const begun = performance.now();
      await search();
      times.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, run));
  const sorted = times.slice(2 * PARALLEL).sort((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

const seconds = (begun: number) => (performance.now() - begun) / 1000;

await withDatabase(async (url) => {
  await migrate(url);
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  const db = new Database({ url, poolSize: 10, log: pino({ level: 'silent' }) });
  const store = new VaultStore(db, new VaultFeed());
  const builder = new IndexBuilder(db);
  const found = new Map<string, Times>();
  try {
    for (const rows of SIZES) {
      for (const vaults of [1, MANY_VAULTS]) {
        const name = `${rows} rows in ${vaults} vault${vaults === 1 ? '' : 's'}`;
        let begun = performance.now();
        const bytes = await seed(admin, name, { rows, vaults });
        const seeded = seconds(begun);
        await admin.query('VACUUM ANALYZE');
        const before = await builder.size();
        begun = performance.now();
        while ((await builder.step(name)).more);
        const built = seconds(begun);
        // What merged segments have left is vacuumed as autovacuum does it.
        await admin.query('VACUUM ANALYZE');
        const share = ((await builder.size()) - before) / bytes;
        console.log(
          `\n${name}: seeded in ${seeded.toFixed(0)} s, indexed ${(rows / built).toFixed(0)} rows a second`,
        );
        console.log(
          `index_bytes_per_text_byte ${share.toFixed(2)}\n| search | p50 ms | p99 ms | hits |\n| --- | --- | --- | --- |`,
        );
        for (const [kind, { q, ...filters }] of Object.entries(KINDS)) {
          const caller = { workSessionId: name, clientId: 'bench' };
          const wanted = {
            ...filters,
            needles: parseQuery(q),
            history: false,
            order: 'newest' as const,
            limit: 20,
          };
          const { hits } = await store.search.find(caller, wanted);
          const times = await measure(() => store.search.find(caller, wanted));
          found.set(`${rows} ${vaults} ${kind}`, times);
          console.log(`| ${kind} | ${times.p50.toFixed(1)} | ${times.p99.toFixed(1)} | ${hits.length} |`);
        }
      }
    }
    const [small, large] = SIZES.slice(-2) as [number, number];
    console.log('\n| search_growth | one vault | many vaults |\n| --- | --- | --- |');
    for (const kind of Object.keys(KINDS)) {
      const growth = [1, MANY_VAULTS].map((vaults) => {
        const [few, many] = [small, large].map(
          (rows) => found.get(`${rows} ${vaults} ${kind}`)?.p50 ?? Number.NaN,
        );
        return ((many ?? Number.NaN) / (few ?? Number.NaN)).toFixed(1);
      });
      console.log(`| ${kind} | ${growth.join(' | ')} |`);
    }
    for (const [key, value] of Object.entries(await measureLoad(db)))
      console.log(`${key} ${value.toFixed(2)}`);
  } finally {
    await db.close();
    await admin.end();
  }
});
