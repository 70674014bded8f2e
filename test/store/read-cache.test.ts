import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Database } from '../../src/db/client.ts';
import { noMetrics } from '../../src/observability/metrics.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { READ_HEADS } from '../../src/vault/follow/head-store.ts';
import { READS } from '../../src/vault/read/sql.ts';
import type { VaultEntry } from '../../src/vault/schema.ts';
import { silent, useDatabase } from '../support/database.ts';
import { refusalOf } from '../support/refusal.ts';
import { TestStore } from '../support/store.ts';
import { upTo } from '../support/ways.ts';

const database = useDatabase();
const ann = { workSessionId: 'st-1', clientId: 'ann' };
const bob = { workSessionId: 'st-1', clientId: 'bob' };
/** Writes in the work session of the vault, and reads from another one. */
const carl = { workSessionId: 'st-1', clientId: 'carl' };
const carlOutside = { workSessionId: 'st-2', clientId: 'carl' };

const CACHE_BYTES = 65_536;
const ON = { readCacheBytes: CACHE_BYTES };
const OFF = { readCacheBytes: 0 };

/** A store like that of a second server: with a pool, and without the first one's announcements. */
const other = {} as { db: Database; store: TestStore };
beforeAll(() => {
  other.db = new Database({ url: database.url, poolSize: 10, log: silent });
  other.store = new TestStore(other.db, new VaultFeed(), OFF);
});
afterAll(() => other.db.close());

/** A store with this cache, what its statements were, and a vault with three entries. */
async function open(rules: { readCacheBytes: number }) {
  let keptBytes = () => 0;
  const metrics = {
    ...noMetrics,
    gauge: (name: string, read: () => unknown) => {
      if (name === 'readCacheBytes') keptBytes = read as () => number;
    },
  };
  const store = new TestStore(database.db, new VaultFeed(), rules, metrics);
  const { vault_id: vaultId } = await store.create(ann, 'a vault');
  for (const caller of [ann, bob, carl]) await store.append(caller, vaultId, `by ${caller.clientId}`);
  const rows = vi.spyOn(database.db, 'rows');
  /** @returns how many whole views and statements about heads were read since the last call */
  const counts = () => {
    const ran = rows.mock.calls.map(([sql]) => sql);
    rows.mockClear();
    return {
      views: ran.filter((sql) => sql === READS.caller.READ_WHOLE).length,
      heads: ran.filter((sql) => sql === READ_HEADS).length,
    };
  };
  return { store, vaultId, counts, keptBytes: () => keptBytes() };
}

const textsOf = (entries: VaultEntry[]) => entries.map(({ content }) => content);

test('an unchanged vault: reads of all its readers ask for the head alone, and those from outside are noted', async () => {
  const { store, vaultId, counts } = await open(ON);
  const first = await store.readPage(ann, vaultId);
  expect(counts()).toEqual({ views: 1, heads: 0 });
  for (const reader of [ann, bob, carlOutside]) {
    const page = await store.readPage(reader, vaultId);
    expect(page.entries).toEqual(first.entries);
    expect([page.head, page.headHash]).toEqual([first.head, first.headHash]);
    expect(page.fromOutside).toBe(reader === carlOutside);
  }
  expect(counts()).toEqual({ views: 0, heads: 3 });
  const { outside_reads } = await store.meta(ann, vaultId);
  expect(outside_reads.map(({ client_id }) => client_id)).toEqual(['carl']);
  expect(await refusalOf(store.read({ workSessionId: 'st-3', clientId: 'eve' }, vaultId))).toMatch(
    /FORBIDDEN/,
  );
});

