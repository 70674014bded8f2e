import pg from 'pg';
import { beforeEach, describe, expect, test } from 'vitest';
import { Database } from '../../src/db/client.ts';
import { readFault } from '../../src/db/pg-errors.ts';
import { APPLICATION_ROLE } from '../../src/db/pool.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { dump, silent, useDatabase, withMigratedDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';
import { verify } from '../support/verify.ts';

const database = useDatabase();
const ann = { workSessionId: 'st-1', clientId: 'ann' };

/** The trigger's own SQLSTATE. */
const APPEND_ONLY = 'VR001';
const INSUFFICIENT_PRIVILEGE = '42501';

let before: string;
beforeEach(async () => {
  const store = new TestStore(database.db, new VaultFeed());
  const { vault_id } = await store.create(ann, 'kept');
  await store.append(ann, vault_id, 'kept');
  await store.override(ann, vault_id, { no: 1, text: 'kept too' });
  before = await dump(database.admin);
});

const expectUnchanged = async () => expect(await dump(database.admin)).toBe(before);

async function sqlStateOf(call: Promise<unknown>): Promise<string | undefined> {
  const thrown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  return thrown === undefined ? 'no error' : readFault(thrown).code;
}

describe('triggers refuse it to the superuser and owner', () => {
  test.each([
    `UPDATE vault_entries SET content = 'changed'`,
    `UPDATE vault_entries SET content = 'changed' WHERE false`,
    'DELETE FROM vault_entries',
    'DELETE FROM vault_entries WHERE seq < 0',
    'TRUNCATE vault_entries',
    'TRUNCATE vault_entries RESTART IDENTITY',
    'TRUNCATE vaults CASCADE',
    'TRUNCATE vaults, vault_entries',
    `INSERT INTO vault_entries (bucket, vault_id, seq, entry_no, version, kind, writer_id, content)
     SELECT bucket, vault_id, seq, entry_no, version, kind, writer_id, 'changed' FROM vault_entries LIMIT 1
     ON CONFLICT (bucket, vault_id, entry_no, version) DO UPDATE SET content = excluded.content`,
    `MERGE INTO vault_entries AS e USING vaults AS v ON e.vault_id = v.vault_id
     WHEN MATCHED THEN UPDATE SET content = 'changed'`,
    `MERGE INTO vault_entries AS e USING vaults AS v ON e.vault_id = v.vault_id WHEN MATCHED THEN DELETE`,
    `WITH gone AS (DELETE FROM vault_entries RETURNING *) SELECT * FROM gone`,
  ])('%s', async (sql) => {
    const error = await database.admin.query(sql).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: APPEND_ONLY,
      message: expect.stringMatching(/^vault_entries is append-only: (UPDATE|DELETE|TRUNCATE) refused$/),
      hint: 'Write a new version of the entry instead.',
    });
    await expectUnchanged();
  });

  test('also in a session that replicates, where other triggers sleep', async () => {
    const client = await database.admin.connect();
    await client.query('SET session_replication_role = replica');
    for (const sql of [
      `UPDATE vault_entries SET content = ''`,
      'DELETE FROM vault_entries',
      'TRUNCATE vault_entries',
    ]) {
      expect(await sqlStateOf(client.query(sql))).toBe(APPEND_ONLY);
    }
    client.release(true);
    await expectUnchanged();
  });

  test.each([
    `UPDATE audit_log SET outcome = 'changed'`,
    `UPDATE audit_log SET outcome = 'changed' WHERE false`,
    'DELETE FROM audit_log',
    'TRUNCATE audit_log',
    'TRUNCATE audit_log RESTART IDENTITY',
    `INSERT INTO audit_log (bucket, id, action, outcome) SELECT bucket, id, action, 'changed' FROM audit_log LIMIT 1
     ON CONFLICT (bucket, id) DO UPDATE SET outcome = excluded.outcome`,
    'MERGE INTO audit_log AS a USING vaults AS v ON a.vault_id = v.vault_id WHEN MATCHED THEN DELETE',
  ])('nor of the audit log: %s', async (sql) => {
    const rows = async () => (await database.admin.query('SELECT * FROM audit_log ORDER BY id')).rows;
    const log = await rows();
    expect(log.length).toBeGreaterThan(0);
    expect(await sqlStateOf(database.admin.query(sql))).toBe(APPEND_ONLY);
    const client = await database.admin.connect();
    await client.query('SET session_replication_role = replica');
    expect(await sqlStateOf(client.query(sql))).toBe(APPEND_ONLY);
    client.release(true);
    expect(await rows()).toEqual(log);
  });

  test('a vault with entries cannot be deleted or renamed under them', async () => {
    const foreignKey = '23503';
    expect(await sqlStateOf(database.admin.query('DELETE FROM vaults'))).toBe(foreignKey);
    expect(
      await sqlStateOf(
        database.admin.query(
          `UPDATE vaults SET vault_id = vault_id || 'x', bucket = vault_bucket(vault_id || 'x')`,
        ),
      ),
    ).toBe(foreignKey);
    await expectUnchanged();
  });
});

