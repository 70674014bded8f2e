import { beforeAll, expect, test } from 'vitest';
import { trpcClient } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

const TOKEN = 'token-of-an-operator';
const server = useServer(useDatabase(), { dashboardToken: TOKEN });

interface Hit {
  vault_id: string;
  summary: string;
  entry_no: number;
  version: number;
  current: boolean;
  kind: string;
  writer_id: string;
  author: string;
  created_at: string;
  snippet: string;
  matches: [number, number][];
}

interface Found {
  hits: Hit[];
  next_cursor: string | null;
}

let session = '';
let key = '';
let vault = '';
let other = '';
const client = (clientId: string) => trpcClient(server.url, { session, clientId });

const get = (parameters: Record<string, string>, authorization = `Bearer ${key}`) =>
  fetch(`${server.url}/api/search?${new URLSearchParams(parameters)}`, { headers: { authorization } });
const find = async (parameters: Record<string, string>, authorization?: string): Promise<Found> => {
  const answer = await get(parameters, authorization);
  expect(answer.status).toBe(200);
  return (await answer.json()) as Found;
};
/** Entry and version of each hit, with the parts that match. */
const shown = ({ hits }: Found) =>
  hits.map(({ entry_no, version, snippet, matches }) =>
    [`${entry_no}.${version}`, ...matches.map(([from, to]) => snippet.slice(from, to))].join(' '),
  );
const found = async (parameters: Record<string, string>) => shown(await find(parameters));

beforeAll(async () => {
  session = await server.login('st-1');
  key = (await server.makeKey('st-1', { clientId: 'reader' })).key;
  vault = (await client('ann').vault.create.mutate({ summary: 'Sprache und Schrift' })).vault_id;
  const texts = [
    '我们今天决定使用数据库',
    'İstanbul’da IŞIK ve ışık',
    'cafe\u0301 with 👩‍👩‍👧 and 🎉',
    'the file Makefile, "quoted" and C:\\dir_100%',
    `${'a'.repeat(300)} needle ${'👩‍👩‍👧'.repeat(60)}`,
    '한국어 각자',
  ];
  for (const text of texts) {
    await client('ann').vault.append.mutate({ vault_id: vault, text, tags: ['lang'] });
  }
  await client('bob').vault.override.mutate({ vault_id: vault, entry_id: 4, text: 'no file' });
  other = (await client('bob').vault.create.mutate({ summary: 'another Makefile' })).vault_id;
});

test.each([
  ['决定', ['1.1 决定']],
  ['定', undefined],
  ['İS', ['2.1 İs']],
  ['ışık', ['2.1 ışık']],
  ['ışik', []],
  ['café', ['3.1 cafe\u0301']],
  ['cafe', []],
  ['🎉', ['3.1 🎉']],
  ['👩‍👩‍👧 🎉', ['3.1 👩‍👩‍👧 🎉']],
  ['NEEDLE', ['5.1 needle']],
  ['각자', ['6.1 각자']],
])('a search for %s finds what has it, and marks it', async (q, wanted) => {
  if (wanted === undefined) {
    const answer = await get({ q });
    const { error } = (await answer.json()) as { error: string };
    expect([answer.status, error]).toEqual([400, expect.stringContaining('two characters')]);
    expect(await found({ q, tag: 'lang' })).toEqual(['1.1 定']);
  } else expect(await found({ q })).toEqual(wanted);
});

test('a snippet has whole characters around the first match, and at most 200 code units', async () => {
  const { hits } = await find({ q: 'needle' });
  for (const { snippet, matches } of hits) {
    expect(snippet.length).toBeLessThanOrEqual(200);
    expect(snippet.isWellFormed()).toBe(true);
    expect([...new Intl.Segmenter().segment(snippet)].at(-1)?.segment).toBe('👩‍👩‍👧');
    expect(matches.map(([from, to]) => snippet.slice(from, to))).toEqual(['needle']);
  }
  expect(hits).toHaveLength(1);
});

