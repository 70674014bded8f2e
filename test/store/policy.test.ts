import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { type Caller, canRead, canSetSummary, canWrite, type VaultAccess } from '../../src/access/policy.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { makeVaultId } from '../../src/vault/write/create-store.ts';
import { useDatabase } from '../support/database.ts';
import { refusalOf } from '../support/refusal.ts';
import { TestStore } from '../support/store.ts';

const database = useDatabase();
let store: TestStore;
beforeAll(() => {
  store = new TestStore(database.db, new VaultFeed());
});

/** Names that a careless comparison would mix up: by case, by blanks, by normal form, as SQL or as an array. */
const NAMES = ['a', 'A', 'a ', 'á', 'a\u0301', 'NULL', '{a,b}', '"a"', 'a,b', "'", '%', '\\'];
const name = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom(...NAMES),
  },
  {
    weight: 1,
    arbitrary: fc
      .string({ unit: 'binary', minLength: 1, maxLength: 5 })
      .filter((text) => !text.includes('\0') && text.isWellFormed()),
  },
);
const anyVault: fc.Arbitrary<VaultAccess> = fc.record({
  workSessionId: name,
  writerList: fc.uniqueArray(name, { maxLength: 6 }),
});
const anyCaller: fc.Arbitrary<Caller> = fc.record({ workSessionId: name, clientId: name });

/**
 * A vault with one entry, as the database may hold it. Its column `writer_list` says the opposite of its writers, which
 * no answer may show. @returns its id
 */
async function insert({ workSessionId, writerList }: VaultAccess): Promise<string> {
  const vaultId = makeVaultId();
  await database.admin.query(
    `INSERT INTO vaults (bucket, vault_id, work_session_id, created_by, writer_list, next_entry_no, head_seq)
     VALUES (vault_bucket($1), $1, $2, 'somebody', $3, 2, 1)`,
    [vaultId, workSessionId, NAMES.filter((one) => !writerList.includes(one))],
  );
  await database.admin.query(
    `INSERT INTO vault_writers (bucket, vault_id, client_id) SELECT vault_bucket($1), $1, unnest($2::text[])`,
    [vaultId, writerList],
  );
  await database.admin.query(
    `INSERT INTO vault_entries (bucket, vault_id, seq, entry_no, version, kind, writer_id, content, hash)
     VALUES (vault_bucket($1), $1, 1, 1, 1, 'content', 'somebody', 'text', sha256(''))`,
    [vaultId],
  );
  return vaultId;
}

const allowed = async (call: Promise<unknown>): Promise<boolean> => {
  try {
    await call;
    return true;
  } catch {
    expect(await refusalOf(call)).toMatch(/^FORBIDDEN: /);
    return false;
  }
};

test('the SQL and the predicates allow the same', async () => {
  await fc.assert(
    fc.asyncProperty(anyVault, anyCaller, async (vault, caller) => {
      const id = await insert(vault);
      const { vaults: listed } = await store.list(caller);
      expect({
        list: listed.some((item) => item.vault_id === id),
        current: await allowed(store.read(caller, id, {})),
        currentSince: await allowed(store.read(caller, id, { since: 1 })),
        history: await allowed(store.read(caller, id, { history: true })),
        summary: await allowed(store.setSummary(caller, id, 'new')),
        append: await allowed(store.append(caller, id, 'new')),
        override: await allowed(store.override(caller, id, { no: 1, text: 'new' })),
      }).toEqual({
        list: canRead(vault, caller),
        current: canRead(vault, caller),
        currentSince: canRead(vault, caller),
        history: canRead(vault, caller),
        summary: canSetSummary(vault, caller),
        append: canWrite(vault, caller),
        override: canWrite(vault, caller),
      });
      expect(listed.filter((item) => item.vault_id === id).length).toBeLessThanOrEqual(1);

      const { rows } = await database.admin.query<{ client_id: string }>(
        'SELECT client_id FROM vault_writers WHERE vault_id = $1',
        [id],
      );
      const joins = canWrite(vault, caller) && !vault.writerList.includes(caller.clientId);
      expect(rows.map(({ client_id }) => client_id).toSorted()).toEqual(
        (joins ? [...vault.writerList, caller.clientId] : vault.writerList).toSorted(),
      );
    }),
    {
      numRuns: 200,
      examples: [
        [
          { workSessionId: 'a', writerList: [] },
          { workSessionId: 'a', clientId: 'a' },
        ],
        [
          { workSessionId: 'a', writerList: ['b'] },
          { workSessionId: 'A', clientId: 'b' },
        ],
        [
          { workSessionId: 'a', writerList: ['a', 'b'] },
          { workSessionId: 'b', clientId: 'A' },
        ],
      ],
    },
  );
});