describe('the role of the server has no right to it', () => {
  test('every connection of the server works as that role', async () => {
    const asked = Array.from({ length: 20 }, () =>
      database.db.rows<{ who: string; pid: number }>(
        'SELECT current_user::text AS who, pg_backend_pid() AS pid',
      ),
    );
    const rows = (await Promise.all(asked)).flat();
    expect(new Set(rows.map((row) => row.who))).toEqual(new Set([APPLICATION_ROLE]));
    expect(new Set(rows.map((row) => row.pid)).size).toBeGreaterThan(1);
  });

  test.each([
    ['vault_entries', ['SELECT', 'INSERT']],
    // Of a vault it may update some columns, see below.
    ['vaults', ['SELECT', 'INSERT']],
    ['vault_writers', ['SELECT', 'INSERT', 'DELETE']],
    ['vault_write_keys', ['SELECT', 'INSERT']],
    ['vault_creation_keys', ['SELECT', 'INSERT']],
    ['vault_outside_reads', ['SELECT', 'INSERT', 'DELETE']],
    ['audit_log', ['SELECT', 'INSERT']],
    ['sessions', ['SELECT', 'INSERT', 'UPDATE', 'DELETE']],
    ['astations', ['SELECT', 'INSERT', 'DELETE']],
    ['_prisma_migrations', []],
  ])('%s: %j and no more', async (table, expected) => {
    const { rows } = await database.admin.query<{ privilege: string }>(
      `SELECT privilege FROM unnest($3::text[]) AS privilege WHERE has_table_privilege($1, $2, privilege)`,
      [
        APPLICATION_ROLE,
        table,
        ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'],
      ],
    );
    expect(rows.map((row) => row.privilege)).toEqual(expected);
  });

  test('it updates only the columns that a write and a summary need', async () => {
    const { rows } = await database.admin.query<{ name: string }>(
      `SELECT attrelid::regclass || '.' || attname AS name FROM pg_attribute
       WHERE attrelid IN ('vaults'::regclass, 'vault_entries'::regclass) AND attnum > 0 AND NOT attisdropped
         AND has_column_privilege($1, attrelid, attnum, 'UPDATE') ORDER BY 1`,
      [APPLICATION_ROLE],
    );
    expect(rows.map((row) => row.name)).toEqual([
      'vaults.bytes',
      'vaults.changed_at',
      'vaults.gaps',
      'vaults.head_hash',
      'vaults.head_seq',
      'vaults.irregular',
      'vaults.next_entry_no',
      'vaults.summary',
      'vaults.summary_version',
      'vaults.versions',
      'vaults.writer_list',
    ]);
  });

  test('it owns nothing, is not a superuser and cannot log in', async () => {
    const { rows } = await database.admin.query(
      `SELECT rolsuper, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls,
         (SELECT count(*)::int FROM pg_class WHERE relowner = r.oid) AS owns
       FROM pg_roles AS r WHERE rolname = $1`,
      [APPLICATION_ROLE],
    );
    expect(rows).toEqual([
      {
        rolsuper: false,
        rolcreaterole: false,
        rolcreatedb: false,
        rolcanlogin: false,
        rolreplication: false,
        rolbypassrls: false,
        owns: 0,
      },
    ]);
  });

  test.each([
    `UPDATE vault_entries SET content = 'changed'`,
    'DELETE FROM vault_entries',
    'TRUNCATE vault_entries',
    'TRUNCATE vaults CASCADE',
    'DELETE FROM vaults',
    `UPDATE vaults SET work_session_id = 'mine'`,
    `UPDATE vaults SET vault_id = 'v-another'`,
    'ALTER TABLE vault_entries DISABLE TRIGGER vault_entries_append_only',
    'ALTER TABLE vault_entries DISABLE TRIGGER ALL',
    'ALTER TABLE vault_entries DROP COLUMN content',
    'DROP TRIGGER vault_entries_append_only ON vault_entries',
    'DROP TABLE vault_entries',
    'DROP FUNCTION refuse_change_of_vault_entries CASCADE',
    `CREATE OR REPLACE FUNCTION refuse_change_of_vault_entries() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
    'SET session_replication_role = replica',
    `SELECT setval('vault_outside_reads_id_seq', 1)`,
    `UPDATE vault_writers SET client_id = 'mine'`,
    'TRUNCATE vault_writers',
    'ALTER TABLE vaults DISABLE TRIGGER vaults_close_to_unlisted_writers',
    'TRUNCATE sessions',
    `UPDATE audit_log SET outcome = 'changed'`,
    'DELETE FROM audit_log',
    'TRUNCATE audit_log',
    'ALTER TABLE audit_log DISABLE TRIGGER audit_log_append_only',
    'DROP TABLE audit_log',
    `SELECT setval('audit_log_id_seq', 1)`,
    `INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('x', 'x', 'x')`,
  ])('%s', async (sql) => {
    expect(await sqlStateOf(database.db.rows(sql))).toBe(INSUFFICIENT_PRIVILEGE);
    await expectUnchanged();
  });
});

describe('on partitions', () => {
  const PARTITIONS = 4;

  /** Splits vault_entries by its bucket, as docs/data.md says. */
  const SPLIT = `
    ALTER TABLE vault_entries RENAME TO vault_entries_whole;
    CREATE TABLE vault_entries (LIKE vault_entries_whole INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
      PRIMARY KEY (bucket, vault_id, seq), UNIQUE (bucket, vault_id, entry_no, version),
      FOREIGN KEY (bucket, vault_id) REFERENCES vaults (bucket, vault_id)) PARTITION BY HASH (bucket);
    GRANT SELECT, INSERT ON vault_entries TO vault_relay_app;
    DO $$ BEGIN
      FOR n IN 0..${PARTITIONS - 1} LOOP
        EXECUTE format('CREATE TABLE vault_entries_%s PARTITION OF vault_entries
          FOR VALUES WITH (MODULUS ${PARTITIONS}, REMAINDER %s)', n, n);
      END LOOP;
    END $$;
    INSERT INTO vault_entries SELECT * FROM vault_entries_whole;
    DO $$ DECLARE part TEXT; BEGIN
      FOREACH part IN ARRAY array_append(ARRAY(SELECT 'vault_entries_' || n FROM generate_series(0, ${PARTITIONS - 1}) AS n), 'vault_entries') LOOP
        EXECUTE format('CREATE TRIGGER vault_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I
          FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_vault_entries()', part);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER vault_entries_append_only', part);
      END LOOP;
    END $$`;

  test('the same server writes and reads, and every change is refused in each of the three ways', async () => {
    await withMigratedDatabase(async (url) => {
      const db = new Database({ url, poolSize: 2, log: silent });
      const admin = new pg.Client({ connectionString: url });
      await admin.connect();
      try {
        const store = new TestStore(db, new VaultFeed());
        const ann = { workSessionId: 'st-1', clientId: 'ann' };
        const made = await Promise.all(Array.from({ length: 20 }, (_, n) => store.create(ann, `vault ${n}`)));
        await admin.query(SPLIT);
        for (const { vault_id } of made) {
          expect((await store.append(ann, vault_id, 'one')).seq).toBe(2);
          expect(await store.read(ann, vault_id, { history: true, kind: 'all' })).toHaveLength(2);
        }
        const { rows } = await admin.query(
          'SELECT DISTINCT tableoid::regclass::text AS part FROM vault_entries ORDER BY 1',
        );
        expect(rows).toHaveLength(PARTITIONS);
        expect(await verify(url)).toMatchObject({ vaults: 20, rows: 40, misfits: [] });
        for (const table of ['vault_entries', ...rows.map(({ part }) => part)]) {
          for (const sql of [
            `UPDATE ${table} SET content = 'changed'`,
            `DELETE FROM ${table}`,
            `TRUNCATE ${table}`,
          ]) {
            expect(await sqlStateOf(admin.query(sql)), sql).toBe(APPEND_ONLY);
            expect(await sqlStateOf(db.rows(sql)), sql).toBe(INSUFFICIENT_PRIVILEGE);
          }
        }
        await expect((await db.prisma()).vaultEntry.deleteMany()).rejects.toThrow('append-only');
      } finally {
        await admin.end();
        await db.close();
      }
    });
  });
});
