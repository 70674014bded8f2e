import { beforeAll, expect, test } from 'vitest';
import type { Caller } from '../../src/access/policy.ts';
import { searchTooLong } from '../../src/errors.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { IndexBuilder } from '../../src/vault/search/index/builder-store.ts';
import { parseQuery } from '../../src/vault/search/query.ts';
import { VaultSearch } from '../../src/vault/search/store.ts';
import { useDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';
import { withoutTriggers } from '../support/tamper.ts';

/** How much work searches are, by their statements. */

const database = useDatabase();
let store: TestStore;
beforeAll(() => {
  store = new TestStore(database.db, new VaultFeed());
});

/** Indexes all rows, in segments of so many rows. */
const build = async ({ workSessionId }: Caller, rows: number) => {
  const builder = new IndexBuilder(database.db, { rows, merged: 99 });
  while ((await builder.step(workSessionId)).more);
};

let sessions = 0;
const makeCaller = (): Caller => ({ workSessionId: `work-${++sessions}`, clientId: 'ann' });

/** A search that counts its statements, and works before each. */
function counted(before: (statement: number) => Promise<unknown> = async () => undefined) {
  const counts = { read: 0, scan: 0 };
  const count = (kind: 'read' | 'scan') => {
    counts[kind]++;
    return before(counts.read + counts.scan);
  };
  const search = new VaultSearch({
    read: async (...asked) => count('read').then(() => database.db.read(...asked)),
    scan: async (...asked) => count('scan').then(() => database.db.scan(...asked)),
  });
  return { search, counts };
}

const wanted = (q: string) => ({
  needles: parseQuery(q),
  history: false,
  order: 'newest' as const,
  limit: 100,
});

test('a key that is limited to vaults: what other vaults have does not decide how much is looked at', async () => {
  const seen: unknown[] = [];
  for (const text of ['a common word', 'something else']) {
    const caller = makeCaller();
    const vaults = [await store.create(caller, 'one'), await store.create(caller, 'two')];
    const [one = '', two = ''] = vaults.map(({ vault_id }) => vault_id);
    const { vault_id: other } = await store.create(caller, 'other');
    for (const vault of [one, two]) await store.append(caller, vault, 'a rare note');
    await Promise.all(Array.from({ length: 80 }, () => store.append(caller, other, text)));
    await store.append(caller, two, 'a common word, too');
    await build(caller, 20);
    const limited = { ...caller, vaults: [one, two] };
    const { search, counts } = counted();
    const { hits } = await search.find(limited, wanted('common'));
    const none = await search.find({ ...caller, vaults: [one] }, wanted('common'));
    const candidates = await search.vaultsWith(limited, 'common');
    seen.push({ counts, hits: hits.length, none: none.hits, lists: candidates?.vaultIds.length });
  }
  expect(seen[0]).toEqual(seen[1]);
  expect(seen[0]).toMatchObject({ hits: 1, none: [], lists: 1 });
});

test('a list with q whose matches are old versions: a scan finds the vaults after some of them', async () => {
  const caller = makeCaller();
  const { vault_id: vault } = await store.create(caller, 'progress');
  await store.append(caller, vault, 'the status is 0');
  // Old versions without their writes, because thousands of writes take long.
  await withoutTriggers(
    database.admin,
    `INSERT INTO vault_entries SELECT (jsonb_populate_record(e, jsonb_build_object(
       'seq', e.seq + n, 'version', n + 1, 'created_at', e.created_at + n * interval '1 us'))).*
     FROM vault_entries AS e, generate_series(1, 6000) AS n WHERE e.vault_id = '${vault}' AND e.seq = 2;
     UPDATE vaults SET head_seq = head_seq + 6000, versions = versions + 6000 WHERE vault_id = '${vault}'`,
  );
  await build(caller, 2000);
  // As PostgreSQL does by itself after so many writes.
  await database.admin.query('ANALYZE vault_entries');
  const { search, counts } = counted();
  expect(await search.vaultsWith(caller, 'status')).toBeUndefined();
  expect(counts.read + counts.scan).toBeLessThan(60);
  const { hits } = await search.find(caller, wanted('status'));
  expect(hits.map(({ version }) => version)).toEqual([6001]);
  const refused = new VaultSearch({
    read: () => Promise.reject(searchTooLong()),
    scan: () => Promise.reject(searchTooLong()),
  });
  expect(await refused.vaultsWith(caller, 'status')).toBeUndefined();
});

test('a search with many large candidates: it takes turns with scans after the first of them', async () => {
  const caller = makeCaller();
  const { vault_id: vault } = await store.create(caller, 'large');
  for (let n = 0; n < 24; n++) await store.append(caller, vault, `${n} ${'ab '.repeat(20_000)}`);
  await build(caller, 5);
  const common = counted();
  expect((await common.search.find(caller, { ...wanted('ab'), limit: 3 })).hits).toHaveLength(3);
  expect(common.counts.scan).toBe(0);
  const exact = counted();
  expect((await exact.search.find(caller, wanted('"Ab"'))).hits).toEqual([]);
  expect(exact.counts.scan).toBeGreaterThan(0);
});

test('a vault with thousands of rows whose old numbers are far apart: few statements scan it', async () => {
  const caller = makeCaller();
  const { vault_id: vault } = await store.create(caller, 'old numbers');
  await store.append(caller, vault, 'a first needle');
  await withoutTriggers(
    database.admin,
    `INSERT INTO vault_entries SELECT (jsonb_populate_record(e, jsonb_build_object(
       'seq', e.seq + n * 1600, 'entry_no', n + 1, 'content', CASE n % 3000 WHEN 0 THEN 'a needle' ELSE 'hay' END))).*
     FROM vault_entries AS e, generate_series(1, 6000) AS n WHERE e.vault_id = '${vault}' AND e.seq = 2;
     UPDATE vaults SET head_seq = 2 + 6000 * 1600, versions = versions + 6000 WHERE vault_id = '${vault}'`,
  );
  const { search, counts } = counted();
  const { hits } = await search.find(caller, wanted('needle'));
  expect(hits.map(({ entry_no }) => entry_no)).toEqual([6001, 3001, 1]);
  expect(counts.scan).toBeLessThan(6);
});

test('a search in a quiet vault: it goes on while the writes of another one are indexed', async () => {
  const caller = makeCaller();
  const { vault_id: quiet } = await store.create(caller, 'quiet');
  for (let n = 0; n < 39; n++) await store.append(caller, quiet, `needle ${n}`);
  await build(caller, 5);
  await database.admin.query("UPDATE vaults SET changed_at = changed_at - interval '1 hour'");
  const { vault_id: busy } = await store.create(caller, 'busy');
  const { search, counts } = counted(async (statement) => {
    if (statement === 1) return;
    for (let n = 0; n < 5; n++) await store.append(caller, busy, 'hay');
    await build(caller, 5);
  });
  expect((await search.find(caller, wanted('needle'))).hits).toHaveLength(39);
  expect(counts.read).toBeLessThan(20);
});
