import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { Database } from '../../src/db/client.ts';
import { startEmbedded } from '../../src/db/embedded/postgres.ts';
import { migrate } from '../../src/db/migrate.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { silent, withClient, withMigratedDatabase } from '../support/database.ts';
import { eventually } from '../support/embedded.ts';
import { fillFolder, withFolder } from '../support/process.ts';
import { TestStore } from '../support/store.ts';
import {
  configure,
  initCluster,
  makeFolder,
  TOOLS,
  tool,
  WHY_SKIPPED,
  withCluster,
} from '../support/system-postgres.ts';
import { contentsOf, exported, imported } from '../support/transfer.ts';

const ann = { workSessionId: 'st-1', clientId: 'ann' };

async function writeSome(url: string, text: string): Promise<void> {
  const db = new Database({ url, poolSize: 1, log: silent });
  const store = new TestStore(db, new VaultFeed());
  const { vault_id } = await store.create(ann, text, `key of ${text}`);
  await store.append(ann, vault_id, text, { tags: ['kept'], key: 'k' });
  await store.override(ann, vault_id, { no: 1, text: `${text}, better` });
  await db.close();
}

/** Every hash is checked by whoever imports, on a server of its own. */
const verify = (url: string) => withMigratedDatabase(async (target) => imported(target, await exported(url)));

const expectWhole = async (url: string, contents: string) => {
  expect(await migrate(url)).toEqual([]);
  expect(await contentsOf(url)).toBe(contents);
  await verify(url);
  await writeSome(url, 'after the restore');
  await expect(withClient(url, (client) => client.query('DELETE FROM vault_entries'))).rejects.toThrow(
    'append-only',
  );
  await expect(withClient(url, (client) => client.query('DELETE FROM audit_log'))).rejects.toThrow(
    'append-only',
  );
};

/** What no application can do, and an owner can by mistake. */
const disaster = (url: string) =>
  withClient(url, (client) =>
    client.query(`
      ALTER TABLE vault_entries DISABLE TRIGGER USER;
      DELETE FROM vault_entries;
      DELETE FROM vaults;`),
  );

describe.skipIf(!TOOLS)(`the recipes for an external PostgreSQL${TOOLS ? '' : ` (${WHY_SKIPPED})`}`, () => {
  test('pg_dump and pg_restore', async () => {
    await withFolder(async (folder) => {
      const [cluster, dumps] = [path.join(folder, 'cluster'), await makeFolder(path.join(folder, 'dumps'))];
      await initCluster(cluster);
      await withCluster(cluster, async (url) => {
        await migrate(url);
        await writeSome(url, 'one');
        const contents = await contentsOf(url);
        const file = path.join(dumps, 'vault-relay.dump');
        await tool('pg_dump', ['--format=custom', `--file=${file}`, url]);
        await withClient(url, (client) => client.query('CREATE DATABASE restored'));
        const restored = url.replace(/postgres$/, 'restored');
        await tool('pg_restore', ['--exit-on-error', '--single-transaction', `--dbname=${restored}`, file]);
        await expectWhole(restored, contents);
      });
    });
  });

  test('a base backup and its WAL, to the moment before a mistake', async () => {
    await withFolder(async (folder) => {
      const cluster = path.join(folder, 'cluster');
      const base = path.join(folder, 'base');
      const archive = await makeFolder(path.join(folder, 'archive'));
      await initCluster(cluster);
      await configure(cluster, [
        'wal_level = replica',
        'archive_mode = on',
        `archive_command = 'test ! -f ${archive}/%f && cp %p ${archive}/%f'`,
      ]);
      const { contents, moment } = await withCluster(cluster, async (url) => {
        await migrate(url);
        await writeSome(url, 'in the base backup');
        await makeFolder(base);
        await tool('pg_basebackup', [
          `--dbname=${url}`,
          '--pgdata',
          base,
          '--wal-method=stream',
          '--checkpoint=fast',
        ]);
        await writeSome(url, 'in the WAL only');
        const kept = await contentsOf(url);
        const { rows } = await withClient(url, (client) =>
          client.query('SELECT clock_timestamp()::text AS now'),
        );
        await disaster(url);
        await withClient(url, (client) => client.query('SELECT pg_switch_wal()'));
        return { contents: kept, moment: rows[0].now as string };
      });
      await configure(base, [
        `restore_command = 'cp ${archive}/%f %p'`,
        `recovery_target_time = '${moment}'`,
        `recovery_target_action = 'promote'`,
        'archive_mode = off',
      ]);
      await writeFile(path.join(base, 'recovery.signal'), '');
      await withCluster(base, async (url) => {
        const recovered = async () => {
          const { rows } = await withClient(url, (client) =>
            client.query('SELECT pg_is_in_recovery() AS going'),
          );
          return !rows[0].going;
        };
        await eventually('the recovery has ended', recovered);
        await expectWhole(url, contents);
      });
    });
  });
});

test('the recipe for the embedded one: stop, and copy DATA_DIR', async () => {
  await withFolder(async (folder) => {
    const [dataDir, copy] = [path.join(folder, 'data'), path.join(folder, 'copy')];
    const postgresFlags = ['-c', 'fsync=off'];
    await fillFolder(dataDir);
    const first = await startEmbedded({ dataDir, log: silent, postgresFlags });
    await writeSome(first.url, 'one');
    const contents = await contentsOf(first.url);
    await first.stop();
    execFileSync('cp', ['-a', dataDir, copy]);
    const second = await startEmbedded({ dataDir: copy, log: silent, postgresFlags });
    try {
      await expectWhole(second.url, contents);
    } finally {
      await second.stop();
    }
  });
});
