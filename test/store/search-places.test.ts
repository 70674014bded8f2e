import { beforeAll, expect, test } from 'vitest';
import type { Caller } from '../../src/access/policy.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { readSearchCursor } from '../../src/vault/search/cursor.ts';
import { parseQuery } from '../../src/vault/search/query.ts';
import type { SearchHit } from '../../src/vault/search/schema.ts';
import { microsOf } from '../../src/vault/search/times.ts';
import type { Wanted } from '../../src/vault/search/wanted.ts';
import { useDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';

const database = useDatabase();
let store: TestStore;
const ann: Caller = { workSessionId: 'st-1', clientId: 'ann', author: 'session:ann' };
const bob: Caller = { workSessionId: 'st-1', clientId: 'bob' };
const eve: Caller = { workSessionId: 'st-2', clientId: 'ann' };
let [first, second] = ['', ''];

type Options = Partial<Omit<Wanted, 'needles'>>;

const find = async (caller: Caller, q: string, options: Options = {}) =>
  store.search.find(caller, {
    needles: parseQuery(q),
    history: false,
    order: 'newest',
    limit: 20,
    ...options,
  });

/** What was found, as `vault entry.version`, and the matched parts. */
const shown = ({ vault_id, entry_no, version, snippet, matches }: SearchHit) => [
  `${vault_id === first ? 1 : 2} ${entry_no}.${version}`,
  ...matches.map(([start, end]) => snippet.slice(start, end)),
];
const found = async (caller: Caller, q: string, options?: Options) =>
  (await find(caller, q, options)).hits.map(shown);

beforeAll(async () => {
  store = new TestStore(database.db, new VaultFeed());
  const theirs = await store.create(eve, 'Straße of others');
  await store.append(eve, theirs.vault_id, 'Straße of others');
  // Ann wrote there too, so she may read it. A search is about her own work session.
  first = (await store.create(ann, 'Die STRASSE')).vault_id;
  await store.append(ann, first, 'The JWT is in a Cookie', { tags: ['auth'] });
  await store.append(bob, first, '我们今天决定使用数据库');
  second = (await store.create(bob, '')).vault_id;
  await store.append(bob, second, 'Straße, cookie: 5"');
  await store.override(bob, first, { no: 1, text: 'The jwt is in the Straße; no cookie' });
});

test('a search: finds current texts in all vaults of the work session, newest first, with the parts that match', async () => {
  expect(await found(ann, 'strasse')).toEqual([
    ['1 1.2', 'Straße'],
    ['2 1.1', 'Straße'],
    ['1 0.1', 'STRASSE'],
  ]);
  expect(await found(ann, 'cookie STRASSE')).toEqual([
    ['1 1.2', 'Straße', 'cookie'],
    ['2 1.1', 'Straße', 'cookie'],
  ]);
  expect(await found(ann, '决定')).toEqual([['1 2.1', '决定']]);
  expect(await found(ann, 'nowhere')).toEqual([]);
  expect(await found(ann, '5"')).toEqual([['2 1.1', '5']]);
});

test('a search: quotes keep case, and spaces within them', async () => {
  expect(await found(ann, '"Cookie"', { history: true })).toEqual([['1 1.1', 'Cookie']]);
  expect(await found(ann, '"Cookie"')).toEqual([]);
  expect(await found(ann, '"in the" jwt')).toEqual([['1 1.2', 'jwt', 'in the']]);
});

test('a search: filters by version, writer, author, tag, vault, kind and time', async () => {
  const all = await find(ann, 'cookie', { history: true });
  expect(all.hits.map(({ current, ...hit }) => [current, ...shown(hit as SearchHit)].slice(0, 2))).toEqual([
    [true, '1 1.2'],
    [true, '2 1.1'],
    [false, '1 1.1'],
  ]);
  const [newest, , oldest] = all.hits.map(({ created_at }) => microsOf(created_at));
  expect(await found(ann, 'cookie', { writer: 'bob' })).toHaveLength(2);
  expect(await found(ann, '', { author: 'session:ann', history: true })).toEqual([['1 1.1'], ['1 0.1']]);
  expect(await found(ann, '', { tag: 'auth' })).toEqual([['1 1.2']]);
  expect(await found(ann, 'cookie', { vault: second })).toEqual([['2 1.1', 'cookie']]);
  expect(await found(ann, 'strasse', { kind: 'summary' })).toEqual([['1 0.1', 'STRASSE']]);
  const times = { history: true, sinceUs: oldest, untilUs: newest };
  expect((await found(ann, 'cookie', times)).map(([place]) => place)).toEqual(['2 1.1', '1 1.1']);
});

test('a search: a caller that is limited to vaults finds nothing elsewhere', async () => {
  const limited = { ...ann, vaults: [second] };
  expect(await found(limited, 'cookie')).toEqual([['2 1.1', 'cookie']]);
  expect(await found(limited, 'cookie', { vault: first })).toEqual([]);
  expect(await found(eve, 'cookie')).toEqual([]);
});

test.each(['newest', 'best'] as const)(
  'a search: pages of the %s first show each hit once',
  async (order) => {
    const whole = await found(ann, 'cookie', { history: true, order });
    expect(whole).toHaveLength(3);
    const pages: string[][] = [];
    for (let next: string | null | undefined; next !== null; ) {
      const cursor = next === undefined ? undefined : readSearchCursor(next);
      const page = await find(ann, 'cookie', { history: true, order, limit: 1, cursor });
      pages.push(...page.hits.map(shown));
      next = page.next;
    }
    expect(pages).toEqual(whole);
  },
);

test('a search for the best: a hit that is overridden between two pages hides no other', async () => {
  const eva: Caller = { workSessionId: 'st-best', clientId: 'eva' };
  const { vault_id: vault } = await store.create(eva, 'best of all');
  for (let n = 1; n <= 4; n++) await store.append(eva, vault, 'pearl '.repeat(n));
  const best = { order: 'best', limit: 2 } as const;
  const one = await find(eva, 'pearl', best);
  expect(one.hits.map(({ entry_no }) => entry_no)).toEqual([4, 3]);
  await store.override(eva, vault, { no: 4, text: 'no more' });
  const cursor = readSearchCursor(one.next ?? '');
  const two = await find(eva, 'pearl', { ...best, cursor });
  expect([two.hits.map(({ entry_no }) => entry_no), two.next]).toEqual([[2, 1], null]);
});
