import { createHash, randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type pg from 'pg';
import { describe, expect, inject, test } from 'vitest';
import { Database } from '../../src/db/client.ts';
import { MIGRATIONS_DIR, MigrationError, migrate } from '../../src/db/migrate.ts';
import { bucketOf } from '../../src/vault/bucket.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { silent, withClient, withEmptyDatabase, withMigratedDatabase } from '../support/database.ts';
import { withSchemaEngine } from '../support/schema-engine.ts';
import { TestStore } from '../support/store.ts';
import { verify } from '../support/verify.ts';

const MIGRATIONS = [
  '20261124000000_vaults',
  '20261124000100_sessions',
  '20261124000200_grants_and_astations',
  '20261124100000_handing_over',
  '20261124200000_rows_stored_together',
  '20261129000000_vault_writers',
  '20261129000100_enrolment',
  '20261129000200_astation_bans',
  '20261129000300_adopted_numbers',
  '20261129000400_adopted_identities',
  '20261129000500_search_fold',
  '20261129000700_kinds',
  '20261130000000_write_types',
  '20261130000100_split_writes',
  '20261130000300_client_views',
  '20261130000400_second_form',
  '20261130000500_credentials',
  '20261130000510_key_limit',
  '20261130000700_people_end_with_sessions',
  '20261130182337_find_vault_seq_by_time',
  '20261130190000_search_index',
  '20261130190010_search_index_functions',
];

const ann = { workSessionId: 'st-1', clientId: 'ann' };

const query = (url: string, sql: string): Promise<pg.QueryResultRow[]> =>
  withClient(url, async (client) => (await client.query(sql)).rows);

const readBook = (url: string) => query(url, 'SELECT * FROM _prisma_migrations ORDER BY migration_name');

/** A folder of migrations that the test may change. */
async function withMigrations<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(path.join(tmpdir(), 'vault-relay-migrations-'));
  try {
    await cp(MIGRATIONS_DIR, dir, { recursive: true });
    return await work(dir);
  } finally {
    await rm(dir, { recursive: true });
  }
}

async function addMigration(dir: string, name: string, sql: string): Promise<void> {
  await mkdir(path.join(dir, name), { recursive: true });
  await writeFile(path.join(dir, name, 'migration.sql'), sql);
}

async function refusalOf(call: Promise<unknown>): Promise<string> {
  const thrown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(MigrationError);
  return (thrown as MigrationError).message;
}

async function appendThrough(url: string, vaultId?: string) {
  const db = new Database({ url, poolSize: 1, log: silent });
  try {
    const store = new TestStore(db, new VaultFeed());
    const id = vaultId ?? (await store.create(ann, 'made after the migration')).vault_id;
    const written = await store.append(ann, id, 'appended after the migration');
    return { written, entries: await store.read(ann, id, { history: true }) };
  } finally {
    await db.close();
  }
}

describe('an empty database', () => {
  test('gets every migration, recorded as Prisma records it', async () => {
    await withEmptyDatabase(async (url) => {
      expect(await readdir(MIGRATIONS_DIR)).toEqual(MIGRATIONS);
      expect(await migrate(url)).toEqual(MIGRATIONS);
      const book = await readBook(url);
      for (const [i, name] of MIGRATIONS.entries()) {
        const bytes = await readFile(path.join(MIGRATIONS_DIR, name, 'migration.sql'));
        expect(book[i]).toEqual({
          id: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
          checksum: createHash('sha256').update(bytes).digest('hex'),
          migration_name: name,
          started_at: expect.any(Date),
          finished_at: expect.any(Date),
          rolled_back_at: null,
          logs: null,
          applied_steps_count: 1,
        });
        expect(book[i]?.finished_at.getTime()).toBeGreaterThanOrEqual(book[i]?.started_at.getTime());
      }
      expect((await appendThrough(url)).written).toMatchObject({ entry_no: 1, version: 1 });
    });
  });

  test('a second run changes nothing', async () => {
    await withMigratedDatabase(async (url) => {
      const book = await readBook(url);
      expect(await migrate(url)).toEqual([]);
      expect(await readBook(url)).toEqual(book);
    });
  });

  test('is, for Prisma, up to date; and Prisma notices an edit as we do', async () => {
    await withMigratedDatabase(async (url) => {
      const diagnose = (dir: string) => withSchemaEngine(url, (engine) => engine.diagnose(dir));
      const fine = { editedMigrationNames: [], failedMigrationNames: [], hasMigrationsTable: true };
      expect(await diagnose(MIGRATIONS_DIR)).toMatchObject({ ...fine, history: null });
      await withMigrations(async (dir) => {
        await addMigration(dir, '20261124000000_vaults', 'SELECT 1;');
        expect(await diagnose(dir)).toMatchObject({ editedMigrationNames: ['20261124000000_vaults'] });
      });
    });
  });

  test.each([2, 5])('gets each migration once from %d runners at a time', async (runners) => {
    await withEmptyDatabase(async (url) => {
      const applied = await Promise.all(Array.from({ length: runners }, () => migrate(url)));
      expect(applied.flat().toSorted()).toEqual(MIGRATIONS);
      expect((await readBook(url)).map((row) => row.migration_name)).toEqual(MIGRATIONS);
    });
  });
});

