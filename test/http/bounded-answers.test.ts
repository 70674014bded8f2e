import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { createVaultRelayClient } from '../../src/client/index.ts';
import { nextLink, RestVaults, trpcClient, trpcRefusal } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

const database = useDatabase();
/** The smallest that the settings allow. */
const MAX_ANSWER_BYTES = 65_536;
const server = useServer(database, { maxAnswerBytes: MAX_ANSWER_BYTES });

/** Each of its characters is six of JSON. */
const ESCAPED = '\u0001';
/** The longest that a row may be: a text of escaped characters, a name, tags. */
const LONGEST_ROW = 6 * 4096 + 2048;

let session: string;
let vaults: RestVaults;
beforeAll(async () => {
  session = await server.login('st-bounded');
  vaults = new RestVaults(server.url, { session, clientId: 'ann' });
});

async function makeVault(texts: readonly string[], summary = ''): Promise<string> {
  const { vault_id: vaultId } = (await vaults.create(summary)).body;
  for (const text of texts) await vaults.write(vaultId, { text });
  return vaultId;
}

interface Page {
  status: number;
  text: string;
  next: string | undefined;
}

async function getPage(path: string): Promise<Page> {
  const answer = await fetch(server.url + path, { headers: { authorization: `session ${session}` } });
  return { status: answer.status, text: await answer.text(), next: nextLink(answer.headers) ?? undefined };
}

/** Follows `Link` to the end. @returns the rows of all pages, and the bytes of the largest page */
async function joinPages(path: string) {
  const rows: unknown[] = [];
  let largest = 0;
  for (let next: string | undefined = path; next !== undefined; ) {
    const page = await getPage(next);
    expect(page.status).toBe(200);
    largest = Math.max(largest, Buffer.byteLength(page.text));
    rows.push(...(JSON.parse(page.text) as unknown[]));
    next = page.next;
  }
  return { rows, largest };
}

const entriesOf = async (vaultId: string) => {
  const { rows } = await database.admin.query(
    `SELECT seq::float8, entry_no, version, content FROM vault_entries
     WHERE vault_id = $1 AND kind = 'content' ORDER BY seq`,
    [vaultId],
  );
  return rows as { seq: number; entry_no: number; version: number; content: string }[];
};

const VIEWS = ['', '&history=true', '&since=1', '&since=1&history=true', '&kind=all', '&q=a', '&writer=ann'];

describe('unbounded answers: every kind of read', () => {
  test('no answer has more than MAX_ANSWER_BYTES and one row, and pages joined are the whole', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom('a', ESCAPED, '中'), fc.integer({ min: 1, max: 4096 })), {
          minLength: 1,
          maxLength: 24,
        }),
        fc.constantFrom(...VIEWS),
        fc.integer({ min: 1, max: 30 }),
        async (shapes, view, limit) => {
          const vaultId = await makeVault(shapes.map(([character, n]) => `a${character.repeat(n / 3)}`));
          const path = `/api/vault/${vaultId}?id=ann${view}`;
          const whole = await getPage(path);
          const { rows, largest } = await joinPages(`${path}&limit=${limit}`);
          expect(largest).toBeLessThanOrEqual(MAX_ANSWER_BYTES + LONGEST_ROW);
          const contents = rows.filter((row) => (row as { kind: string }).kind === 'content');
          expect(contents).toMatchObject(await entriesOf(vaultId));
          if (whole.status === 200) {
            expect(Buffer.byteLength(whole.text)).toBeLessThanOrEqual(MAX_ANSWER_BYTES + LONGEST_ROW);
            expect(JSON.parse(whole.text)).toEqual(rows);
          } else {
            expect(whole.status).toBe(422);
            expect(JSON.parse(whole.text)).toMatchObject({ code: 'ANSWER_TOO_LARGE' });
            expect(Buffer.byteLength(JSON.stringify(rows))).toBeGreaterThan(MAX_ANSWER_BYTES);
          }
        },
      ),
      { seed: 20_261_129, numRuns: 20, endOnFailure: true },
    );
  });

  const texts = Array.from({ length: 12 }, () => ESCAPED.repeat(4000));

  test.each(['', '&history=true', '&since=1', '&q=%01', '&writer=ann'])(
    'a read over the bound is refused and names limit: REST %s',
    async (view) => {
      const vaultId = await makeVault(texts);
      const { status, text } = await getPage(`/api/vault/${vaultId}?id=ann${view}`);
      expect(status).toBe(422);
      expect(JSON.parse(text)).toEqual({
        code: 'ANSWER_TOO_LARGE',
        error:
          'The answer would have more than 65536 bytes; request pages with the parameter limit, such as limit=1000.',
      });
    },
  );

  test.each(['read', 'readPage'] as const)('a read over the bound is refused: tRPC %s', async (name) => {
    const vaultId = await makeVault(texts);
    const { vault } = trpcClient(server.url, { session, clientId: 'ann' });
    expect(await trpcRefusal(vault[name].query({ vault_id: vaultId }))).toMatchObject({
      code: 'UNPROCESSABLE_CONTENT',
    });
  });

  test('pages on tRPC are cut by bytes, and next_cursor leads on', async () => {
    const vaultId = await makeVault(texts);
    const { vault } = trpcClient(server.url, { session, clientId: 'ann' });
    const seen: number[] = [];
    for (let cursor: string | undefined, pages = 0; pages < 20; pages++) {
      const page = await vault.readPage.query({ vault_id: vaultId, limit: 1000, cursor });
      expect(Buffer.byteLength(JSON.stringify(page.entries))).toBeLessThanOrEqual(
        MAX_ANSWER_BYTES + LONGEST_ROW,
      );
      seen.push(...page.entries.map(({ entry_no }) => entry_no));
      if (page.next_cursor === null) break;
      cursor = page.next_cursor;
    }
    expect(seen).toEqual(texts.map((_, i) => i + 1));
  });

  test('a subscription delivers every row of a vault that exceeds one answer', async () => {
    const vaultId = await makeVault(texts);
    const { vault } = createVaultRelayClient({ url: server.url, session, clientId: 'ann' });
    const seen: number[] = [];
    await new Promise<void>((resolve, reject) => {
      const watching = vault.watch.subscribe(
        { vault_id: vaultId },
        {
          onData: ({ data }) => {
            seen.push(data.entry_no);
            if (seen.length < texts.length) return;
            watching.unsubscribe();
            resolve();
          },
          onError: reject,
        },
      );
    });
    expect(seen).toEqual(texts.map((_, i) => i + 1));
  });

  test('proofs are cut by bytes, and the last seq leads on', async () => {
    const vaultId = await makeVault(Array.from({ length: 300 }, () => 'x'));
    const { vault } = trpcClient(server.url, { session, clientId: 'ann' });
    const seqs: number[] = [];
    for (let since = 0, head = 1; since < head; ) {
      const proof = await vault.proof.query({ vault_id: vaultId, since, limit: 1000 });
      expect(Buffer.byteLength(JSON.stringify(proof.rows))).toBeLessThanOrEqual(MAX_ANSWER_BYTES + 1024);
      seqs.push(...proof.rows.map(({ seq }) => seq));
      since = proof.rows.at(-1)?.seq ?? head;
      head = proof.head.seq;
    }
    const { rows } = await database.admin.query(
      'SELECT seq::float8 FROM vault_entries WHERE vault_id = $1 ORDER BY seq',
      [vaultId],
    );
    expect(seqs).toEqual(rows.map(({ seq }) => seq));
  });
});

