import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { VaultCaps } from '../../src/config.ts';
import { noMetrics } from '../../src/observability/metrics.ts';
import { type CommittedWrite, VaultFeed } from '../../src/vault/follow/feed.ts';
import { useDatabase } from '../support/database.ts';
import { refusalOf } from '../support/refusal.ts';
import { TestStore } from '../support/store.ts';
import { upTo } from '../support/ways.ts';

const database = useDatabase();
const NO_CAPS = { vaultsPerWorkSession: 0, entriesPerVault: 0, bytesPerVault: 0 };

const ann = { workSessionId: 'st-1', clientId: 'ann' };

function makeStore({ coalesce = true, ...caps }: Partial<VaultCaps> & { coalesce?: boolean } = {}) {
  const statements: number[] = [];
  const rules = { coalesce, caps: { ...NO_CAPS, ...caps } };
  const store = new TestStore(database.db, new VaultFeed(), rules, {
    ...noMetrics,
    statementWrote: (writes) => statements.push(writes),
  });
  return { store, statements };
}

const makeVaults = (store: TestStore, count: number): Promise<string[]> =>
  Promise.all(upTo(count).map(async (n) => (await store.create(ann, `vault ${n}`)).vault_id));

const textsOf = async (store: TestStore, vaultId: string) =>
  (await store.read(ann, vaultId, { history: true })).map(({ content }) => content);

const LOCKED =
  'SERVICE_UNAVAILABLE: Another write, or maintenance of the database, held a lock that this request needs for 2 seconds. Nothing was changed; try again shortly.';

/** Runs work while another connection holds the lock of a vault. */
async function withLocked<T>(vaultId: string, work: () => Promise<T>): Promise<T> {
  const holder = await database.admin.connect();
  try {
    await holder.query('BEGIN');
    await holder.query('SELECT FROM vaults WHERE vault_id = $1 FOR UPDATE', [vaultId]);
    return await work();
  } finally {
    await holder.query('ROLLBACK');
    holder.release();
  }
}