test('a lock of another program ends the migration with a sentence, and nothing is applied', async () => {
  await withEmptyDatabase(async (url) => {
    await withClient(url, async (holder) => {
      await holder.query('SELECT pg_advisory_lock(72707369)');
      await expect(migrate(url)).rejects.toThrow(
        'Another program has been migrating this database for over 10 seconds; wait until it ends, or stop it.',
      );
    });
    expect(await query(url, "SELECT to_regclass('vaults') AS vaults")).toEqual([{ vaults: null }]);
    expect(await migrate(url)).toEqual(MIGRATIONS);
  });
});

test('only missing migrations are applied, in the order of their names', async () => {
  await withMigratedDatabase((url) =>
    withMigrations(async (dir) => {
      await addMigration(dir, '20990101000001_second', 'INSERT INTO steps VALUES (2)');
      await addMigration(
        dir,
        '20990101000000_first',
        'CREATE TABLE steps (n INT); INSERT INTO steps VALUES (1);',
      );
      expect(await migrate(url, dir)).toEqual(['20990101000000_first', '20990101000001_second']);
      expect(await query(url, 'SELECT n FROM steps')).toEqual([{ n: 1 }, { n: 2 }]);
    }),
  );
});

describe('refused starts', () => {
  test('a migration that was edited after it was applied', async () => {
    await withMigratedDatabase((url) =>
      withMigrations(async (dir) => {
        const file = path.join(dir, '20261124000100_sessions', 'migration.sql');
        await writeFile(file, `${await readFile(file, 'utf8')}\n`);
        await addMigration(dir, '20990101000000_next', 'CREATE TABLE next (n INT)');
        expect(await refusalOf(migrate(url, dir))).toBe(
          'Migration 20261124000100_sessions was edited after it was applied; restore prisma/migrations/20261124000100_sessions/migration.sql and put the change into a new migration.',
        );
        expect(await query(url, `SELECT to_regclass('next')::text AS next`)).toEqual([{ next: null }]);
      }),
    );
  });

  test('a database that a newer version has migrated', async () => {
    await withMigratedDatabase((url) =>
      withMigrations(async (dir) => {
        await addMigration(dir, '20990101000000_next', 'CREATE TABLE next (n INT)');
        await migrate(url, dir);
        expect(await refusalOf(migrate(url))).toBe(
          'The database has migration 20990101000000_next, which this version does not know; run the newer version of vault-relay.',
        );
      }),
    );
  });

  test('a failed migration, which leaves nothing behind', async () => {
    await withMigratedDatabase((url) =>
      withMigrations(async (dir) => {
        await addMigration(dir, '20990101000000_fine', 'CREATE TABLE fine (n INT)');
        await addMigration(
          dir,
          '20990101000001_broken',
          `CREATE TABLE half (n INT); INSERT INTO fine VALUES (1); SELECT 1 / 0;`,
        );
        await addMigration(dir, '20990101000002_after', 'CREATE TABLE after (n INT)');
        expect(await refusalOf(migrate(url, dir))).toBe(
          'Migration 20990101000001_broken failed and was rolled back: division by zero',
        );
        expect((await readBook(url)).map((row) => row.migration_name)).toEqual([
          ...MIGRATIONS,
          '20990101000000_fine',
        ]);
        expect(
          await query(url, `SELECT to_regclass('half')::text AS half, to_regclass('after')::text AS after`),
        ).toEqual([{ half: null, after: null }]);
        expect(await query(url, 'SELECT * FROM fine')).toEqual([]);

        await addMigration(dir, '20990101000001_broken', 'INSERT INTO fine VALUES (1)');
        expect(await migrate(url, dir)).toEqual(['20990101000001_broken', '20990101000002_after']);
      }),
    );
  });
});

