import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { Database } from '../../src/db/client.ts';
import { withConnection } from '../../src/db/connection.ts';
import { migrate, requireMigrated } from '../../src/db/migrate.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import {
  silent,
  useDatabase,
  withClient,
  withEmptyDatabase,
  withMigratedDatabase,
} from '../support/database.ts';
import { printed } from '../support/output.ts';
import { TestStore } from '../support/store.ts';
import { exported, imported } from '../support/transfer.ts';
import { verify } from '../support/verify.ts';

const database = useDatabase();
const ann = { workSessionId: 'st', clientId: 'ann' };

const query = (url: string, sql: string) => withClient(url, async (client) => (await client.query(sql)).rows);

async function withStore<T>(url: string, work: (store: TestStore) => Promise<T>): Promise<T> {
  const db = new Database({ url, poolSize: 2, log: silent });
  try {
    return await work(new TestStore(db, new VaultFeed()));
  } finally {
    await db.close();
  }
}

/** @returns what a command prints that succeeds */
const output = (url: string, ...args: string[]) =>
  printed(async (out) => {
    const stderr = await printed(async (hints) => {
      const env = { DATABASE_URL: url };
      expect(
        await run(args, {
          version: '0',
          env,
          folder: () => '/nowhere',
          stdin: () => process.stdin,
          out,
          hints,
          isTerminal: false,
        }),
      ).toBe(0);
    });
    expect(stderr).toBe('');
  });

/** Settings that change what a statement answers, or whether it does. */
const ODD = {
  DateStyle: `'German, DMY'`,
  IntervalStyle: `'sql_standard'`,
  TimeZone: `'Asia/Kathmandu'`,
  extra_float_digits: '-15',
  bytea_output: 'escape',
  array_nulls: 'off',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  search_path: 'elsewhere, public',
  gin_fuzzy_search_limit: '1',
  standard_conforming_strings: 'off',
  client_encoding: 'SQL_ASCII',
};

/** A vault whose first row has a number from the time when all vaults shared one counter. */
const FAR_ON = `
  ALTER TABLE vault_entries DISABLE TRIGGER ALL;
  UPDATE vault_entries SET seq = 1234567890123456, author = NULL, addressees = NULL, salt = NULL;
  UPDATE vault_entries AS e SET hash = vault_row_hash(decode(repeat('00', 32), 'hex'), ROW(e.*)::vault_row);
  ALTER TABLE vault_entries ENABLE TRIGGER ALL, ENABLE ALWAYS TRIGGER vault_entries_append_only;
  UPDATE vaults SET head_seq = 1234567890123456, head_hash = (SELECT hash FROM vault_entries)`;

describe('C17: settings of the database or the role never change results', () => {
  test.each(['DATABASE', 'ROLE'])('of the %s', (of) =>
    withMigratedDatabase(async (url) => {
      const name = new URL(url).pathname.slice(1);
      const role = `${name}_owner`;
      await query(inject('adminUrl'), `CREATE ROLE ${role} SUPERUSER LOGIN PASSWORD 'test'`);
      const owned = new URL(url);
      owned.username = role;
      owned.password = 'test';
      try {
        const vaultId = await withStore(owned.href, async (store) => {
          const { vault_id } = await store.create(ann, 'made', 'key');
          await query(url, FAR_ON);
          for (let n = 0; n < 40; n++)
            await store.append(ann, vault_id, `café \\ ${n}`, { tags: ['a', 'ß'] });
          await store.append(ann, vault_id, 'a long way on');
          return vault_id;
        });
        const look = async () => ({
          sessions: await output(owned.href, 'session', 'list', '--json'),
          export: (await output(owned.href, 'export')).split('\n').slice(1, -2),
          verify: await output(owned.href, 'verify', '--json'),
          audit: await output(
            owned.href,
            'audit',
            '--since',
            '2020-01-01T00:00:00.5Z',
            '--vault',
            vaultId,
            '--json',
          ),
          found: await withStore(owned.href, (store) =>
            store.read(ann, vaultId, { history: true, kind: 'all' }),
          ),
          listed: await withStore(owned.href, (store) => store.list(ann, { tag: 'ß' })),
        });
        await output(owned.href, 'session', 'create', '--astation', 'st');
        const before = await look();
        expect(before.export.join('')).toContain('"seq":1234567890123497');
        const target = of === 'ROLE' ? role : name;
        await query(url, 'CREATE SCHEMA elsewhere');
        for (const [setting, value] of Object.entries(ODD)) {
          await query(url, `ALTER ${of} ${target} SET ${setting} = ${value}`);
        }
        expect(await look()).toEqual(before);
        expect(await migrate(owned.href)).toEqual([]);
        await withStore(owned.href, (store) => store.append(ann, vaultId, 'and on'));
        expect((await verify(owned.href)).misfits).toEqual([]);
      } finally {
        await query(url, `REASSIGN OWNED BY ${role} TO postgres`);
        await query(inject('adminUrl'), `DROP ROLE ${role}`);
      }
    }),
  );

  test('limits of time of the role end no command', () =>
    withMigratedDatabase(async (url) => {
      const name = new URL(url).pathname.slice(1);
      for (const limit of ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout']) {
        await query(url, `ALTER DATABASE ${name} SET ${limit} = '2s'`);
      }
      await withConnection(url, (client) => client.query('SELECT pg_sleep(2.1)'));
    }));
});