describe('writes of one statement', () => {
  test('share the statement, and each has a separate outcome', async () => {
    const { store, statements } = makeStore();
    const [a = '', b = ''] = await makeVaults(store, 2);
    const eve = { workSessionId: 'st-2', clientId: 'eve' };
    const first = store.append(ann, a, 'first');
    const results = await Promise.allSettled([
      store.append(ann, a, 'second'),
      store.append(ann, 'v-neverMade0', 'x'),
      store.override(ann, a, { no: 9, text: 'x' }),
      store.append(eve, b, 'x'),
      store.override(ann, a, { no: 1, text: 'x', expected: 2 }),
      store.override(ann, a, { no: 2, text: 'third', expected: 1 }),
      store.append(ann, b, 'fourth', { key: 'k' }),
      store.append(ann, b, 'fifth', { key: 'k' }),
      store.append(ann, b, 'fourth', { key: 'k' }),
    ]);
    await first;
    expect(statements).toEqual([1, 9]);
    expect(
      results.map((result) => (result.status === 'fulfilled' ? result.value.entry_no : result.reason.code)),
    ).toEqual([2, 'NOT_FOUND', 'NOT_FOUND', 'FORBIDDEN', 'CONFLICT', 2, 1, 'CONFLICT', 1]);
    expect(await textsOf(store, a)).toEqual(['first', 'second', 'third']);
    expect(await textsOf(store, b)).toEqual(['fourth']);
  });

  test('are written though another connection holds the vault of one of them', async () => {
    const { store, statements } = makeStore();
    const [locked = '', ...others] = await makeVaults(store, 5);
    const neighbours = await withLocked(locked, async () => {
      const first = store.append(ann, others[0] ?? '', 'first');
      const stuck = [store.append(ann, locked, 'stuck 1'), store.setSummary(ann, locked, 'stuck 2')];
      const written = Promise.all(others.map((vaultId) => store.append(ann, vaultId, 'neighbour')));
      const refused = await Promise.all(stuck.map(refusalOf));
      expect(refused).toEqual([LOCKED, LOCKED]);
      // While its vault is held, who comes later does not wait for it.
      const late = refusalOf(store.append(ann, locked, 'stuck 3'));
      const later = store.append(ann, others[1] ?? '', 'later').then(() => 'written');
      expect(await Promise.race([late, later])).toBe('written');
      expect(await late).toBe(LOCKED);
      await first;
      return written;
    });
    expect(statements.slice(0, 2)).toEqual([1, 6]);
    expect(neighbours.map(({ entry_no }) => entry_no)).toEqual([2, 1, 1, 1]);
    expect(await textsOf(store, locked)).toEqual([]);
    expect(await textsOf(store, others[1] ?? '')).toEqual(['neighbour', 'later']);
    // Free again, it is written like any other.
    await store.append(ann, locked, 'free');
    const shared = statements.length;
    await Promise.all([locked, ...others].map((vaultId) => store.append(ann, vaultId, 'together')));
    expect(statements.slice(shared)).toEqual([1, 4]);
  });

  test('are written though PostgreSQL refuses the text of one of them', async () => {
    const { store, statements } = makeStore();
    const [a = '', b = ''] = await makeVaults(store, 2);
    const first = store.append(ann, a, 'first');
    const [bad, ...good] = await Promise.allSettled([
      store.append(ann, a, 'a NUL \0 that came past the edge'),
      store.append(ann, a, 'second'),
      store.append(ann, b, 'third'),
    ]);
    await first;
    expect(statements.slice(0, 2)).toEqual([1, 3]);
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'BAD_REQUEST' } });
    expect(good.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    expect(await textsOf(store, a)).toEqual(['first', 'second']);
    expect(await textsOf(store, b)).toEqual(['third']);
    expect(store.writer.depth).toBe(0);
  });

  test('are announced again on a retry, because the first announcement may be lost with its answer', async () => {
    const { store } = makeStore();
    const [a = ''] = await makeVaults(store, 1);
    const { seq } = await store.append(ann, a, 'once', { key: 'lost' });
    const heard: CommittedWrite[] = [];
    const feed = new VaultFeed();
    feed.listen((write) => heard.push(write));
    await new TestStore(database.db, feed).append(ann, a, 'once', { key: 'lost' });
    const by = { clientId: 'ann', author: undefined, entryNo: 1, version: 1 };
    expect(heard).toEqual([{ workSessionId: 'st-1', vaultId: a, seq, kind: 'content', by, bytes: 4 }]);
  });

  test('commit in the order of arrival within a vault, though the secrets of an earlier one are still looked up', async () => {
    let lookUp = () => {};
    const looked = new Promise<void>((resolve) => {
      lookUp = resolve;
    });
    const findEnded = async (hashes: string[]) => {
      await looked;
      return hashes;
    };
    const store = new TestStore(database.db, new VaultFeed(), { secretScan: 'warn', findEnded });
    const [a = '', b = ''] = await makeVaults(store, 2);
    const texts = [randomUUID(), 'second', `third ${randomUUID()}`, 'fourth'];
    const writes = Promise.all(texts.map((text) => store.append(ann, a, text)));
    await store.append(ann, b, 'another vault does not wait');
    expect(await textsOf(store, a)).toEqual([]);
    lookUp();
    await writes;
    expect(await textsOf(store, a)).toEqual(texts);
  });

  test('do without each other where that is asked for', async () => {
    const { store, statements } = makeStore({ coalesce: false });
    const [a = ''] = await makeVaults(store, 1);
    const texts = upTo(20).map(String);
    await Promise.all(texts.map((text) => store.append(ann, a, text)));
    expect(statements).toEqual([]);
    expect((await textsOf(store, a)).toSorted()).toEqual(texts.toSorted());
  });
});