test('tables of another implementation are adopted with their rows', async () => {
  await withEmptyDatabase(async (url) => {
    // The relay design of 2026-05-29, word for word, without what our first migration adds.
    await query(
      url,
      `CREATE TABLE vaults (
         vault_id TEXT PRIMARY KEY, summary TEXT NOT NULL DEFAULT '', work_session_id TEXT NOT NULL,
         created_by TEXT NOT NULL, created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
         writer_list TEXT[] NOT NULL DEFAULT '{}', next_entry_no INT NOT NULL DEFAULT 1
       );
       CREATE TABLE vault_entries (
         seq BIGSERIAL PRIMARY KEY, vault_id TEXT NOT NULL REFERENCES vaults(vault_id), entry_no INT NOT NULL,
         version INT NOT NULL, kind TEXT NOT NULL, writer_id TEXT NOT NULL, content TEXT NOT NULL,
         created_at TIMESTAMPTZ NOT NULL DEFAULT now(), UNIQUE (vault_id, entry_no, version)
       );
       CREATE INDEX ON vault_entries (vault_id, seq);
       INSERT INTO vaults VALUES ('v-old', 'from before', 'st-1', 'bob', '2026-06-01Z', '{bob}', 3);
       INSERT INTO vault_entries (vault_id, entry_no, version, kind, writer_id, content, created_at) VALUES
         ('v-old', 1, 1, 'content', 'bob', 'one', '2026-06-01Z'),
         ('v-old', 2, 1, 'content', 'bob', 'two', '2026-06-02Z'),
         ('v-old', 1, 2, 'content', 'bob', 'one, better', '2026-06-03Z')`,
    );
    const columns = 'seq, vault_id, entry_no, version, kind, writer_id, content, created_at';
    const readRows = () =>
      query(url, `SELECT ${columns} FROM vault_entries WHERE kind = 'content' ORDER BY seq`);
    const rows = await readRows();
    expect(await migrate(url)).toEqual(MIGRATIONS);
    expect(await readRows()).toEqual(rows);

    // The summary as it was found becomes a row too.
    const { written, entries } = await appendThrough(url, 'v-old');
    expect(written).toMatchObject({ entry_no: 3, version: 1, seq: 5 });
    expect(entries.map((entry) => [entry.seq, entry.content])).toEqual([
      [1, 'one'],
      [2, 'two'],
      [3, 'one, better'],
      [5, 'appended after the migration'],
    ]);
    await expect(query(url, 'DELETE FROM vault_entries')).rejects.toThrow('append-only');
  });
});

/** The migrations after which a version was released, or nearly so, that had the chain. */
const CHAINED = MIGRATIONS.filter((name) => name >= '20261124100000' && name < '20261130000400');

