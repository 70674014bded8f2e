import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import type { VaultEntry } from '../../src/vault/schema.ts';
import { RestVaults, trpcClient } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { checkedFetch } from '../support/document.ts';
import { sendRaw } from '../support/raw-http.ts';
import { useServer } from '../support/server.ts';
import { JSON_BODY } from '../support/surfaces.ts';

const database = useDatabase();
const server = useServer(database);

let session: string;
beforeAll(async () => {
  session = await server.login('st-1');
});

const texts: [what: string, text: string][] = [
  ['nothing', ''],
  ['a blank', ' '],
  ['CJK', '决定：令牌放在 Cookie 里。改訂版、다시 씀'],
  ['an emoji of several code points', '👩🏽‍💻👨‍👩‍👧‍👦🏴󠁧󠁢󠁳󠁣󠁴󠁿🇺🇳'],
  ['characters beyond the BMP', '𠜎𝄞🦀\u{10ffff}'],
  ['right to left', 'החלטה: עוגייה — القرار: كعكة'],
  ['bidi controls', 'a\u202eb\u202c\u2066c\u2069\u200f\u061cd'],
  ['CRLF', 'first\r\nsecond\r\n'],
  ['CR, LF, VT, FF, NEL', 'a\rb\nc\vd\fe\u0085f'],
  ['line and paragraph separators', 'a\u2028b\u2029c'],
  ['leading and trailing blanks', ' \t\n\u00a0\u3000a \t\n\u3000'],
  ['a BOM first, inside and last', '\ufeffa\ufeffb\ufeff'],
  ['zero-width characters', 'a\u200bb\u200cc\u200dd\u2060e'],
  ['combining marks apart', 'cafe\u0301 A\u030a e\u0323\u0302'],
  ['the same composed', 'caf\u00e9 \u00c5 \u1ec7'],
  ['compatibility forms', 'ﬁ ① ｱ Å'],
  ['control characters', '\u0001\u0007\b\u001b[31m\u007f\u0080\u009f'],
  ['noncharacters', '\ufffe\uffff\ufdd0'],
  ['the replacement character itself', 'a\ufffdb'],
  ['private use', '\ue000\u{f0000}'],
  ['quotes and backslashes', `"'\\\\n \\u0041 \`$\{a}\` \\0`],
  ['SQL', `'; DROP TABLE vaults; -- $1 %s \\x41`],
  ['HTML', '<script>alert(1)</script>&amp;&lt;'],
  ['JSON', '{"text":"a","entry_id":1}'],
  ['percent signs and pluses', '100%25 a+b %00'],
  ['words that mean something elsewhere', 'null'],
];

/** What PostgreSQL itself has, past every layer of ours. */
async function stored(vaultId: string): Promise<Buffer[]> {
  const { rows } = await database.admin.query(
    `SELECT convert_to(content, 'UTF8') AS bytes FROM vault_entries WHERE vault_id = $1 AND kind = 'content' ORDER BY seq`,
    [vaultId],
  );
  return rows.map(({ bytes }) => bytes);
}

const contents = (entries: VaultEntry[]) => entries.map(({ content }) => content);

describe('a text is returned byte for byte', () => {
  test.each(texts)('%s', async (_, text) => {
    const rest = new RestVaults(server.url, { session, clientId: 'atem-a' });
    const trpc = trpcClient(server.url, { session, clientId: 'atem-a' });
    const vaultId = (await rest.create(text)).body.vault_id;
    expect((await rest.append(vaultId, text)).status).toBe(200);
    await trpc.vault.append.mutate({ vault_id: vaultId, text });
    expect((await rest.override(vaultId, 1, `${text}!`)).status).toBe(200);
    await trpc.vault.override.mutate({ vault_id: vaultId, entry_id: 2, text: `!${text}` });

    const all = [text, text, `${text}!`, `!${text}`];
    expect(await stored(vaultId)).toEqual(all.map((each) => Buffer.from(each)));
    expect(contents((await rest.read(vaultId, '&history=true')).body)).toEqual(all);
    expect(contents(await trpc.vault.read.query({ vault_id: vaultId, history: true }))).toEqual(all);
    expect(contents((await rest.read(vaultId)).body)).toEqual(all.slice(2));

    const summary = async () => {
      const { rows } = await database.admin.query('SELECT summary FROM vaults WHERE vault_id = $1', [
        vaultId,
      ]);
      return rows[0].summary;
    };
    expect(await summary()).toBe(text);
    expect((await rest.setSummary(vaultId, `${text}1`)).status).toBe(200);
    expect(await summary()).toBe(`${text}1`);
    await trpc.vault.setSummary.mutate({ vault_id: vaultId, text });
    expect((await rest.list()).body).toContainEqual({ vault_id: vaultId, summary: text });
    expect(await trpc.vault.list.query()).toContainEqual({ vault_id: vaultId, summary: text });
  });

  test('with any characters', async () => {
    const rest = new RestVaults(server.url, { session, clientId: 'atem-a' });
    const trpc = trpcClient(server.url, { session, clientId: 'atem-a' });
    const storable = fc
      .string({ unit: 'binary', maxLength: 200 })
      .map((text) => text.replaceAll('\0', '\u0001'));
    await fc.assert(
      fc.asyncProperty(storable, storable, async (one, other) => {
        const vaultId = (await rest.create('')).body.vault_id;
        await rest.append(vaultId, one);
        await trpc.vault.append.mutate({ vault_id: vaultId, text: other });
        expect(await stored(vaultId)).toEqual([Buffer.from(one), Buffer.from(other)]);
        expect(contents((await rest.read(vaultId)).body)).toEqual([one, other]);
        expect(contents(await trpc.vault.read.query({ vault_id: vaultId }))).toEqual([one, other]);
      }),
      { numRuns: 40 },
    );
  });
});

