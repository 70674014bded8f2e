import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Caller } from '../../src/access/policy.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { VaultReader } from '../../src/vault/read/store.ts';
import { IndexBuilder } from '../../src/vault/search/index/builder-store.ts';
import { NO_RULES } from '../../src/vault/store.ts';
import { useDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';

const database = useDatabase();
const BOUNDS = { maxBytes: 1_048_576, streams: false };

const letters = fc.constantFrom(...'aAbBß ς Σ \u0301 é 中数据库 𐐀𐐨🚀 한국 İı "%_\\');
const text = fc.string({ unit: letters, minLength: 1, maxLength: 12 });
const write = fc.record({ vault: fc.nat(4), text, entry: fc.nat(2), isSummary: fc.boolean() });
const question = fc.record({
  from: fc.nat(30),
  start: fc.nat(8),
  length: fc.integer({ min: 1, max: 4 }),
  text,
});

/** Vaults that changed a moment ago are looked at in any case. */
const age = () => database.admin.query("UPDATE vaults SET changed_at = changed_at - interval '1 hour'");

test('a list with q: the index leads to the vaults that a scan finds', async () => {
  const store = new TestStore(database.db, new VaultFeed());
  const builder = new IndexBuilder(database.db, { rows: 4, bytes: 200 });
  const scanning = new VaultReader({
    db: database.db,
    audit: store.audit,
    rules: NO_RULES,
    vaultsWith: async () => undefined,
  });
  let [sessions, narrowed] = [0, 0];
  await fc.assert(
    fc.asyncProperty(
      fc.array(write, { minLength: 8, maxLength: 24 }),
      fc.array(question, { minLength: 6, maxLength: 6 }),
      fc.boolean(),
      async (writes, questions, isIndexed) => {
        const caller: Caller = { workSessionId: `st-${sessions++}`, clientId: 'ann' };
        const vaults: string[] = [];
        for (let n = 0; n < 5; n++) vaults.push((await store.create(caller, `v${n}`)).vault_id);
        for (const { vault, text: content, entry, isSummary } of writes) {
          const id = vaults[vault] ?? '';
          if (isSummary) await store.setSummary(caller, id, content);
          else {
            const override = store.override(caller, id, { no: entry, text: content });
            await override.catch(() => store.append(caller, id, content));
          }
        }
        if (isIndexed) while ((await builder.step(caller.workSessionId)).more);
        await age();
        for (const { from, start, length, text: other } of questions) {
          const source = writes[from % writes.length]?.text ?? '';
          const part = [...source].slice(start, start + length).join('');
          const q = part.trim() === '' ? other : part;
          const wanted = { q, details: false };
          const indexed = (await store.list(caller, wanted)).vaults;
          expect(indexed).toEqual((await scanning.list(caller, wanted, BOUNDS)).vaults);
          const candidates = await store.search.vaultsWith(caller, q);
          if (candidates && candidates.vaultIds.length < vaults.length) narrowed++;
        }
      },
    ),
    { numRuns: Number(process.env.SEARCH_RUNS ?? 12) },
  );
  expect(narrowed).toBeGreaterThan(10);
});

test('a list with q: a text that is written after the look into the index is found', async () => {
  const store = new TestStore(database.db, new VaultFeed());
  const caller: Caller = { workSessionId: 'st-late', clientId: 'ann' };
  const [early, late, old] = [
    await store.create(caller, 'needle'),
    await store.create(caller, 'late'),
    await store.create(caller, 'old'),
  ].map(({ vault_id }) => vault_id) as [string, string, string];
  await age();
  const reader = new VaultReader({
    db: database.db,
    audit: store.audit,
    rules: NO_RULES,
    vaultsWith: async (...asked) => {
      const found = await store.search.vaultsWith(...asked);
      expect(found?.vaultIds).toEqual([early]);
      await store.append(caller, late, 'a needle, too');
      await store.setSummary(caller, early, 'hay');
      return found;
    },
  });
  const { vaults } = await reader.list(caller, { q: 'NEEDLE' }, BOUNDS);
  expect(vaults.map(({ vault_id }) => vault_id)).toEqual([late]);
  expect((await store.list(caller, { q: 'old' })).vaults).toMatchObject([{ vault_id: old }]);
});