/** A vault as a version makes it: with keys, tags, an override and a new summary. */
function vaultOf(version: string) {
  const vault_id = `v-${version}`;
  const made = {
    vault_id,
    summary: 'made before',
    work_session_id: 'st-1',
    client_id: 'ann',
    key: `creation of ${version}`,
    request_hash: 'ab',
  };
  const write = { vault_id, work_session_id: 'st-1', client_id: 'ann', reads_as: 'ann' };
  const writes = [
    {
      ...write,
      place: 0,
      op: 'append',
      text: '一',
      tags: ['before', '團隊'],
      key: 'one',
      request_hash: 'ab',
    },
    { ...write, place: 1, op: 'append', text: 'two' },
    { ...write, place: 2, op: 'override', entry_no: 1, text: 'one, again' },
    { ...write, place: 3, op: 'summary', text: 'described before' },
  ];
  return {
    vault_id,
    create: `SELECT outcome, vault_id FROM create_vault('${JSON.stringify(made)}', 0)`,
    writeAll: `SELECT outcome, seq::int FROM write_to_vaults('${JSON.stringify(writes)}', 0, 0) ORDER BY place`,
    readRows: `SELECT * FROM vault_entries WHERE vault_id = '${vault_id}' ORDER BY seq`,
    /** As the history is answered, and a row of a proof. */
    readAnswer: `
      SELECT seq::int, entry_no, version, kind, writer_id, content, wire_time(created_at) AS created_at, tags,
        encode(sha256(convert_to(content, 'UTF8')), 'hex') AS content_sha256, encode(hash, 'hex') AS hash
      FROM vault_entries WHERE vault_id = '${vault_id}' ORDER BY seq`,
  };
}

/** What a row of an earlier version has no value of. */
const ADDED = { bucket: expect.any(Number), author: null, addressees: null, salt: null };

/** The history of a vault with what its proof says of each row. */
async function readThrough(url: string, vaultId: string) {
  const db = new Database({ url, poolSize: 1, log: silent });
  try {
    const store = new TestStore(db, new VaultFeed());
    const shown = await store.read(ann, vaultId, { history: true, kind: 'all', details: true });
    const { rows } = await store.proof(ann, vaultId, { limit: 1000 });
    return shown.map((entry, place) => ({ tags: [], ...entry, ...rows[place] }));
  } finally {
    await db.close();
  }
}

test(`vaults of each of ${CHAINED.length} versions keep their rows, their keys, their writers and their chain`, async () => {
  await withEmptyDatabase((url) =>
    withMigrations(async (dir) => {
      const kept: {
        vault: ReturnType<typeof vaultOf>;
        rows: pg.QueryResultRow[];
        answer: pg.QueryResultRow[];
      }[] = [];
      for (const name of MIGRATIONS) await rm(path.join(dir, name), { recursive: true });
      for (const name of MIGRATIONS) {
        await cp(path.join(MIGRATIONS_DIR, name), path.join(dir, name), { recursive: true });
        expect(await migrate(url, dir)).toEqual([name]);
        if (!CHAINED.includes(name)) continue;
        const vault = vaultOf(name);
        expect(await query(url, vault.create)).toEqual([{ outcome: 'written', vault_id: vault.vault_id }]);
        const written = await query(url, vault.writeAll);
        expect(written.map(({ outcome }) => outcome)).toEqual(Array(4).fill('written'));
        const rows = await query(url, vault.readRows);
        expect(rows.slice(1).map(({ seq }) => Number(seq))).toEqual(written.map(({ seq }) => seq));
        kept.push({ vault, rows, answer: await query(url, vault.readAnswer) });
      }
      expect(kept).toHaveLength(CHAINED.length);
      expect(await query(url, 'SELECT * FROM vault_writers ORDER BY vault_id')).toEqual(
        kept.map(({ vault }) => ({
          vault_id: vault.vault_id,
          client_id: 'ann',
          bucket: bucketOf(vault.vault_id),
        })),
      );
      for (const { vault, rows, answer } of kept) {
        const { vault_id } = vault;
        const old = rows.map((row) => ({ ...ADDED, ...row }));
        expect(await query(url, vault.readRows)).toEqual(old);
        expect(await readThrough(url, vault_id)).toEqual(answer);
        // The keys stand for what was written before.
        expect(await query(url, vault.create)).toEqual([{ outcome: 'replayed', vault_id }]);
        expect((await query(url, vault.writeAll))[0]).toEqual({
          outcome: 'replayed',
          seq: Number(rows[1]?.seq),
        });
        const { written: next } = await appendThrough(url, vault_id);
        expect(next, vault_id).toMatchObject({ entry_no: 4, version: 1 });
      }
      expect(await verify(url)).toMatchObject({ vaults: kept.length, rows: 9 * kept.length, misfits: [] });
    }),
  );
});