describe.each(['', '&details=true'])('unbounded answers: the list of vaults%s', (details) => {
  test('is refused whole and leads on in pages', async () => {
    const lister = await server.login(`st-list${details}`);
    const owner = new RestVaults(server.url, { session: lister, clientId: 'lister' });
    const ids: string[] = [];
    for (let n = 0; n < 12; n++) ids.push((await owner.create(ESCAPED.repeat(2000))).body.vault_id);
    const whole = await owner.list(details);
    expect(whole.status).toBe(422);
    const listed: string[] = [];
    for (let next: string | undefined = `/api/vault?id=lister&limit=1000${details}`; next !== undefined; ) {
      const answer = await fetch(server.url + next, { headers: { authorization: `session ${lister}` } });
      const text = await answer.text();
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_ANSWER_BYTES + 13_000);
      listed.push(...(JSON.parse(text) as { vault_id: string }[]).map(({ vault_id }) => vault_id));
      next = nextLink(answer.headers) ?? undefined;
    }
    expect(listed).toEqual(ids);
  });
});

describe('no back-pressure', () => {
  const streaming = useServer(database);
  const small = useServer(database, { maxBytesInFlight: 1_048_576 });
  /** About 12 MB, far more than sockets hold. */
  const ENTRIES = 200;

  let owner: RestVaults;
  let path: string;
  let vaultId: string;
  let headers: { authorization: string };
  beforeAll(async () => {
    const who = { session: await streaming.login('st-stream'), clientId: 'ann' };
    headers = { authorization: `session ${who.session}` };
    owner = new RestVaults(streaming.url, who);
    ({ vault_id: vaultId } = (await owner.create('streamed')).body);
    path = `/api/vault/${vaultId}?id=ann`;
    for (let n = 1; n <= ENTRIES; n++) await owner.write(vaultId, { text: `${n} ${'x'.repeat(60_000)}` });
  });

  test('a large read is consistent as of its first rows, with writes during the stream', async () => {
    const request = get(streaming.url + path, { headers });
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    const head = Number(answer.headers['x-vault-head']);
    await owner.write(vaultId, { text: `${ENTRIES} later`, entry_id: ENTRIES });
    await owner.write(vaultId, { text: 'an entry more' });
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    const entries = JSON.parse(Buffer.concat(chunks).toString()) as { seq: number; content: string }[];
    expect(entries.map(({ content }) => Number(content.split(' ')[0]))).toEqual(
      Array.from({ length: ENTRIES }, (_, i) => i + 1),
    );
    expect(entries.map(({ content }) => content)).not.toContain(`${ENTRIES} later`);
    expect(Math.max(...entries.map(({ seq }) => seq))).toBe(head);
  });

  test('a large HEAD has the headers and fetches no rows', async () => {
    const answer = await fetch(streaming.url + path, { method: 'HEAD', headers });
    expect(answer.status).toBe(200);
    expect(Number(answer.headers.get('x-vault-head'))).toBeGreaterThan(0);
    expect(await answer.text()).toBe('');
  });

  test('bytes in flight are bounded: a reader that takes nothing blocks the next one, and is disconnected after ten seconds', async () => {
    const address = small.url + path;
    const request = get(address, { headers, agent: false });
    const [stalled] = (await once(request, 'response')) as [IncomingMessage];
    // Nothing of the body is read: its sockets fill up, and the rest waits in the server.
    const refused = await fetch(address, { headers });
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(((await refused.json()) as { error: string }).error).toContain(
      'Too many bytes are in flight to your work session',
    );
    // A small answer needs none of it.
    expect((await fetch(`${small.url}/api/vault?id=ann`, { headers })).status).toBe(200);
    // The stalled connection is cut, and gives back what it held.
    const ask = async () => {
      const answer = await fetch(address, { headers });
      await answer.text();
      return answer.status;
    };
    await expect.poll(ask, { timeout: 30_000, interval: 1000 }).toBe(200);
    await expect(stalled.toArray()).rejects.toThrow('aborted');
  }, 60_000);
});
