import { beforeAll, expect, test } from 'vitest';
import { type AuditOptions, type AuditRow, readAudit } from '../../src/cli/audit.ts';
import { withConnection, withPrismaSnapshot } from '../../src/db/connection.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { collect } from '../support/collect.ts';
import { useDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';

const database = useDatabase();
const ann = { workSessionId: 'st-1', clientId: 'ann' };
const eve = { workSessionId: 'st-2', clientId: 'eve' };
let vaultId: string;

const audit = (options: Partial<AuditOptions> = {}): Promise<AuditRow[]> =>
  withConnection(database.url, (client) =>
    withPrismaSnapshot(client, (prisma) =>
      collect(readAudit(prisma, { since: '1970-01-01T00:00:00.000000Z', ...options })),
    ),
  );

beforeAll(async () => {
  const store = new TestStore(database.db, new VaultFeed());
  vaultId = (await store.create(ann, 'said')).vault_id;
  await store.append(ann, vaultId, 'secret text');
  await store.create(eve, '');
  await expect(store.append(eve, vaultId, 'secret text')).rejects.toThrow('another work session');
  await expect(store.read(eve, vaultId)).rejects.toThrow('another work session');
  // Rows whose ids are not in the order of their times, more than are fetched at once.
  await database.admin.query(
    `INSERT INTO audit_log (at, action, outcome) SELECT '2020-01-01Z'::timestamptz + (1000 - n) * interval '1 minute', 'old', n::text
     FROM generate_series(1, 1000) AS n`,
  );
});

test('everything, in the order of time', async () => {
  const rows = await audit();
  expect(rows).toHaveLength(1005);
  expect(rows.map(({ at }) => at)).toEqual(rows.map(({ at }) => at).toSorted());
  expect(rows[0]).toMatchObject({ action: 'old', outcome: '1000', at: '2020-01-01T00:00:00.000000Z' });
  expect(rows.at(-4)).toEqual({
    at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
    action: 'append',
    outcome: 'written',
    vault_id: vaultId,
    seq: expect.any(Number),
    work_session_id: 'st-1',
    client_id: 'ann',
    session: null,
    request_id: null,
    address: null,
  });
  expect(JSON.stringify(rows)).not.toContain('secret text');
});

test('only the requested rows', async () => {
  const told = async (options: Partial<AuditOptions>) =>
    (await audit(options)).map(({ action, outcome }) => `${action} ${outcome}`);
  const since = '2021-01-01T00:00:00.000000Z';
  expect(await told({ since, vault: vaultId })).toEqual([
    'create written',
    'append written',
    'append forbidden',
    'read forbidden',
  ]);
  expect(await told({ since, workSession: 'st-2' })).toEqual([
    'create written',
    'append forbidden',
    'read forbidden',
  ]);
  expect(await told({ since, action: 'append' })).toEqual(['append written', 'append forbidden']);
  expect(await told({ until: '2020-01-01T00:02:00.000000Z' })).toEqual(['old 1000', 'old 999']);
  expect(await told({ since: new Date(Date.now() + 60_000).toISOString() })).toEqual([]);
});

/** As docs/operations.md says: by the owner, who alone may. */
test('old rows can be moved away by the owner, and the log is append-only again afterwards', async () => {
  const archive = `
    BEGIN;
    ALTER TABLE audit_log DISABLE TRIGGER audit_log_append_only;
    DELETE FROM audit_log WHERE at < '2020-01-01T10:00:00Z';
    ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_log_append_only;
    COMMIT;`;
  const before = await audit();
  await database.admin.query(archive);
  expect(await audit()).toEqual(before.slice(600));
  await expect(database.admin.query('DELETE FROM audit_log')).rejects.toThrow('append-only');
});