describe('a role that is not a superuser', () => {
  interface Owner {
    /** The name of the role. */
    name: string;
    /** The database, as this role. */
    url: string;
    /** Our migrations, working as a role that no other database of the cluster has made yet. */
    dir: string;
    /** The name of that role. */
    appRole: string;
    asAdmin(sql: string): Promise<unknown>;
  }

  /** Makes a role that owns an empty database. */
  async function withOwner(attributes: string, work: (owner: Owner) => Promise<void>): Promise<void> {
    const name = `vault_relay_test_${randomBytes(6).toString('hex')}`;
    const appRole = `${name}_app`;
    const admin = (sql: string) => query(inject('adminUrl'), sql);
    await admin(`CREATE ROLE ${name} LOGIN PASSWORD 'test' ${attributes}`);
    try {
      await withEmptyDatabase(async (adminUrl) => {
        const url = new URL(adminUrl);
        await admin(`ALTER DATABASE ${url.pathname.slice(1)} OWNER TO ${name}`);
        url.username = name;
        url.password = 'test';
        await withMigrations(async (dir) => {
          for (const migration of MIGRATIONS) {
            const file = path.join(dir, migration, 'migration.sql');
            const sql = await readFile(file, 'utf8');
            await writeFile(file, sql.replaceAll('vault_relay_app', appRole));
          }
          await work({ name, url: url.href, dir, appRole, asAdmin: (sql) => query(adminUrl, sql) });
        });
      });
    } finally {
      await admin(`DROP ROLE IF EXISTS ${appRole}`);
      await admin(`DROP ROLE ${name}`);
    }
  }

  const becomes = (url: string, role: string) => query(url, `SET ROLE ${role}; SELECT 1 FROM vaults`);

  test('that may create roles migrates and becomes the server’s role', async () => {
    await withOwner('CREATEROLE', async ({ url, dir, appRole }) => {
      expect(await migrate(url, dir)).toEqual(MIGRATIONS);
      await becomes(url, appRole);
      await expect(query(url, 'TRUNCATE vault_entries')).rejects.toThrow('append-only');
    });
  });

  test('runs the whole server, also where another database has created the role', async () => {
    await withOwner('CREATEROLE', async ({ url, name, asAdmin }) => {
      await asAdmin(`GRANT vault_relay_app TO ${name}`);
      expect(await migrate(url)).toEqual(MIGRATIONS);
      expect((await appendThrough(url)).written).toMatchObject({ entry_no: 1, version: 1 });
    });
  });

  test('without the right to create roles gets the commands for an administrator, and then works', async () => {
    await withOwner('NOCREATEROLE', async ({ url, dir, name, appRole, asAdmin }) => {
      expect(await refusalOf(migrate(url, dir))).toBe(
        `Migration 20261124000000_vaults failed and was rolled back: ${name} may not create the role ${appRole}; ` +
          `let an administrator run CREATE ROLE ${appRole} NOLOGIN; GRANT ${appRole} TO ${name};`,
      );
      await asAdmin(`CREATE ROLE ${appRole} NOLOGIN; GRANT ${appRole} TO ${name};`);
      expect(await migrate(url, dir)).toEqual(MIGRATIONS);
      await becomes(url, appRole);
    });
  });

  test('without the right to become an existing role gets a sentence', async () => {
    await withOwner('NOCREATEROLE', async ({ url, dir, name, appRole, asAdmin }) => {
      await asAdmin(`CREATE ROLE ${appRole} NOLOGIN`);
      expect(await refusalOf(migrate(url, dir))).toBe(
        `Migration 20261124000000_vaults failed and was rolled back: ${name} may not become the role ${appRole}; ` +
          `let an administrator run GRANT ${appRole} TO ${name};`,
      );
      await asAdmin(`GRANT ${appRole} TO ${name}`);
      expect(await migrate(url, dir)).toEqual(MIGRATIONS);
    });
  });

  test('without the right to create tables gets a sentence', async () => {
    await withOwner('CREATEROLE', async ({ url, dir, asAdmin }) => {
      await asAdmin('ALTER SCHEMA public OWNER TO CURRENT_USER; REVOKE CREATE ON SCHEMA public FROM PUBLIC;');
      expect(await refusalOf(migrate(url, dir))).toBe(
        'The database role may not create tables here (permission denied for schema public); make it the owner of the database.',
      );
    });
  });
});
