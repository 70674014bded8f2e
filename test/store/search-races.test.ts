import { beforeAll, describe, expect, test } from 'vitest';
import type { Caller } from '../../src/access/policy.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { readSearchCursor } from '../../src/vault/search/cursor.ts';
import { IndexBuilder } from '../../src/vault/search/index/builder-store.ts';
import { parseQuery } from '../../src/vault/search/query.ts';
import { VaultSearch } from '../../src/vault/search/store.ts';
import type { Wanted } from '../../src/vault/search/wanted.ts';
import { useDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';
import { withoutTriggers } from '../support/tamper.ts';

const database = useDatabase();
let store: TestStore;
/** Makes segments of six rows, and never merges them. */
let builder: IndexBuilder;
let merger: IndexBuilder;
beforeAll(() => {
  store = new TestStore(database.db, new VaultFeed());
  builder = new IndexBuilder(database.db, { rows: 6, bytes: 1_000_000, merged: 99 });
  merger = new IndexBuilder(database.db, { rows: 6, bytes: 1_000_000, merged: 2 });
});

const build = async (by: IndexBuilder, workSessionId: string) => {
  while ((await by.step(workSessionId)).more);
};

const WANTED: Wanted = { needles: parseQuery('needle'), history: false, order: 'newest', limit: 100 };
/** Statements of this database that wait for a lock. */
const WAITING = `
  SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
let sessions = 0;

/** A vault whose six rows are one segment, and one with six rows in another segment and two rows in none. */
async function prepare() {
  const ann: Caller = { workSessionId: `races-${++sessions}`, clientId: 'ann' };
  const vaults: string[] = [];
  for (const entries of [5, 7]) {
    const { vault_id: vaultId } = await store.create(ann, 'two vaults');
    for (let n = 1; n <= entries; n++) await store.append(ann, vaultId, `a needle ${n}`);
    vaults.push(vaultId);
  }
  await build(builder, ann.workSessionId);
  const all = [5, 7].flatMap((entries, v) => Array.from({ length: entries }, (_, n) => `${v} ${n + 1}`));
  return { ann, vaults, all };
}
type Prepared = Awaited<ReturnType<typeof prepare>>;

/** Runs a search, and work before its statement of a number. @returns its hits, and how many statements it had */
async function searchWith({ ann, vaults }: Prepared, at: number, work: () => Promise<unknown>) {
  let statements = 0;
  const before = async () => {
    if (++statements === at) await work();
  };
  const search = new VaultSearch({
    read: async (...asked) => before().then(() => database.db.read(...asked)),
    scan: async (...asked) => before().then(() => database.db.scan(...asked)),
  });
  const { hits } = await search.find(ann, WANTED);
  return { statements, found: hits.map((hit) => `${vaults.indexOf(hit.vault_id)} ${hit.entry_no}`) };
}

/** By name: what happens in the middle of a search, and the entry that it may hide. */
const CHANGES: Record<string, { work: (prepared: Prepared) => Promise<unknown>; hides?: string }> = {
  'segments are merged': { work: ({ ann }) => build(merger, ann.workSessionId) },
  'the index is dropped': {
    work: ({ ann }) => database.admin.query('SELECT drop_search_index($1)', [ann.workSessionId]),
  },
  'the index is dropped and built again': {
    work: async ({ ann }) => {
      await database.admin.query('SELECT drop_search_index($1)', [ann.workSessionId]);
      await build(builder, ann.workSessionId);
    },
  },
  'a text is erased': {
    hides: '0 3',
    work: ({ vaults: [vault] }) =>
      withoutTriggers(
        database.admin,
        `UPDATE vault_entries SET content = '' WHERE (vault_id, entry_no) = ('${vault}', 3);
         SELECT forget_search_row('${vault}', 4)`,
      ),
  },
  'an entry of an indexed vault is overridden': {
    work: ({ ann, vaults: [vault = ''] }) => store.override(ann, vault, { no: 2, text: 'another needle' }),
  },
  'an entry of a vault with a tail is overridden': {
    work: ({ ann, vaults: [, vault = ''] }) => store.override(ann, vault, { no: 2, text: 'another needle' }),
  },
  'an entry in the tail is overridden': {
    work: ({ ann, vaults: [, vault = ''] }) => store.override(ann, vault, { no: 7, text: 'another needle' }),
  },
  'entries are overridden and indexed': {
    work: async ({ ann, vaults: [vault = ''] }) => {
      for (const no of [1, 2, 3, 4, 5]) await store.override(ann, vault, { no, text: 'another needle' });
      await build(builder, ann.workSessionId);
    },
  },
};

describe('a change between two statements of a search', () => {
  test.each(Object.entries(CHANGES))('%s: every entry is found once', async (_, { work, hides }) => {
    for (let at = 1, last = at; at <= last; at++) {
      const prepared = await prepare();
      const { statements, found } = await searchWith(prepared, at, () => work(prepared));
      if (at === 1) last = statements;
      const seen = hides === undefined ? found : [...new Set([...found, hides])];
      expect({ at, seen: seen.toSorted() }).toEqual({ at, seen: prepared.all });
    }
  });
});

test('a row that is newer than the last row of its vault is found from its time on', async () => {
  const { ann, vaults } = await prepare();
  // The clock was set back between the two rows of the tail.
  await withoutTriggers(
    database.admin,
    `UPDATE vault_entries SET created_at = '2100-01-01' WHERE (vault_id, entry_no) = ('${vaults[1]}', 6)`,
  );
  const sinceUs = Date.parse('2100-01-01') * 1000;
  const { hits } = await store.search.find(ann, { ...WANTED, sinceUs });
  expect(hits.map(({ entry_no }) => entry_no)).toEqual([6]);
});

test.each(['scanned', 'indexed'])(
  'rows of the years 1 and 9999 that are %s are found once each, in order',
  async (how) => {
    const ann: Caller = { workSessionId: `races-${++sessions}`, clientId: 'ann' };
    const { vault_id: vaultId } = await store.create(ann, 'years');
    for (let n = 1; n <= 5; n++) await store.append(ann, vaultId, `a needle ${n}`);
    const years = [1, 9999, 2100, 9999, 1].map(
      (year, n) => `(${n + 1}, make_timestamptz(${year}, 1, 1, 0, 0, 0))`,
    );
    await withoutTriggers(
      database.admin,
      `UPDATE vault_entries SET created_at = given.created_at FROM (VALUES ${years}) AS given (entry_no, created_at)
     WHERE vault_id = '${vaultId}' AND vault_entries.entry_no = given.entry_no`,
    );
    if (how === 'indexed') await build(builder, ann.workSessionId);
    const found: number[] = [];
    for (let cursor: Wanted['cursor']; ; ) {
      const { hits, next } = await store.search.find(ann, { ...WANTED, limit: 1, cursor });
      found.push(...hits.map(({ entry_no }) => entry_no));
      if (next === null) break;
      cursor = readSearchCursor(next);
    }
    expect(found).toEqual([4, 2, 3, 5, 1]);
    // A time before those that numbers hold stands for the first of them.
    const untilUs = -Number.MAX_SAFE_INTEGER;
    const { hits } = await store.search.find(ann, { ...WANTED, untilUs });
    expect(hits.map(({ entry_no }) => entry_no)).toEqual([5, 1]);
  },
);

test('vaults whose old numbers begin at a million are scanned by one statement', async () => {
  const { ann, vaults, all } = await prepare();
  await database.admin.query('SELECT drop_search_index($1)', [ann.workSessionId]);
  const [entries, heads] = ['vault_entries SET seq = seq', 'vaults SET head_seq = head_seq'].map(
    (set) => `UPDATE ${set} + 999999 WHERE vault_id IN ('${vaults.join("', '")}')`,
  );
  await withoutTriggers(database.admin, `${entries}; ${heads}`);
  let scans = 0;
  const search = new VaultSearch({
    read: (taker, sql, ...values) => database.db.read(taker, sql, ...values),
    scan: (taker, sql, ...values) => {
      scans++;
      return database.db.scan(taker, sql, ...values);
    },
  });
  const { hits } = await search.find(ann, WANTED);
  expect({ scans, hits: hits.length }).toEqual({ scans: 1, hits: all.length });
});

test('a caller without a vault to search gets no hit, and costs no statement', async () => {
  const { ann, vaults } = await prepare();
  const refuse = async () => {
    throw new Error('a statement');
  };
  const search = new VaultSearch({ read: refuse, scan: refuse });
  const nothing = { hits: [], next: null };
  expect(await search.find({ ...ann, vaults: [] }, WANTED)).toEqual(nothing);
  const [one, other = ''] = vaults;
  expect(await search.find({ ...ann, vaults: [other] }, { ...WANTED, vault: one })).toEqual(nothing);
});

test('a text that is erased while its first segment is made: what stands there now is found', async () => {
  const ann: Caller = { workSessionId: `races-${++sessions}`, clientId: 'ann' };
  const { vault_id: vaultId } = await store.create(ann, 'one vault');
  for (let n = 1; n <= 5; n++) await store.append(ann, vaultId, `a needle ${n}`);
  const client = await database.admin.connect();
  try {
    await client.query(`
      BEGIN;
      ALTER TABLE vault_entries DISABLE TRIGGER ALL;
      UPDATE vault_entries SET content = 'a replacement' WHERE (vault_id, entry_no) = ('${vaultId}', 1);
      SELECT forget_search_row('${vaultId}', 2)`);
    const built = build(builder, ann.workSessionId);
    await expect.poll(async () => (await database.admin.query(WAITING)).rowCount).toBe(1);
    await client.query(`
      ALTER TABLE vault_entries ENABLE TRIGGER ALL, ENABLE ALWAYS TRIGGER vault_entries_append_only;
      COMMIT`);
    await built;
  } finally {
    client.release(true);
  }
  const { hits } = await store.search.find(ann, { ...WANTED, needles: parseQuery('replacement') });
  expect(hits.map(({ entry_no }) => entry_no)).toEqual([1]);
});
