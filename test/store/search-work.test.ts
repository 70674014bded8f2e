import { beforeAll, expect, test } from 'vitest';
import type { Caller } from '../../src/access/policy.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { IndexBuilder } from '../../src/vault/search/index/builder-store.ts';
import { parseQuery } from '../../src/vault/search/query.ts';
import { VaultSearch } from '../../src/vault/search/store.ts';
import { useDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';

/** How much work searches are, by their statements. */

const database = useDatabase();
let store: TestStore;
beforeAll(() => {
  store = new TestStore(database.db, new VaultFeed());
});

/** Indexes all rows, in segments of so many rows. */
const build = async ({ workSessionId }: Caller, rows: number) => {
  const builder = new IndexBuilder(database.db, { rows, merged: 99 });
  while ((await builder.step(workSessionId)).more);
};

let sessions = 0;
const makeCaller = (): Caller => ({ workSessionId: `work-${++sessions}`, clientId: 'ann' });

/** A search that counts its statements, and works before each. */
function counted(before: (statement: number) => Promise<unknown> = async () => undefined) {
  const counts = { read: 0, scan: 0 };
  const count = (kind: 'read' | 'scan') => {
    counts[kind]++;
    return before(counts.read + counts.scan);
  };
  const search = new VaultSearch({
    read: async (...asked) => count('read').then(() => database.db.read(...asked)),
    scan: async (...asked) => count('scan').then(() => database.db.scan(...asked)),
  });
  return { search, counts };
}

const wanted = (q: string) => ({
  needles: parseQuery(q),
  history: false,
  order: 'newest' as const,
  limit: 100,
});

test('a key that is limited to vaults: what other vaults have does not decide how much is looked at', async () => {
  const seen: unknown[] = [];
  for (const text of ['a common word', 'something else']) {
    const caller = makeCaller();
    const vaults = [await store.create(caller, 'one'), await store.create(caller, 'two')];
    const [one = '', two = ''] = vaults.map(({ vault_id }) => vault_id);
    const { vault_id: other } = await store.create(caller, 'other');
    for (const vault of [one, two]) await store.append(caller, vault, 'a rare note');
    await Promise.all(Array.from({ length: 80 }, () => store.append(caller, other, text)));
    await store.append(caller, two, 'a common word, too');
    await build(caller, 20);
    const limited = { ...caller, vaults: [one, two] };
    const { search, counts } = counted();
    const { hits } = await search.find(limited, wanted('common'));
    const none = await search.find({ ...caller, vaults: [one] }, wanted('common'));
    const candidates = await search.vaultsWith(limited, 'common');
    seen.push({ counts, hits: hits.length, none: none.hits, lists: candidates?.vaultIds.length });
  }
  expect(seen[0]).toEqual(seen[1]);
  expect(seen[0]).toMatchObject({ hits: 1, none: [], lists: 1 });
});
