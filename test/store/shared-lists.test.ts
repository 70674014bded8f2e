import { expect, test, vi } from 'vitest';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { READS } from '../../src/vault/read/sql.ts';
import { useDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';

const database = useDatabase();

test('lists of one caller share a statement, lists of another do not, and each sees the rows from before its request', async () => {
  const vaults = new TestStore(database.db, new VaultFeed());
  const ann = { workSessionId: 'st-1', clientId: 'ann' };
  const bob = { workSessionId: 'st-2', clientId: 'bob' };
  const first = await vaults.create(ann, 'first');
  const rows = vi.spyOn(database.db, 'rows');
  const statements = () => rows.mock.calls.filter(([sql]) => sql === READS.caller.LIST).length;
  const early = vaults.list(ann);
  const second = await vaults.create(ann, 'second');
  const many = Array.from({ length: 20 }, () => vaults.list(ann));
  const others = Array.from({ length: 20 }, () => vaults.list(bob));
  const ids = async (page: Promise<{ vaults: { vault_id: string }[] }>) =>
    (await page).vaults.map(({ vault_id }) => vault_id);
  expect(await ids(early)).toContain(first.vault_id);
  for (const page of many) expect(await ids(page)).toEqual([first.vault_id, second.vault_id]);
  for (const page of others) expect(await ids(page)).toEqual([]);
  // Of each caller one that began at once, and one for all who came meanwhile; and the early one.
  expect(statements()).toBeLessThanOrEqual(5);
  rows.mockRestore();
});
