import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { Database } from '../../src/db/client.ts';
import { migrate } from '../../src/db/migrate.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { silent, useDatabase, withClient, withEmptyDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';

const database = useDatabase();
const DUMP = await readFile('test/fixtures/relay-of-2026-05-29.sql', 'utf8');

/** What breaks out of a JSON text, where it is put in as it is. */
const ODD = [`banana`, `content"`, `","writer_id":"mallory`, '\\', '\n', ''];

test.each(ODD)('C11: the database refuses a row of the kind %j', async (kind) => {
  const { vault_id } = await new TestStore(database.db, new VaultFeed()).create(
    { workSessionId: 'st-1', clientId: 'ann' },
    'made',
  );
  const insert = database.admin.query(
    `INSERT INTO vault_entries (bucket, vault_id, seq, entry_no, version, kind, writer_id, content, hash)
     VALUES (vault_bucket($1), $1, 2, 1, 1, $2, 'ann', 'text', sha256(''))`,
    [vault_id, kind],
  );
  await expect(insert).rejects.toMatchObject({ code: '23514' });
});

test('C11: existing rows of other kinds stay unchanged, and JSON escapes their kind', async () => {
  await withEmptyDatabase(async (url) => {
    await withClient(url, async (client) => {
      await client.query(DUMP);
      for (const [n, kind] of ODD.entries()) {
        await client.query(
          `INSERT INTO public.vault_entries (vault_id, entry_no, version, kind, writer_id, content)
           VALUES ('v-Bb77HhQq01', $1, 1, $2, 'ann', 'text')`,
          [n + 10, kind],
        );
      }
    });
    await migrate(url);
    const db = new Database({ url, poolSize: 2, log: silent });
    try {
      const store = new TestStore(db, new VaultFeed());
      const caller = { workSessionId: 'astation-b0b0', clientId: 'anybody' };
      const rows = await store.read(caller, 'v-Bb77HhQq01', { history: true, kind: 'all' });
      expect(rows.map(({ kind }) => kind)).toEqual(['content', 'content', ...ODD, 'summary']);
      await expect(
        withClient(url, (client) =>
          client.query(`INSERT INTO vault_entries (bucket, vault_id, seq, entry_no, version, kind, writer_id, content, hash)
            VALUES (vault_bucket('v-Bb77HhQq01'), 'v-Bb77HhQq01', 999, 99, 1, 'banana', 'ann', 'text', sha256(''))`),
        ),
      ).rejects.toMatchObject({ code: '23514' });
    } finally {
      await db.close();
    }
  });
});
