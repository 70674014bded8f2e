import { describe, expect, test } from 'vitest';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { useDatabase } from '../support/database.ts';
import { refusalOf } from '../support/refusal.ts';
import { TestStore } from '../support/store.ts';
import { upTo } from '../support/ways.ts';

const database = useDatabase();
const makeStore = () => new TestStore(database.db, new VaultFeed());

const ann = { workSessionId: 'st-1', clientId: 'ann' };
const bob = { workSessionId: 'st-1', clientId: 'bob' };
const annElsewhere = { workSessionId: 'st-2', clientId: 'ann' };
const bobElsewhere = { workSessionId: 'st-2', clientId: 'bob' };

/** A vault that ann and bob wrote into. */
async function makeVault(store: TestStore): Promise<string> {
  const { vault_id: vaultId } = await store.create(ann, 'roamed');
  await store.append(ann, vaultId, 'by ann');
  await store.append(bob, vaultId, 'by bob');
  return vaultId;
}

const foreign = (vaultId: string) => `FORBIDDEN: Vault ${vaultId} belongs to another work session.`;

/** Resolves once so many wait for something. */
async function untilWaiting(store: TestStore, count: number): Promise<void> {
  while (store.followers.waiters.size < count) await new Promise((resolve) => setImmediate(resolve));
}

describe('reads from outside', () => {
  test('the last hundred are stored, newest first; inside reads are not', async () => {
    const store = makeStore();
    const vaultId = await makeVault(store);
    await store.read(bob, vaultId);
    expect((await store.meta(ann, vaultId)).outside_reads).toEqual([]);
    await store.read(bobElsewhere, vaultId);
    for (const n of upTo(104)) {
      await store.read(annElsewhere, vaultId, n % 2 ? {} : { since: 9_999_999, history: true });
    }
    const { outside_reads: reads } = await store.meta(ann, vaultId);
    expect(reads.map(({ client_id }) => client_id)).toEqual(Array(100).fill('ann'));
    const times = reads.map(({ read_at }) => read_at);
    expect(times).toEqual(times.toSorted().toReversed());
    const { rows } = await database.admin.query(
      'SELECT count(*)::int AS kept FROM vault_outside_reads WHERE vault_id = $1',
      [vaultId],
    );
    expect(rows).toEqual([{ kept: 100 }]);
  });

  test('of meta and proof count as well, and a refused one does not', async () => {
    const store = makeStore();
    const vaultId = await makeVault(store);
    await store.meta(bobElsewhere, vaultId);
    await store.proof(annElsewhere, vaultId, { limit: 1 });
    const eve = { workSessionId: 'st-2', clientId: 'eve' };
    expect(await refusalOf(store.read(eve, vaultId))).toBe(foreign(vaultId));
    expect((await store.meta(ann, vaultId)).outside_reads.map(({ client_id }) => client_id)).toEqual([
      'ann',
      'bob',
    ]);
  });
});

describe('a removed writer', () => {
  test('reads no more from outside, describes no more, and is still welcome inside', async () => {
    const store = makeStore();
    const vaultId = await makeVault(store);
    expect(await store.removeWriter(bob, vaultId, 'ann')).toBe(true);
    expect(await store.removeWriter(bob, vaultId, 'ann')).toBe(false);
    expect(await store.removeWriter(bob, vaultId, 'nobody')).toBe(false);
    for (const call of [
      () => store.read(annElsewhere, vaultId),
      () => store.read(annElsewhere, vaultId, { history: true, since: 1 }),
      () => store.meta(annElsewhere, vaultId),
      () => store.proof(annElsewhere, vaultId, { limit: 1 }),
      () => store.setSummary(annElsewhere, vaultId, 'x'),
    ]) {
      expect(await refusalOf(call())).toBe(foreign(vaultId));
    }
    expect((await store.list(annElsewhere)).vaults.map(({ vault_id }) => vault_id)).not.toContain(vaultId);
    expect(await store.read(ann, vaultId)).toHaveLength(2);
    expect(await store.read(bobElsewhere, vaultId)).toHaveLength(2);
    const { writers } = await store.meta(bob, vaultId);
    expect(writers.map(({ client_id, in_writer_list }) => [client_id, in_writer_list])).toEqual([
      ['bob', true],
      ['ann', false],
    ]);
  });

  test('may read from outside again after writing from inside', async () => {
    const store = makeStore();
    const vaultId = await makeVault(store);
    await store.removeWriter(bob, vaultId, 'ann');
    await store.append(ann, vaultId, 'back');
    expect(await store.read(annElsewhere, vaultId)).toHaveLength(3);
  });

  test('only the work session of the vault may remove it', async () => {
    const store = makeStore();
    const vaultId = await makeVault(store);
    expect(await refusalOf(store.removeWriter(annElsewhere, vaultId, 'bob'))).toBe(
      `FORBIDDEN: Vault ${vaultId} belongs to another work session: as a past writer you may read it, not write.`,
    );
    const eve = { workSessionId: 'st-2', clientId: 'eve' };
    expect(await refusalOf(store.removeWriter(eve, vaultId, 'bob'))).toBe(foreign(vaultId));
    expect(await refusalOf(store.removeWriter(ann, 'v-neverMade0', 'bob'))).toBe(
      'NOT_FOUND: There is no vault v-neverMade0.',
    );
    expect(await store.read(bobElsewhere, vaultId)).toHaveLength(2);
  });

  test('gets no later rows, even if it shares a wait with another reader', async () => {
    const store = makeStore();
    const vaultId = await makeVault(store);
    const since = (await store.meta(ann, vaultId)).head;
    const wait = { since, wait: 20 };
    // All ask the same from the same work session: the first looks, the second next, and the third could share that.
    const still = [store.read(bobElsewhere, vaultId, wait), store.read(bobElsewhere, vaultId, wait)];
    const gone = store.read(annElsewhere, vaultId, wait);
    await untilWaiting(store, 3);
    await store.removeWriter(bob, vaultId, 'ann');
    // A change that shows nothing: everybody looks, and waits on.
    await store.setSummary(bob, vaultId, 'a summary is no content');
    expect(await refusalOf(gone)).toBe(foreign(vaultId));
    await untilWaiting(store, 2);
    await store.append(bob, vaultId, 'not for ann');
    const shown = await Promise.all(still);
    expect(shown.map(([entry]) => entry?.content)).toEqual(['not for ann', 'not for ann']);
    expect(store.followers.waiters.size).toBe(0);
  });

  test('gets nothing either when the change that ends the wait is the first after the removal', async () => {
    const store = makeStore();
    const vaultId = await makeVault(store);
    const wait = { since: (await store.meta(ann, vaultId)).head, wait: 20 };
    const waiting = [bobElsewhere, bobElsewhere, annElsewhere].map((caller) =>
      store.read(caller, vaultId, wait),
    );
    const ends = Promise.allSettled(waiting);
    await untilWaiting(store, 3);
    await store.removeWriter(bob, vaultId, 'ann');
    await store.append(bob, vaultId, 'not for ann');
    expect(await ends).toMatchObject([
      { status: 'fulfilled', value: [{ content: 'not for ann' }] },
      { status: 'fulfilled', value: [{ content: 'not for ann' }] },
      { status: 'rejected', reason: { code: 'FORBIDDEN' } },
    ]);
  });
});
