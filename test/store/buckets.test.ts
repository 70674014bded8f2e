import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { readFunctionFiles } from '../../scripts/database/functions.ts';
import * as auditSql from '../../src/audit/vault-audit-sql.ts';
import * as transferSql from '../../src/transfer/sql.ts';
import { bucketOf } from '../../src/vault/bucket.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { READ_HEADS } from '../../src/vault/follow/head-store.ts';
import { READS } from '../../src/vault/read/sql.ts';
import { REMOVE_WRITER } from '../../src/vault/write/store.ts';
import { useDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';

const database = useDatabase();
const page = await readFile('docs/data.md', 'utf8');
const vectors = JSON.parse(/^```json\n(.*?)^```$/ms.exec(page)?.[1] ?? '[]') as {
  vault_id: string;
  bucket: number;
}[];

test('the vectors of docs/data.md are those of the server and of the database', async () => {
  expect(vectors.length).toBeGreaterThan(7);
  expect(vectors.map(({ vault_id }) => bucketOf(vault_id))).toEqual(vectors.map(({ bucket }) => bucket));
  const { rows } = await database.admin.query(
    'SELECT vault_bucket(id) AS bucket FROM unnest($1::text[]) AS id',
    [vectors.map(({ vault_id }) => vault_id)],
  );
  expect(rows).toEqual(vectors.map(({ bucket }) => ({ bucket })));
});

test('server and database agree about 20,000 ids, which spread over all buckets', async () => {
  const ids = Array.from(
    { length: 20_000 },
    (_, n) => `v-${n}\\x${n % 7}é${String.fromCodePoint(0x4e00 + n)}`,
  );
  const { rows } = await database.admin.query<{ bucket: number }>(
    'SELECT vault_bucket(id) AS bucket FROM unnest($1::text[]) WITH ORDINALITY AS ids (id, place) ORDER BY place',
    [ids],
  );
  expect(rows.map(({ bucket }) => bucket)).toEqual(ids.map(bucketOf));
  expect(new Set(rows.map(({ bucket }) => bucket)).size).toBe(1024);
});

test('no statement and no function looks for a vault without its bucket', async () => {
  const statements = {
    ...auditSql,
    ...transferSql,
    ...READS.caller,
    ...READS.operator,
    READ_HEADS,
    REMOVE_WRITER,
  };
  const sources = [
    ...Object.entries(statements).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    ...(await readFunctionFiles()).map(({ name, text }): [string, string] => [name, text]),
  ];
  for (const [name, sql] of sources) {
    for (const { index } of sql.matchAll(/(?:\w+\.)?vault_id = (?!ANY)/g)) {
      const before = sql.slice(Math.max(0, index - 70), index);
      expect(before, `${name}: …${sql.slice(Math.max(0, index - 70), index + 40)}`).toMatch(
        /bucket = |made\.vault_id|IF $/,
      );
    }
  }
});

describe('rows of a vault', () => {
  const ann = { workSessionId: 'st-1', clientId: 'ann' };

  test('carry its bucket in every table, and audit rows of nothing else carry 0', async () => {
    const store = new TestStore(database.db, new VaultFeed());
    const { vault_id } = await store.create(ann, 'made', 'a key');
    await store.append(ann, vault_id, 'one', { key: 'another key' });
    await store.read({ ...ann, workSessionId: 'st-2' }, vault_id);
    await store.list({ ...ann, clientId: 'nobody' });
    for (const table of [
      'vaults',
      'vault_entries',
      'vault_writers',
      'vault_write_keys',
      'vault_creation_keys',
      'vault_outside_reads',
      'audit_log',
    ]) {
      const { rows } = await database.admin.query(
        `SELECT DISTINCT bucket FROM ${table} WHERE vault_id = $1`,
        [vault_id],
      );
      expect(rows, table).toEqual([{ bucket: bucketOf(vault_id) }]);
    }
    await database.admin.query(`SELECT confirm_astation('none', NULL, NULL)`);
    const { rows } = await database.admin.query(
      'SELECT bucket FROM audit_log WHERE vault_id IS NULL AND bucket <> 0',
    );
    expect(rows).toEqual([]);
  });

  test.each([
    ['vaults', 'work_session_id, created_by', `'st-1', 'ann'`],
    ['vault_writers', 'client_id', `'ann'`],
    ['vault_write_keys', 'client_id, key, request_hash, seq', `'ann', 'k', sha256(''), 1`],
    [
      'vault_creation_keys',
      'work_session_id, client_id, key, request_hash',
      `'st-1', 'ann', 'k', sha256('')`,
    ],
    ['vault_outside_reads', 'work_session_id, client_id', `'st-1', 'ann'`],
  ])('of another bucket are refused: %s', async (table, columns, values) => {
    const insert = (bucket: string, id: string) =>
      database.admin.query(
        `INSERT INTO ${table} (bucket, vault_id, ${columns}) VALUES (${bucket}, '${id}', ${values})`,
      );
    const refusal = { code: '23514', message: expect.stringContaining('is not of bucket') };
    await expect(insert(`(vault_bucket('v-x') + 1) % 1024`, 'v-x')).rejects.toMatchObject(refusal);
    await insert(`vault_bucket('v-x')`, 'v-x');
    for (const change of ['bucket = (bucket + 1) % 1024', `vault_id = 'v-y'`]) {
      const update = `UPDATE ${table} SET ${change} WHERE vault_id = 'v-x'`;
      await expect(database.admin.query(update)).rejects.toMatchObject(refusal);
    }
  });

  test('are written by the entry for one bucket as by the one for many, and for another bucket not at all', async () => {
    const store = new TestStore(database.db, new VaultFeed());
    const { vault_id } = await store.create(ann, 'made');
    const write = {
      place: 0,
      op: 'append',
      vault_id,
      work_session_id: 'st-1',
      client_id: 'ann',
      text: 'one',
    };
    const writeTo = (bucket: number) =>
      database.db.rows<{ outcome: string; seq: bigint }>(
        'SELECT outcome, seq FROM write_to_bucket($1, $2::json, 0, 0)',
        bucket,
        JSON.stringify([write]),
      );
    expect(await writeTo(bucketOf(vault_id))).toEqual([{ outcome: 'written', seq: 2n }]);
    await expect(writeTo((bucketOf(vault_id) + 1) % 1024)).rejects.toThrow();
    expect((await store.read(ann, vault_id)).length).toBe(1);
  });
});
