import { readFile } from 'node:fs/promises';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ENTRIES_FIELD } from '../../src/db/append-only.ts';
import { Prisma, PrismaClient } from '../../src/db/generated/client.ts';
import { readFault } from '../../src/db/pg-errors.ts';
import type { AppendOnlyClient } from '../../src/db/prisma.ts';
import { settle } from '../../src/db/settle.ts';
import { bucketOf } from '../../src/vault/bucket.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { dump, useDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';
import { useProxiedDatabase } from '../support/tcp-proxy.ts';

const database = useDatabase();
const proxied = useProxiedDatabase(database);
const ann = { workSessionId: 'st-1', clientId: 'ann' };
const INSUFFICIENT_PRIVILEGE = '42501';

/** The server's client, and one without the extension on connections of the server's role. */
let guarded: AppendOnlyClient;
let bare: AppendOnlyClient;
let barePool: pg.Pool;
let vaultId: string;
let seq: bigint;
let before: string;

beforeAll(async () => {
  const { vault_id } = await new TestStore(database.db, new VaultFeed()).create(ann, 'kept');
  vaultId = vault_id;
  guarded = await proxied.db.prisma();
  barePool = new pg.Pool({ connectionString: database.url, onConnect: (client) => settle(client) });
  bare = new PrismaClient({ adapter: new PrismaPg(barePool, { schema: 'public' }) }).$extends({
    name: 'bare',
  });
  ({ seq } = await guarded.vaultEntry.findFirstOrThrow());
});
afterAll(async () => {
  await bare.$disconnect();
  await barePool.end();
});
beforeEach(async () => {
  before = await dump(database.admin);
});

const data = { content: 'changed' };
const SQL = `UPDATE vault_entries SET content = 'changed'`;
const create = {
  seq: 101n,
  entryNo: 1,
  version: 1,
  kind: 'content',
  writerId: 'ann',
  content: 'x',
  hash: new Uint8Array(32),
};
const OTHER = { bucket_vaultId_seq: { bucket: 0, vaultId: 'v', seq: 1n } };
const vaultKey = () => ({ bucket_vaultId: { bucket: bucketOf(vaultId), vaultId } });
const key = () => ({ bucket_vaultId_seq: { bucket: bucketOf(vaultId), vaultId, seq } });
const nest = (client: AppendOnlyClient, entries: Prisma.VaultEntryUpdateManyWithoutVaultNestedInput) =>
  client.vault.update({ where: vaultKey(), data: { entries } });

/** Every way of the client to change entries or rows of the audit log, by the name that its refusal has. */
const CHANGES: [operation: string, change: (client: AppendOnlyClient) => Promise<unknown>][] = [
  ['update', ({ vaultEntry }) => vaultEntry.update({ where: key(), data })],
  ['updateMany', ({ vaultEntry }) => vaultEntry.updateMany({ data })],
  ['updateManyAndReturn', ({ vaultEntry }) => vaultEntry.updateManyAndReturn({ data })],
  [
    'upsert',
    ({ vaultEntry }) =>
      vaultEntry.upsert({
        where: key(),
        update: data,
        create: { vaultId, bucket: bucketOf(vaultId), ...create },
      }),
  ],
  ['delete', ({ vaultEntry }) => vaultEntry.delete({ where: key() })],
  ['deleteMany', ({ vaultEntry }) => vaultEntry.deleteMany()],
  [
    'update',
    ({ auditRow }) =>
      auditRow.update({ where: { bucket_id: { bucket: 0, id: 1 } }, data: { outcome: 'changed' } }),
  ],
  ['updateMany', ({ auditRow }) => auditRow.updateMany({ data: { outcome: 'changed' } })],
  ['delete', ({ auditRow }) => auditRow.delete({ where: { bucket_id: { bucket: 0, id: 1 } } })],
  ['deleteMany', ({ auditRow }) => auditRow.deleteMany()],
  ['entries.update', (client) => nest(client, { update: { where: key(), data } })],
  ['entries.updateMany', (client) => nest(client, { updateMany: { where: {}, data } })],
  ['entries.upsert', (client) => nest(client, { upsert: { where: key(), update: data, create } })],
  ['entries.delete', (client) => nest(client, { delete: key() })],
  ['entries.deleteMany', (client) => nest(client, { deleteMany: {} })],
];

/** Within the values of an insert there is nothing yet that the database could refuse to change. */
const DEEP: typeof CHANGES = [
  [
    'entries.deleteMany',
    ({ vaultEntry }) => {
      const bucket = bucketOf(vaultId);
      const made = { bucket, vaultId, workSessionId: 'st', createdBy: 'ann', entries: { deleteMany: {} } };
      const where = { bucket_vaultId: { bucket, vaultId }, entries: { some: {} } };
      return vaultEntry.create({ data: { ...create, vault: { connectOrCreate: { where, create: made } } } });
    },
  ],
];

