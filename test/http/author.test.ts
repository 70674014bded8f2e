import { createHash } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { fingerprint, hashSessionId } from '../../src/access/session-id.ts';
import { createVaultRelayClient, type Entry, type Proof } from '../../src/client/index.ts';
import { RestVaults, rest } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

const database = useDatabase();
const server = useServer(database);

let [mine, theirs, vaultId] = ['', '', ''];
const authorOf = (session: string) => `session:${fingerprint(hashSessionId(session))}`;

const get = async <T>(path: string) =>
  (await rest<T>('GET', `${server.url}/api/vault/${vaultId}${path}`, { session: mine })).body;

/** Two sessions of one work session write under the same name, which proves nothing. */
beforeAll(async () => {
  [mine, theirs] = [await server.login('st-1'), await server.login('st-1')];
  const [a, b] = [mine, theirs].map((session) => new RestVaults(server.url, { session, clientId: 'ann' }));
  vaultId = (await a?.create('made'))?.body.vault_id ?? '';
  await a?.append(vaultId, 'mine');
  await b?.append(vaultId, 'theirs');
});

test.each([
  '?id=ann&details=true',
  '?id=ann&details=true&history=true',
  '?id=ann&details=true&since=1',
  '?id=ann&details=true&entry_id=1&history=true',
])('a read with details shows what was proven, and the salt: %s', async (query) => {
  const entries = await get<Entry[]>(query);
  expect(entries.map(({ author }) => author)).toEqual(
    [authorOf(mine), authorOf(theirs)].slice(0, entries.length),
  );
  for (const { salt } of entries) expect(salt).toMatch(/^[0-9a-f]{32}$/);
  expect(new Set(entries.map(({ salt }) => salt)).size).toBe(entries.length);
});

test.each(['?id=ann', '?id=ann&history=true', '?id=ann&details=false'])(
  'a read without details shows the fields that released clients know: %s',
  async (query) => {
    for (const entry of await get<Entry[]>(query)) {
      expect(Object.keys(entry)).toEqual([
        'seq',
        'entry_no',
        'version',
        'kind',
        'writer_id',
        'content',
        'created_at',
      ]);
    }
  },
);

test('meta names the author of the vault, and those of each writer', async () => {
  const { author, writers } = await get<{ author: string; writers: { authors: string[] }[] }>('/meta?id=ann');
  expect(author).toBe(authorOf(mine));
  expect(writers).toHaveLength(1);
  expect(writers[0]?.authors.toSorted()).toEqual([authorOf(mine), authorOf(theirs)].toSorted());
});

test('a proof has the author, the salt and no hash of the text alone', async () => {
  const { rows } = await get<Proof>('/proof?id=ann');
  expect(rows.map(({ author }) => author)).toEqual([authorOf(mine), authorOf(mine), authorOf(theirs)]);
  const texts = ['made', 'mine', 'theirs'].map((text) => createHash('sha256').update(text).digest('hex'));
  for (const row of rows) {
    expect(row).toMatchObject({
      algorithm: 'vault-relay/2',
      to: [],
      salt: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(texts).not.toContain(row.content_sha256);
  }
});

test('a client that names another writer is known by its session', async () => {
  const { vault } = createVaultRelayClient({ url: server.url, session: theirs, clientId: 'maria' });
  await vault.append.mutate({ vault_id: vaultId, text: 'by maria, she says' });
  const { entries } = await vault.readPage.query({ vault_id: vaultId, details: true });
  expect(entries.at(-1)).toMatchObject({ writer_id: 'maria', author: authorOf(theirs) });
});

test.each([
  ['the current view', 'history=false'],
  ['the history', 'history=true&kind=all'],
  ['an entry', 'history=true&entry_id=2'],
  ['a page', 'limit=1'],
])('`author` reads only the rows that this author wrote: %s', async (_, query) => {
  const rows = await get<Entry[]>(`?id=ann&details=true&${query}&author=${authorOf(theirs)}`);
  expect(rows[0]?.content).toBe('theirs');
  expect(new Set(rows.map(({ author }) => author))).toEqual(new Set([authorOf(theirs)]));
  expect(await get(`?id=ann&${query}&author=key:4k9x2m0q7d1z`)).toEqual([]);
});

test('`author` lists only the vaults that this author wrote into, of the caller’s work session', async () => {
  const outside = await server.login('st-2');
  const of = (session: string) => new RestVaults(server.url, { session, clientId: 'ann' });
  const made = (await of(theirs).create('by the other')).body.vault_id;
  const list = async (session: string, author: string) =>
    (
      await rest<{ vault_id: string }[]>('GET', `${server.url}/api/vault?id=ann&author=${author}`, {
        session,
      })
    ).body;
  expect((await list(mine, authorOf(mine))).map(({ vault_id }) => vault_id)).toEqual([vaultId]);
  expect((await list(mine, authorOf(theirs))).map(({ vault_id }) => vault_id)).toEqual([vaultId, made]);
  expect((await of(outside).read(vaultId)).status).toBe(200);
  expect(await list(outside, authorOf(mine))).toEqual([]);
});
