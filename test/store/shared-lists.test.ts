import { expect, test, vi } from 'vitest';
import type { Caller } from '../../src/access/policy.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { LISTS_OF_WORK_SESSION } from '../../src/vault/read/shared-list-store.ts';
import { LIMITED_LISTS, READS } from '../../src/vault/read/sql.ts';
import { useDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';
import { upTo } from '../support/ways.ts';

const database = useDatabase();

/** Work sessions of one test, and the statements that list their vaults. */
function open(name: string) {
  const vaults = new TestStore(database.db, new VaultFeed());
  const rows = vi.spyOn(database.db, 'rows');
  const ran = (sql: string) => rows.mock.calls.filter(([text]) => text === sql).length;
  const callerOf = (workSession: string, clientId: string): Caller => ({
    workSessionId: `${name}-${workSession}`,
    clientId: `${name}-${clientId}`,
  });
  return { vaults, ran, callerOf };
}

const idsOf = async (page: Promise<{ vaults: { vault_id: string }[] }>) =>
  (await page).vaults.map(({ vault_id }) => vault_id);

test('lists of the callers of one work session share a statement, and each sees the rows from before its request', async () => {
  const { vaults, ran, callerOf } = open('shared');
  const ann = callerOf('st-1', 'ann');
  const first = await vaults.create(ann, 'first');
  const early = vaults.list(ann);
  const second = await vaults.create(ann, 'second');
  const many = upTo(20).map((n) => vaults.list(callerOf('st-1', `client-${n}`)));
  const others = upTo(20).map((n) => vaults.list(callerOf('st-2', `client-${n}`)));
  expect(await idsOf(early)).toContain(first.vault_id);
  for (const page of many) expect(await idsOf(page)).toEqual([first.vault_id, second.vault_id]);
  for (const page of others) expect(await idsOf(page)).toEqual([]);
  // Of each work session one that began at once, and one for all that came meanwhile; and the early one.
  expect(ran(LISTS_OF_WORK_SESSION.LIST_TOGETHER)).toBeLessThanOrEqual(5);
  expect(ran(READS.caller.LIST)).toBe(0);
});

test('a list together with others has the vaults of other work sessions for their writers only, and notes those', async () => {
  const { vaults, ran, callerOf } = open('outside');
  const [ann, bob, ann2] = [callerOf('st-1', 'ann'), callerOf('st-2', 'bob'), callerOf('st-2', 'ann')];
  const own = await vaults.create(bob, 'own');
  const outside = await vaults.create(ann, 'outside');
  await vaults.append(ann, outside.vault_id, 'a text');
  const key: Caller = { ...ann2, kind: 'key', vaults: [own.vault_id] };
  const listed = [
    vaults.list(bob),
    vaults.list(ann2),
    vaults.list({ ...ann2, kind: 'key' }),
    vaults.list(key),
  ];
  const [ofBob, ofAnn, ofKey, ofLimitedKey] = await Promise.all(listed.map(idsOf));
  expect(ofBob).toEqual([own.vault_id]);
  expect(ofAnn).toEqual([own.vault_id, outside.vault_id]);
  expect([ofKey, ofLimitedKey]).toEqual([[own.vault_id], [own.vault_id]]);
  expect([ran(READS.caller.LIST), ran(LIMITED_LISTS.LIST)]).toEqual([1, 1]);
  const { outside_reads } = await vaults.meta(ann, outside.vault_id);
  expect(outside_reads.map(({ client_id }) => client_id)).toEqual([ann2.clientId]);

  // Of a caller who sees more, the next list is one statement.
  const together = ran(LISTS_OF_WORK_SESSION.LIST_TOGETHER);
  expect(await idsOf(vaults.list(ann2))).toEqual([own.vault_id, outside.vault_id]);
  expect([ran(LISTS_OF_WORK_SESSION.LIST_TOGETHER), ran(READS.caller.LIST)]).toEqual([together, 2]);
  expect(await idsOf(vaults.list(bob))).toEqual([own.vault_id]);
  expect(ran(LISTS_OF_WORK_SESSION.LIST_TOGETHER)).toBe(together + 1);
});

test('a list with details is the same together and by pages, and a longer one comes by pages', async () => {
  const { vaults, ran, callerOf } = open('details');
  const ann = callerOf('st-1', 'ann');
  for (const summary of ['first "quoted"', 'второй', '第三']) {
    const { vault_id } = await vaults.create(ann, summary);
    await vaults.append(ann, vault_id, 'a text');
  }
  for (const details of [true, false]) {
    const together = await vaults.list(ann, { details });
    const [one, rest] = [await vaults.list(ann, { details, limit: 1 }), { details, limit: 10 }];
    const paged = [
      ...one.vaults,
      ...(await vaults.list(ann, { ...rest, cursor: one.nextCursor ?? '' })).vaults,
    ];
    expect(together.vaults).toEqual(paged);
    expect(together.vaults).toHaveLength(3);
    expect(together.nextCursor).toBeNull();
  }
  expect(ran(LISTS_OF_WORK_SESSION.LIST_DETAILS_TOGETHER)).toBe(1);

  await database.admin.query(
    `SELECT count(*) FROM generate_series(1, 1000) AS n, create_vault(json_build_object(
       'vault_id', 'v-many-' || n, 'summary', 'many', 'work_session_id', $1::text, 'client_id', $2::text), 0)`,
    [ann.workSessionId, ann.clientId],
  );
  expect((await vaults.list(ann)).vaults).toHaveLength(1003);
  const together = ran(LISTS_OF_WORK_SESSION.LIST_TOGETHER);
  expect((await vaults.list(ann)).vaults).toHaveLength(1003);
  expect(ran(LISTS_OF_WORK_SESSION.LIST_TOGETHER)).toBe(together);
  const page = await vaults.list(ann, { details: true, limit: 1000 });
  expect([page.vaults.length, page.nextCursor]).toEqual([1000, expect.any(String)]);
});