test('a page: comes from memory where it holds the whole view, and is a part of it where not', async () => {
  const { store, vaultId, counts } = await open(ON);
  const whole = await store.readPage(ann, vaultId, { limit: 3 });
  expect(whole.nextCursor).toBeNull();
  counts();
  for (const limit of [3, 4, undefined])
    expect(await store.read(bob, vaultId, { limit })).toEqual(whole.entries);
  expect(counts()).toEqual({ views: 0, heads: 3 });
  const part = await store.readPage(ann, vaultId, { limit: 2 });
  expect(part.entries).toEqual(whole.entries.slice(0, 2));
  expect(part.nextCursor).not.toBeNull();
});

test('a changed vault: a row of this server or another one is in the next read, and many readers read it once', async () => {
  const { store, vaultId, counts } = await open(ON);
  await store.read(ann, vaultId);
  await store.append(bob, vaultId, 'here');
  counts();
  expect(textsOf(await store.read(ann, vaultId))).toContain('here');
  expect(counts()).toEqual({ views: 0, heads: 1 });

  await other.store.append(ann, vaultId, 'elsewhere');
  const many = await Promise.all(upTo(20).map((n) => store.read([ann, bob][n % 2] as typeof ann, vaultId)));
  for (const entries of many) expect(textsOf(entries)).toContain('elsewhere');
  expect(counts()).toEqual({ views: 0, heads: 1 });
});

test('a changed vault: a few small rows become part of the kept view, which stays what the database has', async () => {
  const { store, vaultId, counts } = await open({ readCacheBytes: 1_048_576 });
  const tricky = '{"seq":1,"entry_no":1,"version":9} \\"},{"seq":7,"entry_no":2,\u0001漢\n';
  const override = (no: number, text: string) => store.override(bob, vaultId, { no, text, tags: ['a', 'b'] });
  const rounds: { write(): Promise<unknown>; views: number }[] = [
    { write: () => override(1, tricky), views: 0 },
    { write: () => override(3, `last ${tricky}`), views: 0 },
    { write: () => store.setSummary(ann, vaultId, 'a summary'), views: 0 },
    { write: () => Promise.all(upTo(8).map((n) => store.append(bob, vaultId, `${tricky} ${n}`))), views: 0 },
    {
      write: async () => {
        for (const no of [10, 2, 3, 2]) await override(no, `again ${no}`);
        await store.append(carl, vaultId, 'new');
        await other.store.override(ann, vaultId, { no: 12, text: 'newer' });
      },
      views: 0,
    },
    { write: () => Promise.all(upTo(9).map((n) => store.append(bob, vaultId, `many ${n}`))), views: 1 },
    { write: () => store.append(bob, vaultId, '漢'.repeat(1400)), views: 1 },
    { write: () => override(2, ''), views: 0 },
  ];
  await store.read(ann, vaultId);
  for (const { write, views } of rounds) {
    await write();
    counts();
    const page = await store.readPage(ann, vaultId);
    expect(counts().views).toBe(views);
    const { entries, head, headHash } = await other.store.readPage(ann, vaultId);
    expect(page.entries).toEqual(entries);
    expect([page.head, page.headHash]).toEqual([head, headHash]);
    counts();
    expect(await store.read(ann, vaultId, { limit: entries.length })).toEqual(entries);
    expect(counts()).toEqual({ views: 0, heads: 1 });
  }
});

test('a removed writer: its reads are refused while the view is kept', async () => {
  const { store, vaultId } = await open(ON);
  expect(await store.read(carlOutside, vaultId)).toHaveLength(3);
  await other.store.removeWriter(ann, vaultId, 'carl');
  expect(await refusalOf(store.read(carlOutside, vaultId))).toMatch(/FORBIDDEN/);
  expect(await store.read(bob, vaultId)).toHaveLength(3);
});

