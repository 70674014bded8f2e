import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { RestVaults, rest, trpcClient } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

const database = useDatabase();
const server = useServer(database);

let inside: { session: string; clientId: string };
let vaults: RestVaults;
let vaultId: string;

beforeAll(async () => {
  inside = { session: await server.login('st-home'), clientId: 'ann' };
  vaults = new RestVaults(server.url, inside);
});

beforeEach(async () => {
  vaultId = (await vaults.create('read again and again')).body.vault_id;
  await vaults.append(vaultId, 'first');
});

const address = (query = '', clientId = 'ann') => `${server.url}/api/vault/${vaultId}?id=${clientId}${query}`;

/** Reads with `If-None-Match`. */
const readAgain = (
  etag: string,
  { query = '', method = 'GET', session = inside.session, clientId = 'ann' } = {},
) => rest(method, address(query, clientId), { session, headers: { 'if-none-match': etag } });

const etagOf = async (query = '') => (await vaults.read(vaultId, query)).headers.get('etag') ?? '';

describe('a read that names the state it has seen', () => {
  test('carries a weak tag of the head', async () => {
    const { headers } = await vaults.read(vaultId);
    expect(headers.get('etag')).toBe(`W/"${headers.get('x-vault-head')}"`);
  });

  test.each([
    ['as it was given', (etag: string) => etag],
    ['without its mark of weakness', (etag: string) => etag.replace('W/', '')],
    ['among others', (etag: string) => `"x", W/"1",${etag} , W/"0"`],
    ['beside one that is not yet', (etag: string) => `${etag}, W/"999999999"`],
    ['as whatever there is', () => '*'],
  ])('is 304 without entries while that is the head: %s', async (_, named) => {
    const etag = await etagOf();
    for (const method of ['GET', 'HEAD']) {
      const { status, body, headers } = await readAgain(named(etag), { method });
      expect({ method, status, body }).toEqual({ method, status: 304, body: undefined });
      expect(headers.get('etag')).toBe(etag);
      expect(`W/"${headers.get('x-vault-head')}"`).toBe(etag);
      expect(headers.get('content-type')).toBeNull();
    }
  });

  test.each(['W/"0"', '"x"', 'W/"999999999"', '', 'W/', '"', '12', 'W/"99999999999999999999"'])(
    'is answered in full when it names another: %s',
    async (etag) => {
      expect(await readAgain(etag)).toMatchObject({ status: 200, body: [{ content: 'first' }] });
    },
  );

  test.each([
    ['with a zero before it', (head: string) => `"0${head}"`],
    ['with a zero before it, weak', (head: string) => `W/"0${head}"`],
    ['without its end', (head: string) => `W/"${head}`],
    ['with more behind it', (head: string) => `W/"${head}"x`],
    ['with blanks within', (head: string) => `" ${head} "`],
    ['in another spelling', (head: string) => `w/"${head}"`],
    ['as a number', (head: string) => head],
    ['among what is no tag', (head: string) => `"x"${head}", "y`],
  ])('C1 is answered in full, with every entry, when the tag is misspelt: %s', async (_, spell) => {
    const head = (await etagOf()).slice(3, -1);
    for (const query of ['', '&history=true', '&kind=all', '&limit=1']) {
      const { status, body } = await readAgain(spell(head), { query });
      expect({
        status,
        contents: (body as { content: string }[]).map(({ content }) => content),
      }).toMatchObject({
        status: 200,
        contents: expect.arrayContaining(['first']),
      });
    }
  });

  test('holds for each view separately', async () => {
    for (const query of [
      '&history=true',
      '&since=0',
      '&kind=all',
      '&entry_id=1',
      '&q=first',
      '&limit=1',
      '&as_of=999999',
    ]) {
      const etag = await etagOf(query);
      expect((await readAgain(etag, { query })).status).toBe(304);
    }
  });

  test('does not hold on tRPC, whose answers are values', async () => {
    const read = await fetch(
      `${server.url}/trpc/vault.read?id=ann&input=${encodeURIComponent(JSON.stringify({ vault_id: vaultId }))}`,
      { headers: { authorization: `session ${inside.session}`, 'if-none-match': '*' } },
    );
    expect(read.status).toBe(200);
    for (const name of ['etag', 'x-vault-head', 'x-vault-head-hash'])
      expect(read.headers.get(name)).toBeNull();
    expect(await trpcClient(server.url, inside).vault.read.query({ vault_id: vaultId })).toMatchObject([
      { content: 'first' },
    ]);
  });
});

describe('a vault that changed', () => {
  test.each([
    ['an append', () => vaults.append(vaultId, 'second')],
    ['an override', () => vaults.override(vaultId, 1, 'changed')],
    ['a summary', () => vaults.setSummary(vaultId, 'changed')],
  ])('has another tag after %s', async (_, change) => {
    const etag = await etagOf();
    await change();
    const read = await readAgain(etag);
    expect(read.status).toBe(200);
    expect(read.headers.get('etag')).not.toBe(etag);
    expect((await readAgain(await etagOf())).status).toBe(304);
  });
});

describe('a request that names a state', () => {
  test('must be allowed to read it all the same', async () => {
    const etag = await etagOf();
    const stranger = { session: await server.login('st-other'), clientId: 'eve' };
    expect((await readAgain(etag, stranger)).status).toBe(403);
    expect((await readAgain('*', stranger)).status).toBe(403);
    expect((await readAgain(etag, { session: 'nobody' })).status).toBe(401);
    const nowhere = `${server.url}/api/vault/v-nothing?id=ann`;
    const headers = { 'if-none-match': etag };
    expect((await rest('GET', nowhere, { session: inside.session, headers })).status).toBe(404);
  });

  test('loses that with a removal from the list of writers', async () => {
    const away = await server.login('st-away');
    const etag = await etagOf();
    expect((await readAgain(etag, { session: away })).status).toBe(304);
    await trpcClient(server.url, inside).vault.removeWriter.mutate({ vault_id: vaultId, client_id: 'ann' });
    expect((await readAgain(etag, { session: away })).status).toBe(403);
  });
});

describe('concurrent identical reads', () => {
  /** So many reads at the same moment, by clients that take turns. */
  const readAll = (session: string, clientIds: string[]) =>
    Promise.all(
      Array.from({ length: 24 }, (_, i) =>
        rest('GET', address('', clientIds[i % clientIds.length]), { session }),
      ),
    );

  test('all concurrent readers see the rows that were committed before their requests', async () => {
    for (let written = 2; written < 30; written++) {
      const [, ...reads] = await Promise.all([
        vaults.append(vaultId, `entry ${written}`).then(async () => {
          const after = await readAll(inside.session, ['ann', 'bob']);
          for (const { body } of after) expect(body).toHaveLength(written);
        }),
        ...Array.from({ length: 8 }, () => vaults.read(vaultId)),
      ]);
      for (const { status } of reads) expect(status).toBe(200);
    }
  });

  test('each reader is authorized separately', async () => {
    const away = await server.login('st-away');
    const answers = await readAll(away, ['ann', 'bob', 'eve']);
    expect(answers.map(({ status }) => status)).toEqual(
      Array.from({ length: 24 }, (_, i) => (i % 3 === 0 ? 200 : 403)),
    );
    const { rows } = await database.admin.query(
      `SELECT outcome, count(*)::int AS times FROM audit_log WHERE vault_id = $1 AND action = 'read' GROUP BY 1 ORDER BY 1`,
      [vaultId],
    );
    expect(rows).toEqual([
      { outcome: 'forbidden', times: 16 },
      { outcome: 'from_outside', times: 8 },
    ]);
  });
});