describe('C13: the tables may live in any schema of the search path of the role', () => {
  const role = `vault_relay_test_${randomBytes(6).toString('hex')}`;
  /** An export of one vault. */
  let moved: string[];
  beforeAll(async () => {
    await query(
      inject('adminUrl'),
      `CREATE ROLE ${role} LOGIN PASSWORD 'test'; GRANT vault_relay_app TO ${role}`,
    );
    const store = new TestStore(database.db, new VaultFeed());
    await store.append(ann, (await store.create(ann, 'moved')).vault_id, 'moved too');
    moved = await exported(database.url);
  });
  afterAll(() => query(inject('adminUrl'), `DROP ROLE ${role}`));

  const withOwner = (work: (url: string, admin: (sql: string) => Promise<unknown>) => Promise<void>) =>
    withEmptyDatabase(async (adminUrl) => {
      const url = new URL(adminUrl);
      await query(adminUrl, `ALTER DATABASE ${url.pathname.slice(1)} OWNER TO ${role}`);
      url.username = role;
      url.password = 'test';
      try {
        await work(url.href, (sql) => query(adminUrl, sql));
      } finally {
        await query(adminUrl, `DROP OWNED BY ${role} CASCADE`);
        await query(adminUrl, `ALTER DATABASE ${url.pathname.slice(1)} OWNER TO postgres`);
      }
    });

  async function expectWorking(url: string, schema: string): Promise<void> {
    await requireMigrated(url);
    expect(await imported(url, moved)).toMatchObject({ vaults: 1, rows: 2 });
    await output(url, 'session', 'create', '--astation', 'st');
    const vaultId = await withStore(url, async (store) => {
      const { vault_id } = await store.create(ann, 'made');
      await store.append(ann, vault_id, 'kept');
      return vault_id;
    });
    expect(await verify(url)).toMatchObject({ vaults: 2, misfits: [] });
    expect(await output(url, 'export')).toContain(vaultId);
    const found = await query(
      url,
      `SELECT relnamespace::regnamespace::text AS schema FROM pg_class WHERE relname = 'vaults'`,
    );
    expect(found).toEqual([{ schema }]);
  }

  test('in a schema with the name of the role', () =>
    withOwner(async (url, admin) => {
      await admin(`CREATE SCHEMA ${role} AUTHORIZATION ${role}`);
      await migrate(url);
      await expectWorking(url, role);
    }));

  test('in a schema of the search path of the role, with any name', () =>
    withOwner(async (url, admin) => {
      await admin(`CREATE SCHEMA "Relay's ""own""" AUTHORIZATION ${role}`);
      await admin(`ALTER ROLE ${role} SET search_path = "Relay's ""own""", public`);
      try {
        await migrate(url);
        await expectWorking(url, `"Relay's ""own"""`);
      } finally {
        await admin(`ALTER ROLE ${role} RESET search_path`);
      }
    }));

  test('in a later schema of the path, also when an earlier one is created', () =>
    withOwner(async (url, admin) => {
      await admin(`GRANT ALL ON SCHEMA public TO ${role}`);
      await migrate(url);
      await admin(`CREATE SCHEMA ${role} AUTHORIZATION ${role}`);
      expect(await migrate(url)).toEqual([]);
      await expectWorking(url, 'public');
    }));

  test('in a schema of an administrator, once its use is granted', () =>
    withOwner(async (url, admin) => {
      await admin(`CREATE SCHEMA kept; GRANT USAGE, CREATE ON SCHEMA kept TO ${role}`);
      await admin(`ALTER ROLE ${role} SET search_path = kept`);
      try {
        await expect(migrate(url)).rejects.toThrow(
          'The role vault_relay_app may not use the schema kept; let an administrator run GRANT USAGE ON SCHEMA kept TO vault_relay_app;',
        );
        await admin('GRANT USAGE ON SCHEMA kept TO vault_relay_app');
        expect(await migrate(url)).toEqual([]);
        await expectWorking(url, 'kept');
      } finally {
        await admin(`ALTER ROLE ${role} RESET search_path`);
      }
    }));

  test('a path that leads nowhere is named', () =>
    withOwner(async (url, admin) => {
      await admin(`ALTER ROLE ${role} SET search_path = nowhere`);
      try {
        await expect(migrate(url)).rejects.toThrow('The search_path of the database role names no schema');
      } finally {
        await admin(`ALTER ROLE ${role} RESET search_path`);
      }
    }));
});