test('the cache: holds the views that were used last, up to its bytes, and no view of more than an eighth', async () => {
  const { store, vaultId, counts, keptBytes } = await open(ON);
  const large = (await store.create(ann, 'large')).vault_id;
  await store.append(ann, large, '漢'.repeat(CACHE_BYTES / 8 / 3));
  const others = await Promise.all(
    upTo(20).map(async (n) => {
      const { vault_id } = await store.create(ann, `vault ${n}`);
      await store.append(ann, vault_id, 'x'.repeat(CACHE_BYTES / 16));
      return vault_id;
    }),
  );
  await store.read(ann, vaultId);
  for (const id of [large, ...others]) {
    await store.read(ann, id);
    await store.read(ann, vaultId);
    expect(keptBytes()).toBeLessThanOrEqual(CACHE_BYTES);
  }
  expect(keptBytes()).toBeGreaterThan(CACHE_BYTES / 2);
  counts();
  await store.read(ann, vaultId);
  await store.read(ann, others[19] as string);
  expect(counts()).toEqual({ views: 0, heads: 2 });
  for (const id of [large, others[0] as string]) await store.read(ann, id);
  expect(counts()).toEqual({ views: 2, heads: 0 });
});

test('without a cache each read is one statement', async () => {
  const { store, vaultId, counts, keptBytes } = await open(OFF);
  for (const reader of [ann, bob, carlOutside]) expect(await store.read(reader, vaultId)).toHaveLength(3);
  expect(counts()).toEqual({ views: 3, heads: 0 });
  expect(keptBytes()).toBe(0);
});

describe.each([
  { title: 'with the cache', rules: ON },
  { title: 'without the cache', rules: OFF },
])('races $title', ({ rules }) => {
  test('reads while two servers write: each has every row that was confirmed before it began, and is the view of its head', async () => {
    const { store, vaultId } = await open(rules);
    let confirmed = (await store.readPage(ann, vaultId)).head;
    let writing = 8;
    const write = async (n: number) => {
      const on = n % 2 === 0 ? store : other.store;
      for (const i of upTo(20)) {
        const written =
          i % 3 === 0
            ? await on.append(bob, vaultId, `${n}, ${i}`)
            : await on.override(bob, vaultId, { no: (i % 3) + 1, text: `${n}, ${i}` });
        confirmed = Math.max(confirmed, written.seq);
      }
      writing--;
    };
    const seen: { head: number; entries: VaultEntry[] }[] = [];
    const read = async (n: number) => {
      const reader = [ann, bob, carlOutside][n % 3] as typeof ann;
      while (writing > 0) {
        const before = confirmed;
        const { head, entries } = await store.readPage(reader, vaultId);
        expect(head).toBeGreaterThanOrEqual(before);
        seen.push({ head, entries });
      }
    };
    await Promise.all([...upTo(8).map(write), ...upTo(6).map(read)]);
    const heads = new Map(seen.map(({ head, entries }) => [head, entries]));
    expect(heads.size).toBeGreaterThan(10);
    for (const { head, entries } of seen) expect(entries).toEqual(heads.get(head));
    for (const [head, entries] of heads) {
      expect(await other.store.read(ann, vaultId, { as_of: head })).toEqual(entries);
    }
  });

  test('reads of a writer that is removed meanwhile: none has a row that was written later', async () => {
    for (const _ of upTo(5)) {
      const { store, vaultId } = await open(rules);
      await store.read(ann, vaultId);
      let removed = false;
      const outcomes: string[] = [];
      const read = async () => {
        for (let last = false; !last; ) {
          last = removed;
          const entries = await store.read(carlOutside, vaultId).catch(() => undefined);
          if (last) expect(entries).toBeUndefined();
          outcomes.push(entries === undefined ? 'refused' : textsOf(entries).join());
        }
      };
      const remove = async () => {
        await other.store.removeWriter(ann, vaultId, 'carl');
        await Promise.all([store, other.store].map((on) => on.append(bob, vaultId, 'later')));
        await store.read(ann, vaultId);
        removed = true;
      };
      await Promise.all([read(), read(), read(), remove()]);
      expect(outcomes.filter((outcome) => outcome.includes('later'))).toEqual([]);
    }
  });
});
