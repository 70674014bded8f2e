import { describe, expect, test } from 'vitest';
import { fingerprint, hexHashOfSessionId } from '../../src/access/session-id.ts';
import { nextLink, RestVaults, rest, trpcClient, trpcRefusal } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';
import { demand, restSurface, type Surface, trpcSurface } from '../support/vault-surfaces.ts';

const database = useDatabase();
const server = useServer(database);

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);

let workSessions = 0;
/** Two clients of one work session, and the first of them as it comes from another. */
async function logIn() {
  const home = `st-${++workSessions}`;
  const session = await server.login(home);
  const [ann, bob] = [`ann & ${home}`, `bob ${home}`];
  const away = { session: await server.login(`${home} elsewhere`), clientId: ann };
  return { home, ann: { session, clientId: ann }, bob: { session, clientId: bob }, away };
}

describe.each([
  ['REST', restSurface],
  ['tRPC', trpcSurface],
] as const)('on %s', (name, surfaceOf) => {
  /** A vault of one entry. */
  async function start() {
    const who = await logIn();
    const [ann, bob, away] = [who.ann, who.bob, who.away].map((one) => surfaceOf(server.url, one)) as [
      Surface,
      Surface,
      Surface,
    ];
    const { vault_id: vaultId } = await demand(ann.create('summary 1'));
    const first = await demand(ann.append(vaultId, 'text 1'));
    return { who, ann, bob, away, vaultId, first };
  }

  test('override: a stale expected version gets 409 with the current version, a current one is written', async () => {
    const { who, ann, bob, vaultId } = await start();
    const second = await demand(bob.override(vaultId, 1, { text: 'text 2', expected: 1 }));
    const conflict = await ann.override(vaultId, 1, { text: 'text 2, by ann', expected: 1 });
    expect(conflict).toEqual({
      status: 409,
      current: { ...second, writer_id: who.bob.clientId, content: 'text 2', created_at: TIME },
    });
    const merged = await ann.override(vaultId, 1, { text: 'both', expected: conflict.current?.version ?? 0 });
    expect(merged.value).toMatchObject({ entry_no: 1, version: 3 });
    expect((await ann.override(vaultId, 1, { text: 'x', expected: 4 })).current?.version).toBe(3);
    expect(await ann.override(vaultId, 2, { text: 'x', expected: 1 })).toEqual({ status: 404 });
  });

  test('summary: a stale expected version gets 409 with the current version', async () => {
    const { who, ann, bob, vaultId } = await start();
    await demand(bob.setSummary(vaultId, 'summary 2', { expected: 1 }));
    expect(await ann.setSummary(vaultId, 'summary 2, by ann', { expected: 1 })).toEqual({
      status: 409,
      current: {
        entry_no: 0,
        version: 2,
        seq: expect.any(Number),
        writer_id: who.bob.clientId,
        content: 'summary 2',
        created_at: TIME,
      },
    });
    expect((await ann.setSummary(vaultId, 'summary 3', { expected: 2 })).status).toBe(200);
  });

  test('a retry with its key returns the first result and writes nothing; another request gets 409', async () => {
    const { ann, vaultId } = await start();
    const calls = {
      append: (text: string) => ann.append(vaultId, text, { key: 'a', tags: ['t'] }),
      override: (text: string) => ann.override(vaultId, 1, { text, expected: 1, key: 'o' }),
      summary: (text: string) => ann.setSummary(vaultId, text, { expected: 1, key: 's' }),
      create: (text: string) => ann.create(text, { key: 'c' }),
    };
    for (const call of Object.values(calls)) {
      const first = await call('text');
      expect(first.status).toBe(200);
      const { head } = await demand(ann.read(vaultId));
      const { vaults } = await demand(ann.list());
      expect(await call('text')).toEqual({ ...first, ...(name === 'REST' && { replayed: true }) });
      expect(await call('another text')).toEqual({ status: 409 });
      expect((await demand(ann.read(vaultId))).head).toBe(head);
      expect((await demand(ann.list())).vaults).toEqual(vaults);
    }
  });

  test('an idempotency key identifies a whole request, including entry, tags and expected version', async () => {
    const { ann, vaultId } = await start();
    await demand(ann.override(vaultId, 1, { text: 'x', tags: ['t'], expected: 1, key: 'k' }));
    expect(await ann.append(vaultId, 'x', { tags: ['t'], key: 'k' })).toEqual({ status: 409 });
    expect(await ann.override(vaultId, 2, { text: 'x', tags: ['t'], expected: 1, key: 'k' })).toEqual({
      status: 409,
    });
    expect(await ann.override(vaultId, 1, { text: 'x', expected: 1, key: 'k' })).toEqual({ status: 409 });
    expect(await ann.override(vaultId, 1, { text: 'x', tags: ['t'], key: 'k' })).toEqual({ status: 409 });
    expect(await ann.setSummary(vaultId, 'x', { key: 'k' })).toEqual({ status: 409 });
  });

  test('a key is one vault’s and one client’s', async () => {
    const { ann, bob, vaultId } = await start();
    const other = await demand(ann.create('another vault'));
    const options = { key: 'k' };
    expect((await demand(ann.append(vaultId, 'x', options))).entry_no).toBe(2);
    expect((await demand(bob.append(vaultId, 'x', options))).entry_no).toBe(3);
    expect((await demand(ann.append(other.vault_id, 'y', options))).entry_no).toBe(1);
    const [made, made2] = [await demand(ann.create('x', options)), await demand(bob.create('x', options))];
    expect(made).not.toEqual(made2);
  });

  test('a key is not used up by a refusal', async () => {
    const { ann, away, vaultId } = await start();
    const key = 'k';
    expect((await ann.override(vaultId, 2, { text: 'x', key })).status).toBe(404);
    expect((await ann.append('v-neverMade0', 'x', { key })).status).toBe(404);
    expect((await ann.override(vaultId, 1, { text: 'x', expected: 9, key })).status).toBe(409);
    expect((await away.append(vaultId, 'x', { key })).status).toBe(403);
    const written = await ann.append(vaultId, 'now another request', { key });
    expect(written.value).toMatchObject({ entry_no: 2, version: 1 });
    expect(written.replayed).toBeUndefined();
  });

  test('each summary is a row of kind summary, which the reads of the contract do not show', async () => {
    const { who, ann, bob, vaultId, first } = await start();
    await demand(bob.setSummary(vaultId, 'summary 2'));
    const read = async (query: Parameters<Surface['read']>[1]) =>
      (await demand(ann.read(vaultId, query))).entries.map(
        ({ kind, entry_no, version, writer_id, content }) => [
          `${kind} e${entry_no} v${version}`,
          writer_id,
          content,
        ],
      );
    const summary1 = ['summary e0 v1', who.ann.clientId, 'summary 1'];
    const summary2 = ['summary e0 v2', who.bob.clientId, 'summary 2'];
    const text1 = ['content e1 v1', who.ann.clientId, 'text 1'];
    for (const contract of [{}, { history: true }, { since: 0 }, { kind: 'content' as const }]) {
      expect(await read(contract)).toEqual([text1]);
    }
    expect(await read({ since: first.seq })).toEqual([]);
    expect(await read({ kind: 'summary' })).toEqual([summary2]);
    expect(await read({ kind: 'summary', history: true })).toEqual([summary1, summary2]);
    expect(await read({ kind: 'all' })).toEqual([summary2, text1]);
    expect(await read({ kind: 'all', history: true })).toEqual([summary1, text1, summary2]);
    expect(await read({ kind: 'all', since: first.seq })).toEqual([summary2]);
  });

  test('meta describes the vault', async () => {
    const { who, ann, bob, away, vaultId } = await start();
    await demand(bob.append(vaultId, 'text 2'));
    await demand(bob.override(vaultId, 1, { text: 'text 1, better' }));
    await demand(ann.setSummary(vaultId, 'summary 2'));
    await demand(away.read(vaultId));
    const { head, headHash, entries } = await demand(ann.read(vaultId, { kind: 'all', history: true }));
    const authors = [`session:${fingerprint(hexHashOfSessionId(who.ann.session))}`];
    const meta = await demand(ann.meta(vaultId));
    expect(meta).toEqual({
      vault_id: vaultId,
      summary: 'summary 2',
      summary_version: 2,
      work_session_id: who.home,
      created_by: who.ann.clientId,
      author: authors[0],
      created_at: entries[0]?.created_at,
      changed_at: entries.at(-1)?.created_at,
      entries: 2,
      versions: 3,
      head,
      head_hash: headHash,
      writer_count: 2,
      writers: [
        {
          client_id: who.bob.clientId,
          writes: 2,
          last_write_at: entries[3]?.created_at,
          authors,
          in_writer_list: true,
        },
        {
          client_id: who.ann.clientId,
          writes: 1,
          last_write_at: entries[1]?.created_at,
          authors,
          in_writer_list: true,
        },
      ],
      outside_reads: [{ client_id: who.ann.clientId, read_at: TIME }],
    });
    expect(await demand(ann.removeWriter(vaultId, who.ann.clientId))).toEqual({ removed: true });
    expect(await demand(ann.removeWriter(vaultId, who.ann.clientId))).toEqual({ removed: false });
    expect((await away.read(vaultId)).status).toBe(403);
    expect((await away.meta(vaultId)).status).toBe(403);
    expect((await ann.meta(vaultId)).value?.writers[1]).toMatchObject({ writes: 1, in_writer_list: false });
  });

  test('the list has details where they are asked for', async () => {
    const { who, ann, vaultId } = await start();
    const { head } = await demand(ann.read(vaultId));
    const meta = await demand(ann.meta(vaultId));
    expect((await demand(ann.list({ details: true }))).vaults).toEqual([
      {
        vault_id: vaultId,
        summary: 'summary 1',
        created_at: meta.created_at,
        changed_at: meta.changed_at,
        entries: 1,
        writers: [who.ann.clientId],
        head,
        summary_version: 1,
      },
    ]);
    const contract = [{ vault_id: vaultId, summary: 'summary 1' }];
    expect((await demand(ann.list())).vaults).toEqual(contract);
    expect((await demand(ann.list({ details: false, q: 'SUMMARY' }))).vaults).toEqual(contract);
  });

  test.each([
    ['nine tags', Array.from({ length: 9 }, (_, n) => `tag ${n}`)],
    ['a tag of 33 characters', ['团'.repeat(33)]],
    ['an empty tag', ['']],
    ['a tag twice', ['t', 't']],
    ['a tag with NUL', ['a\0']],
  ])('refused: %s', async (_, tags) => {
    const { ann, vaultId } = await start();
    expect((await ann.append(vaultId, 'x', { tags })).status).toBe(400);
    expect((await ann.override(vaultId, 1, { text: 'x', tags })).status).toBe(400);
    expect((await demand(ann.read(vaultId, { history: true }))).entries).toHaveLength(1);
  });

  test('eight tags of 32 characters of any plane are accepted and found', async () => {
    const { ann, vaultId } = await start();
    const tags = Array.from({ length: 8 }, (_, n) => `${n}${'🦀'.repeat(31)}`);
    await demand(ann.append(vaultId, 'tagged', { tags }));
    for (const tag of tags) {
      expect((await demand(ann.read(vaultId, { tag }))).entries).toMatchObject([{ content: 'tagged', tags }]);
      expect((await demand(ann.list({ tag }))).vaults).toHaveLength(1);
    }
  });
});