describe('different JSON spellings are one text', () => {
  test.each<[what: string, spelling: string, before?: string]>([
    ['plain', '团é🦀/'],
    ['as escapes', '\\u56e2\\u00e9\\ud83e\\udd80\\/'],
    ['as escapes in capitals', '\\u56E2\\u00E9\\uD83E\\uDD80\\u002F'],
    ['after a BOM that belongs to the body', '团é🦀/', '\ufeff'],
    ['half and half', '团\\u00e9🦀\\u002f'],
  ])('%s', async (_, spelling, before = '') => {
    const rest = new RestVaults(server.url, { session, clientId: 'atem-a' });
    const vaultId = (await rest.create('')).body.vault_id;
    for (const [path, body] of [
      [`/api/vault/${vaultId}?id=a`, `${before}{"text":"${spelling}"}`],
      ['/trpc/vault.append?id=a', `${before}{"vault_id":"${vaultId}","text":"${spelling}"}`],
    ] as const) {
      const headers = { ...JSON_BODY, authorization: `session ${session}` };
      expect((await sendRaw(server.url, { method: 'POST', path, headers, body })).status).toBe(200);
    }
    expect(await stored(vaultId)).toEqual([Buffer.from('团é🦀/'), Buffer.from('团é🦀/')]);
  });

  test('also when its characters arrive in pieces', async () => {
    const rest = new RestVaults(server.url, { session, clientId: 'atem-a' });
    const vaultId = (await rest.create('')).body.vault_id;
    const text = '团🦀é'.repeat(3);
    const body = Buffer.from(JSON.stringify({ text }));
    const pieces = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of body) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const answer = await checkedFetch(`${server.url}/api/vault/${vaultId}?id=a`, {
      method: 'POST',
      headers: { ...JSON_BODY, authorization: `session ${session}` },
      body: pieces,
      duplex: 'half',
    } as RequestInit);
    expect(answer.status).toBe(200);
    expect(await stored(vaultId)).toEqual([Buffer.from(text)]);
  });
});

describe('a client id is stored as it is sent', () => {
  test.each([
    ['a blank and a slash', 'a b/c'],
    ['CJK', '团队-mac'],
    ['emoji', '👩🏽‍💻'],
    ['what a query is made of', 'a&b=c?d#e+f%20g'],
    ['quotes and braces, as an array of PostgreSQL has them', `{"a,b\\"',NULL}`],
    ['the word NULL', 'NULL'],
    ['combining marks', 'cafe\u0301'],
    ['blanks around', ' a '],
    ['a line end', 'a\r\nb'],
    ['right to left', 'עמדה\u200f'],
  ])('%s', async (_, clientId) => {
    const rest = new RestVaults(server.url, { session, clientId });
    const trpc = trpcClient(server.url, { session, clientId });
    const vaultId = (await rest.create('')).body.vault_id;
    await rest.append(vaultId, 'a');
    await trpc.vault.append.mutate({ vault_id: vaultId, text: 'b' });
    const entries = (await rest.read(vaultId)).body;
    expect(entries.map(({ writer_id }) => writer_id)).toEqual([clientId, clientId]);
    const { rows } = await database.admin.query(
      'SELECT created_by, writer_list FROM vaults WHERE vault_id = $1',
      [vaultId],
    );
    expect(rows).toEqual([{ created_by: clientId, writer_list: [clientId] }]);

    // A past writer is known again by exactly this id, and by no other that looks like it.
    const moved = await server.login('st-2');
    const again = new RestVaults(server.url, { session: moved, clientId });
    expect((await again.read(vaultId)).status).toBe(200);
    const alike = new RestVaults(server.url, { session: moved, clientId: `${clientId} ` });
    expect((await alike.read(vaultId)).status).toBe(403);
  });

  test('and differs when its characters are composed differently', async () => {
    const apart = new RestVaults(server.url, { session, clientId: 'cafe\u0301' });
    const vaultId = (await apart.create('')).body.vault_id;
    await apart.append(vaultId, 'a');
    const moved = await server.login('st-2');
    for (const [clientId, status] of [
      ['cafe\u0301', 200],
      ['caf\u00e9', 403],
      ['CAFE\u0301', 403],
    ] as const) {
      const reader = new RestVaults(server.url, { session: moved, clientId });
      expect((await reader.read(vaultId)).status).toBe(status);
    }
  });

  test('a + in the query is a blank, as forms spell it', async () => {
    const created = await sendRaw(server.url, {
      method: 'POST',
      path: '/api/vault?id=a+b%2Bc',
      headers: { ...JSON_BODY, authorization: `session ${session}` },
      body: '{}',
    });
    const { rows } = await database.admin.query('SELECT created_by FROM vaults WHERE vault_id = $1', [
      JSON.parse(created.text).vault_id,
    ]);
    expect(rows).toEqual([{ created_by: 'a b+c' }]);
  });
});
