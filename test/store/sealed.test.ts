import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { bringUpToDate } from '../../src/cli/bring-up-to-date.ts';
import { Database } from '../../src/db/client.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { dump, silent, useDatabase, withClient, withEmptyDatabase } from '../support/database.ts';
import { makeLogKeeper } from '../support/log-lines.ts';
import { refusalOf } from '../support/refusal.ts';
import { TestStore } from '../support/store.ts';
import { exported, imported } from '../support/transfer.ts';

const DUMP = await readFile('test/fixtures/relay-of-2026-05-29.sql', 'utf8');
const ANN = { workSessionId: 'st-1', clientId: 'ann' };

const database = useDatabase();
const withStore = async (work: (store: TestStore, vaultId: string) => Promise<void>, coalesce = true) => {
  const store = new TestStore(database.db, new VaultFeed(), { coalesce });
  const { vault_id } = await store.create(ANN, '');
  await store.append(ANN, vault_id, 'one');
  await work(store, vault_id);
};

type Write = (store: TestStore, vaultId: string, text: string, key?: string) => Promise<unknown>;
const WRITES: [op: string, write: Write][] = [
  ['create', (store, _, text, key) => store.create(ANN, text, key)],
  ['append', (store, id, text, key) => store.append(ANN, id, text, { ...(key && { key }) })],
  ['override', (store, id, text, key) => store.override(ANN, id, { no: 1, text, ...(key && { key }) })],
  ['summary', (store, id, text, key) => store.setSummary(ANN, id, text, { ...(key && { key }) })],
];

async function auditedSince(id: number): Promise<object[]> {
  const { rows } = await database.admin.query(
    'SELECT action, outcome, vault_id, client_id FROM audit_log WHERE id > $1 ORDER BY id',
    [id],
  );
  return rows;
}
const lastAudited = async (): Promise<number> =>
  (await database.admin.query('SELECT max(id)::int AS last FROM audit_log')).rows[0].last;

describe.each(WRITES)('E3: sealed text: %s', (op, write) => {
  test.each(['e1.', 'e1.AAAA', `e1.${'x'.repeat(1000)}`, 'e1.\n'])(
    'is refused before any statement, and audited: %j',
    async (text) => {
      for (const coalesce of [true, false]) {
        await withStore(async (store, vaultId) => {
          const [before, last] = [await dump(database.admin), await lastAudited()];
          expect(await refusalOf(write(store, vaultId, text))).toMatch(/^CONFLICT: .+"e1\.".+\.$/);
          expect(await dump(database.admin)).toBe(before);
          expect(await auditedSince(last)).toEqual([
            { action: op, outcome: 'sealed', vault_id: op === 'create' ? null : vaultId, client_id: 'ann' },
          ]);
        }, coalesce);
      }
    },
  );

  test('leaves its idempotency key to another request', async () => {
    await withStore(async (store, vaultId) => {
      expect(await refusalOf(write(store, vaultId, 'e1.AAAA', `key-${op}`))).toContain('CONFLICT');
      expect(await write(store, vaultId, 'plain', `key-${op}`)).not.toMatchObject({ replayed: true });
    });
  });

  test.each(['e1', 'E1.', ' e1.', 'e1,', 'see e1.', 'e2.', '\ufeffe1.', 'e1\u200b.'])(
    'a similar text is written: %j',
    async (text) => {
      await withStore(async (store, vaultId) => {
        await write(store, vaultId, text);
      });
    },
  );
});

/** Rows as another relay let them in: one that was sealed, and a sealed summary. */
const SEALED = `
  INSERT INTO public.vault_entries VALUES (22, 'v-0aZ19bYc8X', 4, 1, 'content', 'x', 'e1.AAAA', '2026-06-06 08:00:00+00');
  UPDATE public.vaults SET next_entry_no = 5 WHERE vault_id = 'v-0aZ19bYc8X';
  UPDATE public.vaults SET summary = 'e1.BBBB' WHERE vault_id = 'v-9PzLr03NdE';`;

const NAMED = 'This row begins with "e1.", so newer atems cannot read its vault';

test('sealed rows of an adopted database stay, and the log names them when it is migrated', async () => {
  await withEmptyDatabase(async (url) => {
    await withClient(url, (client) => client.query(DUMP + SEALED));
    const keeper = makeLogKeeper();
    expect(await bringUpToDate(url, keeper.log)).not.toEqual([]);
    const named = keeper.parsed().map(({ level, msg, vault, seq }) => ({ level, msg, vault, seq }));
    expect(named).toHaveLength(2);
    expect(named).toEqual(
      expect.arrayContaining([
        { level: 40, msg: NAMED, vault: 'v-0aZ19bYc8X', seq: 22 },
        { level: 40, msg: NAMED, vault: 'v-9PzLr03NdE', seq: expect.any(Number) },
      ]),
    );
    expect(await bringUpToDate(url, keeper.log)).toEqual([]);
    expect(keeper.lines).toHaveLength(2);
    expect(keeper.lines.join('')).not.toMatch(/AAAA|BBBB/);

    const db = new Database({ url, poolSize: 1, log: silent });
    try {
      const store = new TestStore(db, new VaultFeed());
      const reader = { workSessionId: 'astation-7f3a', clientId: 'x' };
      expect(await store.read(reader, 'v-0aZ19bYc8X')).toContainEqual(
        expect.objectContaining({ seq: 22, content: 'e1.AAAA' }),
      );
    } finally {
      await db.close();
    }
  });
});

test('the log names so many sealed rows and no more', async () => {
  await withEmptyDatabase(async (url) => {
    const many = Array.from(
      { length: 50 },
      (_, i) =>
        `(${100 + i}, 'v-0aZ19bYc8X', ${100 + i}, 1, 'content', 'x', 'e1.${i}', '2026-06-06 08:00:00+00')`,
    );
    await withClient(url, (client) =>
      client.query(`${DUMP}; INSERT INTO public.vault_entries VALUES ${many.join(', ')}`),
    );
    const keeper = makeLogKeeper();
    await bringUpToDate(url, keeper.log);
    expect(keeper.parsed().map(({ msg }) => msg)).toEqual([
      ...Array(20).fill(NAMED),
      'More than 20 rows begin with "e1."',
    ]);
  });
});

test('an import refuses a sealed row by its line, and nothing of that vault is written', async () => {
  await withEmptyDatabase(async (from) => {
    await withClient(from, (client) => client.query(DUMP + SEALED));
    await bringUpToDate(from, silent);
    await withEmptyDatabase(async (to) => {
      await bringUpToDate(to, silent);
      await expect(imported(to, await exported(from))).rejects.toThrow(
        /^Line \d+: row 22 of vault v-0aZ19bYc8X begins with "e1\.".+--vault/,
      );
      expect((await withClient(to, (client) => client.query('SELECT 1 FROM vaults'))).rows).toEqual([]);
      // The other vaults move.
      const others = await exported(from, { vaults: ['v-Bb77HhQq01'] });
      expect(await imported(to, others)).toMatchObject({ vaults: 1 });
    });
  });
});