describe('Link', () => {
  const OPTIONS = '&kind=all&history=true&limit=3';

  async function start() {
    const { ann } = await logIn();
    const vaults = new RestVaults(server.url, ann);
    const vaultId = (await vaults.create('linked')).body.vault_id;
    for (let n = 0; n < 10; n++) await vaults.write(vaultId, { text: `100% & 团队 ${n}`, tags: ['a&b=c'] });
    return { vaults, vaultId, ann };
  }

  /** Goes from page to page by nothing but what `Link` says. */
  async function join<Item>(vaults: RestVaults, first: { headers: Headers; body: Item[] }): Promise<Item[]> {
    const items = [...first.body];
    for (let link = nextLink(first.headers); link !== null; ) {
      const page = await vaults.follow<Item[]>(link);
      expect(page.status).toBe(200);
      items.push(...page.body);
      link = nextLink(page.headers);
    }
    return items;
  }

  test('leads through a vault when followed unchanged', async () => {
    const { vaults, vaultId } = await start();
    const whole = await vaults.read(vaultId, '&kind=all&history=true');
    expect(whole.headers.get('link')).toBeNull();
    const first = await vaults.read(vaultId, OPTIONS);
    await vaults.append(vaultId, 'too late for these pages');
    expect(await join(vaults, first)).toEqual(whole.body);
    expect(whole.body).toHaveLength(11);
  });

  test('carries filters that need escaping', async () => {
    const { vaults, vaultId } = await start();
    await vaults.append(vaultId, 'does not fit');
    const filter = `&q=${encodeURIComponent('0% & 团队')}&tag=${encodeURIComponent('a&b=c')}`;
    const joined = await join(vaults, await vaults.read(vaultId, `${filter}&limit=4`));
    expect(joined).toEqual((await vaults.read(vaultId, filter)).body);
    expect(joined).toHaveLength(10);
  });

  test('carries a literal question mark', async () => {
    const { vaults, vaultId } = await start();
    for (const text of ['why?', 'who? when?', 'why not?']) await vaults.append(vaultId, text);
    const joined = await join(vaults, await vaults.read(vaultId, '&q=?&limit=1'));
    expect(joined.map(({ content }) => content)).toEqual(['why?', 'who? when?', 'why not?']);
  });

  test('leads through the list of vaults', async () => {
    const { vaults } = await start();
    for (let n = 0; n < 6; n++) await vaults.create(`vault ${n}`);
    const whole = await vaults.list('&details=true');
    expect(whole.body).toHaveLength(7);
    expect(await join(vaults, await vaults.list('&details=true&limit=2'))).toEqual(whole.body);
  });

  test('needs the session like every other address', async () => {
    const { vaults, vaultId, ann } = await start();
    const link = nextLink((await vaults.read(vaultId, OPTIONS)).headers) ?? '';
    expect(link).not.toContain(ann.session);
    expect((await rest('GET', new URL(link, server.url).href)).status).toBe(401);
  });

  test.each(['0', '1001', '-1', '1.5', 'x', ''])('refused: limit=%s', async (limit) => {
    const { vaults, vaultId } = await start();
    expect((await vaults.read(vaultId, `&limit=${limit}`)).status).toBe(400);
    expect((await vaults.list(`&limit=${limit}`)).status).toBe(400);
  });

  test.each(['', 'x', '1', '1.2.3', '-1.2'])('refused: cursor=%s', async (cursor) => {
    const { vaults, vaultId } = await start();
    expect((await vaults.read(vaultId, `&limit=1&cursor=${cursor}`)).status).toBe(400);
  });
});

test('expected_version without entry_id is refused: an append has no version to expect', async () => {
  const { ann } = await logIn();
  const vaults = new RestVaults(server.url, ann);
  const vaultId = (await vaults.create('')).body.vault_id;
  const answer = await vaults.write(vaultId, { text: 'x', expected_version: 1 });
  expect(answer).toMatchObject({ status: 400, body: { error: expect.stringContaining('needs entry_id') } });
});

test.each(['', 'a b', 'é', 'a'.repeat(256), '\u007f'])(
  'an idempotency key is visible ASCII: %j is refused',
  async (key) => {
    const { ann } = await logIn();
    const client = trpcClient(server.url, ann);
    expect(
      await trpcRefusal(client.vault.create.mutate({ summary: '', idempotency_key: key })),
    ).toMatchObject({
      status: 400,
    });
  },
);