describe('the client refuses a change of an append-only table before a statement leaves the process', () => {
  const expectRefused = async (call: Promise<unknown>, message: string) => {
    proxied.proxy.takeRoundTrips();
    await expect(call).rejects.toThrow(message);
    expect(proxied.proxy.takeRoundTrips()).toBe(0);
    expect(await dump(database.admin)).toBe(before);
  };

  test.each([...CHANGES, ...DEEP])('%s', async (operation, change) => {
    await expectRefused(change(guarded), ` is append-only: ${operation} refused. Write a new `);
  });

  test.each<[string, object]>([
    ['connect', { connect: OTHER }],
    ['connectOrCreate', { connectOrCreate: { where: OTHER, create } }],
    ['set', { set: [] }],
    ['disconnect', { disconnect: OTHER }],
  ])('entries.%s, by which an entry would get another vault or none', async (operation, entries) => {
    await expectRefused(
      guarded.vault.update({ where: vaultKey(), data: { entries } }),
      `entries.${operation} refused`,
    );
    await expectRefused(
      guarded.vault.upsert({
        where: vaultKey(),
        update: { entries },
        create: { bucket: 0, vaultId: 'v', workSessionId: 'st', createdBy: 'ann' },
      }),
      `entries.${operation} refused`,
    );
  });

  test.each<
    [
      string,
      (
        client: Pick<AppendOnlyClient, '$executeRaw' | '$queryRaw' | '$executeRawUnsafe' | '$queryRawUnsafe'>,
      ) => Promise<unknown>,
    ]
  >([
    ['$executeRaw', (client) => client.$executeRaw`UPDATE vault_entries SET content = 'changed'`],
    ['$executeRawUnsafe', (client) => client.$executeRawUnsafe(SQL)],
    ['$queryRaw', (client) => client.$queryRaw(Prisma.raw(SQL))],
    ['$queryRawUnsafe', (client) => client.$queryRawUnsafe(SQL)],
  ])('any raw SQL: %s', async (operation, call) => {
    await expectRefused(call(guarded), `The typed client runs no raw SQL: ${operation} refused.`);
    await expect(guarded.$transaction((inside) => call(inside))).rejects.toThrow(`${operation} refused`);
    expect(await dump(database.admin)).toBe(before);
  });

  test('no other field leads to entries', async () => {
    const schema = await readFile('prisma/schema.prisma', 'utf8');
    const fields = [...schema.matchAll(/^\s+(\w+)\s+VaultEntry\b/gm)].map(([, name]) => name);
    expect(fields).toEqual([ENTRIES_FIELD]);
  });

  test('reads and filters pass, and so does an insert, nested or not', async () => {
    expect(await guarded.vaultEntry.count()).toBe(1);
    expect(await guarded.vault.findMany({ where: { entries: { some: { seq } } } })).toHaveLength(1);
    await guarded.vaultEntry.create({ data: { bucket: bucketOf(vaultId), vaultId, ...create } });
    // What a vault may have updated is up to the rights of the role.
    await nest(guarded, { create: { ...create, seq: 102n, version: 2 } });
    await nest(guarded, { createMany: { data: [{ ...create, seq: 103n, version: 3 }] } });
    expect(await guarded.vaultEntry.count()).toBe(4);
  });
});

describe('the database refuses the same from a client without the extension', () => {
  const sqlStateOf = (call: Promise<unknown>) =>
    call.then(
      () => 'no error',
      (thrown: unknown) => readFault(thrown).code,
    );

  test.each(CHANGES)('%s', async (_, change) => {
    expect(await sqlStateOf(change(bare))).toBe(INSUFFICIENT_PRIVILEGE);
    expect(await dump(database.admin)).toBe(before);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['$executeRaw', () => bare.$executeRaw`UPDATE vault_entries SET content = 'changed'`],
    ['$executeRawUnsafe', () => bare.$executeRawUnsafe(SQL)],
    ['$queryRaw', () => bare.$queryRaw(Prisma.raw(SQL))],
    ['$queryRawUnsafe', () => bare.$queryRawUnsafe(SQL)],
    [
      'a change inside of a query',
      () => bare.$queryRawUnsafe(`WITH c AS (${SQL} RETURNING 1) SELECT * FROM c`),
    ],
  ])('%s', async (_, call) => {
    expect(await sqlStateOf(call())).toBe(INSUFFICIENT_PRIVILEGE);
    expect(await dump(database.admin)).toBe(before);
  });
});