test('each parameter narrows a search, and all of them together', async () => {
  const all = (await find({ q: 'file', history: 'true' })).hits;
  expect(
    all.map(({ vault_id, entry_no, version, current, kind, writer_id }) => [
      vault_id === vault ? 1 : 2,
      entry_no,
      version,
      current,
      kind,
      writer_id,
    ]),
  ).toEqual([
    [2, 0, 1, true, 'summary', 'bob'],
    [1, 4, 2, true, 'content', 'bob'],
    [1, 4, 1, false, 'content', 'ann'],
  ]);
  const [newest, second, third] = all.map(({ created_at }) => created_at) as [string, string, string];
  expect(await found({ q: 'file' })).toEqual(['0.1 file', '4.2 file']);
  expect(await found({ q: '"Makefile"', history: 'true' })).toEqual(['0.1 Makefile', '4.1 Makefile']);
  expect(await found({ q: '"makefile"', history: 'true' })).toEqual([]);
  expect(await found({ q: 'makefile quoted', history: 'true' })).toEqual(['4.1 Makefile quoted']);
  expect(await found({ q: 'dir_100% "C:\\dir', history: 'true' })).toEqual(['4.1 C:\\dir_100%']);
  expect(await found({ q: 'file', writer: 'bob', kind: 'content' })).toEqual(['4.2 file']);
  expect(await found({ q: 'file', kind: 'summary' })).toEqual(['0.1 file']);
  expect(await found({ q: 'file', vault: other })).toEqual(['0.1 file']);
  expect(await found({ q: 'file', author: all[0]?.author ?? '' })).toHaveLength(2);
  expect(await found({ q: 'file', tag: 'lang', history: 'true' })).toHaveLength(2);
  expect(await found({ q: 'file', history: 'true', since: second })).toEqual(['0.1 file', '4.2 file']);
  expect(await found({ q: 'file', history: 'true', until: second })).toEqual(['4.1 file file']);
  const local = `${new Date(Date.parse(third) + 7_200_000).toISOString().slice(0, 19)}${third.slice(19, -1)}+02:00`;
  expect(await found({ q: 'file', history: 'true', since: local, until: newest })).toEqual([
    '4.2 file',
    '4.1 file file',
  ]);
  const together = {
    q: 'file',
    writer: 'ann',
    tag: 'lang',
    vault,
    kind: 'content',
    history: 'true',
    order: 'best',
  };
  expect(await found(together)).toEqual(['4.1 file file']);
  expect((await find({})).hits).toHaveLength(8);
});

test.each([
  [{ q: '' }, 'q'],
  [{ q: 'a\0b' }, 'q'],
  [{ q: 'x'.repeat(257) }, 'q'],
  [{ q: '"' }, 'q'],
  [{ limit: '0' }, 'limit'],
  [{ limit: '101' }, 'limit'],
  [{ limit: '1.5' }, 'limit'],
  [{ order: 'oldest' }, 'order'],
  [{ kind: 'all' }, 'kind'],
  [{ history: 'yes' }, 'history'],
  [{ since: 'yesterday' }, 'since'],
  [{ until: '2026-13-01T00:00:00Z' }, 'until'],
  [{ cursor: 'x' }, 'cursor'],
  [{ writers: 'bob' }, 'writers'],
] as Record<string, string>[][] & [Record<string, string>, string][])(
  'the parameter %o is refused by its name',
  async (parameters, field) => {
    const answer = await get(parameters);
    const { error, code } = (await answer.json()) as { error: string; code: string };
    expect([answer.status, code, error]).toEqual([400, 'BAD_REQUEST', expect.stringContaining(field)]);
  },
);

test('the pages that Link leads to have each hit once, while writes go on', async () => {
  const { vault_id } = await client('ann').vault.create.mutate({ summary: '' });
  const append = (n: number) => client('ann').vault.append.mutate({ vault_id, text: `page ${n}` });
  for (let n = 0; n < 25; n++) await append(n);
  for (const order of ['newest', 'best']) {
    const seen: string[] = [];
    let next: string | undefined = `/api/search?${new URLSearchParams({ q: 'page', limit: '7', order })}`;
    while (next !== undefined) {
      const answer: Response = await fetch(new URL(next, server.url), {
        headers: { authorization: `Bearer ${key}` },
      });
      const { hits, next_cursor } = (await answer.json()) as Found;
      seen.push(...hits.map(({ snippet }) => snippet));
      await append(100 + seen.length);
      next = /<([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1];
      expect(next === undefined).toBe(next_cursor === null);
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining(Array.from({ length: 25 }, (_, n) => `page ${n}`)));
  }
  expect((await find({ q: 'page', limit: '100' })).hits.length).toBeGreaterThan(30);
});

test('a search stays within the vaults of a key, and an operator is told to call with a session', async () => {
  const limited = `Bearer ${(await server.makeKey('st-1', { vaults: [other] })).key}`;
  expect(shown(await find({ q: 'file' }, limited))).toEqual(['0.1 file']);
  expect(shown(await find({ q: 'file', vault }, limited))).toEqual([]);
  const stranger = await server.makeKey('st-2');
  expect(shown(await find({ q: 'file' }, `Bearer ${stranger.key}`))).toEqual([]);
  expect((await get({ q: 'file' }, 'Bearer wrong')).status).toBe(401);
  const operator = await get({ q: 'file' }, `dashboard ${TOKEN}`);
  expect([operator.status, await operator.json()]).toEqual([
    403,
    { code: 'FORBIDDEN', error: expect.stringContaining('call with a session') },
  ]);
});
