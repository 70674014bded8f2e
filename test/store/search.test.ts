import { beforeAll, describe, expect, test } from 'vitest';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import type { ReadOptions } from '../../src/vault/read/page.ts';
import { useDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';

const database = useDatabase();
let store: TestStore;
beforeAll(() => {
  store = new TestStore(database.db, new VaultFeed());
});

let sessions = 0;
/** A work session and clients of its own for each test, so that its list holds nothing else. */
const fresh = () => {
  const n = ++sessions;
  const workSessionId = `st-${n}`;
  return {
    ann: { workSessionId, clientId: `ann ${n}` },
    bob: { workSessionId, clientId: `bob ${n}` },
    eve: { workSessionId: `${workSessionId} elsewhere`, clientId: `eve ${n}` },
  };
};

/** Text, what finds it, and what does not. */
const FOUND: [what: string, text: string, found: string[], missed: string[]][] = [
  ['English', 'Decided: JWT in a cookie', ['jwt', 'JWT IN', 'd: j', 'E'], ['jwts', 'a  cookie']],
  ['Chinese', '我们今天决定使用数据库', ['决定', '数据', '库', '我们今天'], ['定决', '决 定']],
  ['Japanese', '認証の設計を決めたカタカナ', ['認証', '設計', 'の設', 'タカ'], ['かた']],
  ['Korean', '인증 설계를 결정했다', ['인증', '결정', '증 설'], ['인결']],
  ['umlauts', 'Äpfel, Öl und MÜSLI', ['äpfel', 'ÖL', 'müsli', 'öL UND m'], ['apfel', 'musli']],
  ['sharp s', 'Straße', ['STRAẞE', 'straße'], []],
  ['Greek, whose s has two small forms', 'ΟΔΟΣ και λόγος', ['οδος', 'οδοσ', 'ΛΌΓΟΣ', 'ΚΑΙ'], ['λογος']],
  ['Cyrillic', 'Привет, МИР', ['ПРИВЕТ', 'мир', 'т, м'], ['мирт']],
  ['Turkish', 'DİKKAT ışık', ['DİKKAT', 'ışık'], []],
  ['beyond the first plane', '🧑‍🚀 𐐀𐐨', ['🚀', '𐐨𐐨', '𐐀𐐀'], ['👩']],
  ['per cent', '100% sure', ['100%', '%', '0% s'], ['1%e', '10%']],
  ['underscore', 'snake_case', ['_', 'E_C'], ['snake__', 's_ake']],
  ['backslash', 'C:\\temp\\%_', ['\\', ':\\T', '\\%', '\\%_'], ['\\\\', '\\_']],
  [
    'what means something in patterns',
    "a.*b [x] (y|z)? ^$ '' \"",
    ['.*', '[x]', '(Y|Z)?', '^$', "''", '"'],
    ['a.b', 'y|x', 'ab'],
  ],
  ['line ends', 'one\r\ntwo', ['one\r\ntwo', '\n', '\r'], ['one\ntwo']],
];

describe.each(FOUND)('%s', (_, text, found, missed) => {
  test('is found in entries by reads and lists', async () => {
    const { ann } = fresh();
    const { vault_id: vaultId } = await store.create(ann, '');
    await store.append(ann, vaultId, 'something else');
    await store.append(ann, vaultId, text);
    const finds = async (q: string) => ({
      current: (await store.read(ann, vaultId, { q })).length,
      history: (await store.read(ann, vaultId, { q, history: true })).length,
      since: (await store.read(ann, vaultId, { q, since: 1 })).length,
      list: (await store.list(ann, { q })).vaults.length,
    });
    for (const q of found) {
      // `something else` holds some of these too.
      const times = 'something else'.toLowerCase().includes(q.toLowerCase()) ? 2 : 1;
      expect({ q, ...(await finds(q)) }).toEqual({
        q,
        current: times,
        history: times,
        since: times,
        list: 1,
      });
    }
    for (const q of missed) {
      expect({ q, ...(await finds(q)) }).toEqual({ q, current: 0, history: 0, since: 0, list: 0 });
    }
  });

  test('is found in summaries by lists and reads of summaries', async () => {
    const { ann } = fresh();
    const { vault_id: vaultId } = await store.create(ann, text);
    for (const [qs, times] of [
      [found, 1],
      [missed, 0],
    ] as const) {
      for (const q of qs) {
        expect({ q, in: (await store.list(ann, { q })).vaults.length }).toEqual({ q, in: times });
        expect(await store.read(ann, vaultId, { q, kind: 'summary' })).toHaveLength(times);
        expect(await store.read(ann, vaultId, { q })).toEqual([]);
      }
    }
  });
});

/** Two vaults of ann's and bob's, and one of eve's that ann has no business with. */
async function fill() {
  const { ann, bob, eve } = fresh();
  const make = async (summary: string) => (await store.create(ann, summary)).vault_id;
  const [auth, db] = [await make('auth refactor'), await make('database')];
  await store.append(ann, auth, 'JWT in a cookie', { tags: ['decision', 'auth'] });
  await store.append(bob, auth, 'rotate keys', { tags: ['todo'] });
  await store.override(bob, auth, { no: 1, text: 'JWT, 15 minutes' });
  await store.append(bob, db, 'use pgbouncer', { tags: ['decision'] });
  const { vault_id: foreign } = await store.create(eve, 'auth of eve');
  await store.append(eve, foreign, 'JWT elsewhere', { tags: ['decision'] });
  return { ann, bob, eve, auth, db, foreign };
}

describe('lists', () => {
  test('return only readable rows, by text, writer and tag, alone and combined', async () => {
    const { ann, bob, eve, auth, db, foreign } = await fill();
    const ids = async (options: Parameters<TestStore['list']>[1], caller = ann) =>
      (await store.list(caller, options)).vaults.map(({ vault_id }) => vault_id);
    expect(await ids({ q: 'jwt' })).toEqual([auth]);
    expect(await ids({ q: 'AUTH' })).toEqual([auth]);
    expect(await ids({ q: 'jwt' }, eve)).toEqual([foreign]);
    expect(await ids({ writer: ann.clientId })).toEqual([auth]);
    expect(await ids({ writer: bob.clientId })).toEqual([auth, db]);
    expect(await ids({ writer: eve.clientId })).toEqual([]);
    expect(await ids({ tag: 'decision' })).toEqual([auth, db]);
    expect(await ids({ tag: 'Decision' })).toEqual([]);
    expect(await ids({ tag: 'decision', q: 'bouncer' })).toEqual([db]);
    // The summary has no tags, and so one entry must hold both.
    expect(await ids({ tag: 'todo', q: 'auth' })).toEqual([]);
    expect(await ids({ tag: 'decision', writer: ann.clientId, q: 'jwt' })).toEqual([auth]);
    expect(await ids({ tag: 'decision', limit: 1 })).toEqual([auth]);
  });

  test('search current versions: earlier text, summaries and tags are not found', async () => {
    const { ann, auth } = await fill();
    expect((await store.list(ann, { q: 'cookie' })).vaults).toEqual([]);
    await store.override(ann, auth, { no: 1, text: 'JWT', tags: [] });
    expect((await store.list(ann, { tag: 'auth' })).vaults).toEqual([]);
    await store.setSummary(ann, auth, 'done');
    expect((await store.list(ann, { q: 'refactor' })).vaults).toEqual([]);
    expect((await store.list(ann, { q: 'DONE' })).vaults).toEqual([{ vault_id: auth, summary: 'done' }]);
  });
});

describe('reads', () => {
  test('hold the rows that fit text, writer and tag, in each view', async () => {
    const { ann, bob, auth } = await fill();
    const found = async (options: ReadOptions) =>
      (await store.read(ann, auth, options)).map(({ entry_no, version }) => `e${entry_no} v${version}`);
    expect(await found({ q: 'jwt' })).toEqual(['e1 v2']);
    expect(await found({ q: 'cookie' })).toEqual([]);
    expect(await found({ q: 'jwt', history: true })).toEqual(['e1 v1', 'e1 v2']);
    expect(await found({ writer: ann.clientId })).toEqual([]);
    expect(await found({ writer: ann.clientId, history: true })).toEqual(['e1 v1']);
    expect(await found({ writer: bob.clientId })).toEqual(['e1 v2', 'e2 v1']);
    expect(await found({ tag: 'auth' })).toEqual(['e1 v2']);
    expect(await found({ tag: 'auth', history: true })).toEqual(['e1 v1', 'e1 v2']);
    expect(await found({ tag: 'todo', writer: bob.clientId, q: 'KEYS' })).toEqual(['e2 v1']);
    expect(await found({ tag: 'todo', q: 'jwt' })).toEqual([]);
    expect(await found({ writer: ann.clientId, kind: 'all' })).toEqual(['e0 v1']);
  });

  test('of the past search the versions of that time', async () => {
    const { ann, auth } = await fill();
    const [first] = await store.read(ann, auth, { history: true });
    const then = await store.read(ann, auth, { as_of: first?.seq, q: 'cookie' });
    expect(then).toEqual([first]);
  });
});

describe('tags', () => {
  test('are kept by an override that names none, replaced by one that does, and cleared by an empty list', async () => {
    const { ann } = fresh();
    const { vault_id: vaultId } = await store.create(ann, '');
    const override = (text: string, tags?: string[]) =>
      store.override(ann, vaultId, { no: 1, text, ...(tags && { tags }) });
    await store.append(ann, vaultId, '1', { tags: ['b', 'a'] });
    await override('2');
    await override('3', ['c']);
    await override('4');
    await override('5', []);
    await override('6');
    const history = await store.read(ann, vaultId, { history: true });
    expect(history.map(({ tags }) => tags)).toEqual([
      ['b', 'a'],
      ['b', 'a'],
      ['c'],
      ['c'],
      undefined,
      undefined,
    ]);
    expect('tags' in (history[4] ?? {})).toBe(false);
  });

  test('are returned exactly as they were sent', async () => {
    const { ann } = fresh();
    const { vault_id: vaultId } = await store.create(ann, '');
    const tags = ['a,b', '"', '\\', '{}', 'NULL', ' ', '团队', "'; --"];
    await store.append(ann, vaultId, 'x', { tags });
    expect((await store.read(ann, vaultId))[0]?.tags).toEqual(tags);
    for (const tag of tags) expect(await store.read(ann, vaultId, { tag })).toHaveLength(1);
  });
});
