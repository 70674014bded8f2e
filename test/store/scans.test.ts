import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Database } from '../../src/db/client.ts';
import { type GaugeName, noMetrics, type Reading } from '../../src/observability/metrics.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import type { ListOptions, ReadOptions } from '../../src/vault/read/page.ts';
import { silent, useDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';
import { upTo } from '../support/ways.ts';

const database = useDatabase();

const attacker = { workSessionId: 'st-1', clientId: 'mallory' };
const victim = { workSessionId: 'st-2', clientId: 'ann' };
const operator = { operator: true, administers: false } as const;

interface Place {
  store: TestStore;
  db: Database;
  /** Scans that run and wait. */
  scans(): { running: number; waiting: number; callers: number };
}

function open(poolSize: number): Place {
  const gauges = new Map<GaugeName, () => Reading>();
  const metrics = {
    ...noMetrics,
    gauge: (name: GaugeName, read: () => Reading) => void gauges.set(name, read),
  };
  const db = new Database({ url: database.url, poolSize, log: silent, metrics });
  return {
    store: new TestStore(db, new VaultFeed()),
    db,
    scans: () => gauges.get('scans')?.() as ReturnType<Place['scans']>,
  };
}

/** Runs work while each look at a vault's meta waits for a lock that nothing else needs. */
async function whileMetaIsLocked(work: () => Promise<void>): Promise<void> {
  const holder = await database.admin.connect();
  try {
    await holder.query('BEGIN');
    await holder.query('LOCK TABLE vault_outside_reads');
    await work();
  } finally {
    await holder.query('ROLLBACK');
    holder.release();
  }
}

/** Resolves once so many scans wait. */
async function untilWaiting({ scans }: Place, count: number): Promise<void> {
  while (scans().waiting !== count) await new Promise((resolve) => setImmediate(resolve));
}

describe.each([1, 2, 5, 10])('with a pool of %d, while one caller has 30 scans under way', (poolSize) => {
  let place: Place;
  let ids: { attacked: string; own: string };
  beforeAll(async () => {
    place = open(poolSize);
    ids = {
      attacked: (await place.store.create(attacker, 'large')).vault_id,
      own: (await place.store.create(victim, 'small')).vault_id,
    };
  });
  afterAll(() => place.db.close());

  test('nothing else waits: writes, reads of one vault and lists of every caller', async () => {
    let scans: Promise<unknown> = Promise.resolve();
    await whileMetaIsLocked(async () => {
      scans = Promise.allSettled(upTo(30).map(() => place.store.meta(attacker, ids.attacked)));
      await untilWaiting(place, 29);
      for (const n of upTo(20)) {
        await Promise.all([
          place.store.append(victim, ids.own, `text ${n}`),
          place.store.append(attacker, ids.attacked, 'text'),
          place.store.read(victim, ids.own),
          place.store.read(victim, ids.own, { since: n }),
          place.store.read(victim, ids.own, { history: true, limit: 10 }),
          place.store.list(victim),
        ]);
      }
      expect(place.scans().running).toBe(1);
    });
    await scans;
    expect(place.scans()).toEqual({ running: 0, waiting: 0, callers: 0 });
  });
});

test('the first scan of another caller does not wait for them where there are two places', async () => {
  const place = open(10);
  try {
    const { vault_id: attacked } = await place.store.create(attacker, 'large');
    const { vault_id: own } = await place.store.create(victim, 'small');
    await place.store.append(victim, own, 'needle');
    let scans: Promise<unknown> = Promise.resolve();
    await whileMetaIsLocked(async () => {
      scans = Promise.allSettled(upTo(30).map(() => place.store.meta(attacker, attacked)));
      await untilWaiting(place, 29);
      expect(await place.store.read(victim, own, { q: 'needle' })).toHaveLength(1);
    });
    await scans;
  } finally {
    await place.db.close();
  }
});

describe('which reads take turns', () => {
  let place: Place;
  let vaultId: string;
  beforeAll(async () => {
    place = open(1);
    vaultId = (await place.store.create(victim, 'small')).vault_id;
    await place.store.append(victim, vaultId, 'text', { tags: ['plan'] });
  });
  afterAll(() => place.db.close());

  const reading = (options: ReadOptions) => (store: TestStore) => store.readPage(victim, vaultId, options);
  const listing = (options: ListOptions) => (store: TestStore) => store.list(victim, options);

  /** More than one: a lock is waited for two seconds, and then the next one waits. */
  const OTHERS = 4;
  async function occupied(work: () => Promise<void>): Promise<void> {
    let scans: Promise<unknown> = Promise.resolve();
    await whileMetaIsLocked(async () => {
      const others = upTo(OTHERS).map((n) => ({ ...attacker, workSessionId: `st-other-${n}` }));
      scans = Promise.allSettled(others.map((other) => place.store.meta(other, vaultId)));
      await untilWaiting(place, OTHERS - 1);
      await work();
    });
    await scans;
  }

  test('an address with many work sessions has the turn of one, so that another address is next', async () => {
    const from = (address: string) => ({ origin: { requestId: 'r', address } });
    const ended: string[] = [];
    const metaOf = (name: string, caller: typeof victim) =>
      place.store.meta(caller, vaultId).then(
        () => ended.push(name),
        () => ended.push(name),
      );
    let all: Promise<unknown> = Promise.resolve();
    await whileMetaIsLocked(async () => {
      const strangers = upTo(OTHERS).map((n) =>
        metaOf(`stranger ${n}`, { ...attacker, workSessionId: `st-many-${n}`, ...from('192.0.2.1') }),
      );
      all = Promise.all([...strangers, metaOf('victim', { ...victim, ...from('192.0.2.2') })]);
      await untilWaiting(place, OTHERS);
    });
    await all;
    expect(ended.indexOf('victim')).toBeLessThan(2);
  });

  test.each<[string, (store: TestStore) => Promise<unknown>]>([
    ['a search in a vault', reading({ q: 'text' })],
    ['what one client wrote', reading({ writer: 'ann' })],
    ['what has a tag', reading({ tag: 'plan', history: true, since: 1, limit: 1 })],
    ['a whole history', reading({ history: true })],
    ['another moment', reading({ as_of: 1 })],
    ['a search in one entry', reading({ entry_id: 1, q: 'text' })],
    ['a search in all vaults', listing({ q: 'text', limit: 1 })],
    ['the vaults of a writer', listing({ writer: 'ann' })],
    ['the vaults with a tag', listing({ tag: 'plan' })],
    ['the list of an operator', (store) => store.list(operator)],
    ['a search of an operator', (store) => store.readPage(operator, vaultId, { q: 'text' })],
    ['meta', (store) => store.meta(victim, vaultId)],
    ['a proof', (store) => store.proof(victim, vaultId, { limit: 10 })],
  ])('%s does', async (_, call) => {
    let answer: Promise<unknown> = Promise.resolve();
    await occupied(async () => {
      answer = call(place.store);
      await untilWaiting(place, OTHERS);
    });
    expect(await answer).toBeTruthy();
  });

  test.each<[string, (store: TestStore) => Promise<unknown>]>([
    ['the current view', reading({})],
    ['the current view of an operator', (store) => store.readPage(operator, vaultId)],
    ['what is new', reading({ since: 1 })],
    ['what is new in the history', reading({ since: 1, history: true })],
    ['a page', reading({ limit: 1 })],
    ['a page of the history', reading({ limit: 1, history: true })],
    ['the summary', reading({ kind: 'summary' })],
    ['one entry', reading({ entry_id: 1 })],
    ['the history of one entry', reading({ entry_id: 1, history: true })],
    ['a list', listing({})],
    ['a page of a list', listing({ limit: 1 })],
    ['a list with details', listing({ details: true })],
    ['a page of a list with details', listing({ details: true, limit: 1 })],
    ['a write', (store) => store.append(victim, vaultId, 'text')],
  ])('%s does not', async (_, call) => {
    await occupied(async () => {
      expect(await call(place.store)).toBeTruthy();
      expect(place.scans().running).toBe(1);
    });
  });
});