describe.each([true, false])('caps, coalescing %s', (coalesce) => {
  const countOf = (results: PromiseSettledResult<unknown>[]) =>
    results.filter(({ status }) => status === 'fulfilled').length;
  const reasonsOf = (results: PromiseSettledResult<unknown>[]) =>
    new Set(
      results.flatMap((result) =>
        result.status === 'rejected' ? `${result.reason.code}: ${result.reason.message}` : [],
      ),
    );
  /** Two servers that do not know of each other. */
  const makeTwo = (caps: Partial<VaultCaps>) => [
    makeStore({ coalesce, ...caps }),
    makeStore({ coalesce, ...caps }),
  ];
  const race = <T>(
    stores: { store: TestStore }[],
    count: number,
    call: (store: TestStore, n: number) => Promise<T>,
  ) => Promise.allSettled(upTo(count).map((n) => call((stores[n % 2] as { store: TestStore }).store, n)));

  test('a vault accepts entries up to its limit, raced or not, and then still overrides and summaries', async () => {
    const stores = makeTwo({ entriesPerVault: 5 });
    const store = stores[0]?.store as TestStore;
    const [a = ''] = await makeVaults(store, 1);
    const results = await race(stores, 20, (one, n) => one.append(ann, a, `${n}`));
    expect(countOf(results)).toBe(5);
    expect(reasonsOf(results)).toEqual(
      new Set([
        `FORBIDDEN: Vault ${a} holds the maximum number of entries; override one, or create another vault.`,
      ]),
    );
    expect(await store.override(ann, a, { no: 5, text: 'more' })).toMatchObject({ version: 2 });
    await store.setSummary(ann, a, 'full');
    expect((await store.read(ann, a)).map(({ entry_no }) => entry_no)).toEqual(upTo(5));
  });

  test('a vault accepts bytes up to its limit, of all rows together, raced or not', async () => {
    const stores = makeTwo({ bytesPerVault: 100 });
    const store = stores[0]?.store as TestStore;
    const { vault_id: a } = await store.create(ann, '团'.repeat(10));
    // 30 are taken: 7 times 10 fit.
    const results = await race(stores, 20, (one) => one.append(ann, a, '团'.repeat(3).concat('x')));
    expect(countOf(results)).toBe(7);
    const full = `FORBIDDEN: Vault ${a} holds the maximum number of bytes; create another vault.`;
    expect(reasonsOf(results)).toEqual(new Set([full]));
    expect(await refusalOf(store.override(ann, a, { no: 1, text: 'x' }))).toBe(full);
    expect(await refusalOf(store.setSummary(ann, a, 'x'))).toBe(full);
    // Nothing takes no room.
    await store.override(ann, a, { no: 1, text: '' });
  });

  test('a work session makes as many vaults as it may, raced or not, and others are not counted', async () => {
    const stores = makeTwo({ vaultsPerWorkSession: 4 });
    const here = { workSessionId: `st-capped-${coalesce}`, clientId: 'ann' };
    const elsewhere = { workSessionId: `st-other-${coalesce}`, clientId: 'ann' };
    await stores[0]?.store.create(elsewhere, 'not counted');
    const results = await race(stores, 12, (one, n) => one.create(here, `${n}`, `key ${n}`));
    expect(countOf(results)).toBe(4);
    expect(reasonsOf(results)).toEqual(
      new Set(['FORBIDDEN: Your work session has the maximum number of vaults; write into one of them.']),
    );
    // A repeat of one that was made is no new vault; a key that was refused is not used up.
    const made = results.findIndex(({ status }) => status === 'fulfilled') + 1;
    expect(await stores[0]?.store.create(here, `${made}`, `key ${made}`)).toMatchObject({ replayed: true });
    const refused = results.findIndex(({ status }) => status === 'rejected') + 1;
    const { store: roomier } = makeStore({ coalesce, vaultsPerWorkSession: 5 });
    expect(await roomier.create(here, 'another text', `key ${refused}`)).toMatchObject({ replayed: false });
  });

  test('an entry or a byte that is refused uses up no key', async () => {
    const { store: small } = makeStore({ coalesce, entriesPerVault: 1, bytesPerVault: 50 });
    const { store: large } = makeStore({ coalesce });
    const [a = ''] = await makeVaults(small, 1);
    await small.append(ann, a, 'one');
    expect(await refusalOf(small.append(ann, a, 'two', { key: 'k' }))).toMatch(/^FORBIDDEN/);
    const text = 'x'.repeat(60);
    expect(await refusalOf(small.override(ann, a, { no: 1, text, key: 'l' }))).toMatch(/^FORBIDDEN/);
    expect(await large.append(ann, a, 'other', { key: 'k' })).toMatchObject({ entry_no: 2 });
    expect(await large.override(ann, a, { no: 1, text: 'other', key: 'l' })).toMatchObject({ version: 2 });
  });
});
