import { randomUUID } from 'node:crypto';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { describe, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { makeLogKeeper } from '../support/log-lines.ts';
import {
  callTool,
  connect,
  demandTool,
  makeClient,
  modernCall,
  post,
  rawCall,
  readResult,
} from '../support/mcp.ts';
import { sendRaw } from '../support/raw-http.ts';
import { useRelayServer } from '../support/relay-server.ts';
import { useServer } from '../support/server.ts';

const database = useDatabase();
const kept = makeLogKeeper();
const server = useServer(database, {}, kept.log);
const LIMIT = 5;
const limited = useServer(database, { rateLimitPerMinute: LIMIT });
const TOKEN = 'a-token-for-prometheus';
const measured = useRelayServer(database, { config: { metricsToken: TOKEN } });

const accessTo = async (url = server.url) => ({
  url,
  secret: await server.login('st-1'),
  clientId: randomUUID(),
});

const errorOf = async (answer: Response) =>
  ((await answer.json()) as { error: { code: number; message: string; data?: { code: string } } }).error;

describe('who may call', () => {
  test.each([
    ['no credential', undefined],
    ['an unknown session', `Bearer ${randomUUID()}`],
    ['a malformed key', 'Bearer vr_abc'],
  ])('%s: 401 with a challenge, in the form of the protocol', async (_, authorization) => {
    const answer = await fetch(`${server.url}/mcp?id=a`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
      body: JSON.stringify(rawCall('vault_list', {})),
    });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect(await errorOf(answer)).toMatchObject({ code: -32_000, data: { code: 'UNAUTHORIZED' } });
  });

  test('an official client reports that it is not authorized', async () => {
    const client = makeClient('v1, initialize');
    const transport = new StreamableHTTPClientTransport(new URL(`${server.url}/mcp?id=a`));
    await expect(client.connect(transport)).rejects.toThrow(/401|Unauthorized/i);
  });

  test('a client id is needed with a session, and pinned with a key', async () => {
    const { secret, url } = await accessTo();
    const nameless = await post({ url, secret }, rawCall('vault_list', {}));
    expect(nameless.status).toBe(400);
    const { key } = await server.makeKey('st-1', { clientId: 'ci', scopes: ['read', 'write', 'create'] });
    const client = await connect({ url, secret: key });
    const { vault_id } = await demandTool<{ vault_id: string }>(client, 'vault_create');
    await demandTool(client, 'vault_write', { vault_id, text: 'by a key' });
    const { structured } = await callTool(client, 'vault_read', { vault_id });
    expect(structured).toMatchObject({ entries: [{ writer_id: 'ci' }] });
    const other = await post({ url, secret: key, clientId: 'else' }, rawCall('vault_list', {}));
    expect(other.status).toBe(403);
  });

  test('a key without the scope, or for other vaults, gets a result that names what it lacks, and is audited', async () => {
    const { key } = await server.makeKey('st-1', { clientId: 'reader', scopes: ['read'] });
    const client = await connect({ url: server.url, secret: key });
    const owner = await connect(await accessTo());
    const { vault_id } = await demandTool<{ vault_id: string }>(owner, 'vault_create');
    expect((await callTool(client, 'vault_read', { vault_id })).isError).toBe(false);
    const write = await callTool(client, 'vault_write', { vault_id, text: 'a' });
    expect(write.error?.code).toBe('FORBIDDEN');
    expect(write.text).toContain('needs the scope write');
    expect((await callTool(client, 'vault_create')).text).toContain('needs the scope create');
    const { rows } = await database.admin.query(
      "SELECT action, outcome FROM audit_log WHERE client_id = 'reader' ORDER BY action",
    );
    expect(rows).toEqual([
      { action: 'create', outcome: 'missing_scope' },
      { action: 'write', outcome: 'missing_scope' },
    ]);
    const limits = { clientId: 'some', vaults: [vault_id] };
    const some = await connect({ url: server.url, secret: (await server.makeKey('st-1', limits)).key });
    const other = (await demandTool<{ vault_id: string }>(owner, 'vault_create')).vault_id;
    expect((await callTool(some, 'vault_read', { vault_id: other })).text).toContain('not for vault');
    const { vaults } = await demandTool<{ vaults: object[] }>(some, 'vault_list');
    expect(vaults).toHaveLength(1);
  });

  test('an unknown operator token is refused', async () => {
    const operated = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
    const headers = { ...operated, authorization: 'dashboard wrong' };
    const answer = await fetch(`${server.url}/mcp`, { method: 'POST', headers, body: '{}' });
    expect(answer.status).toBe(401);
  });

  test.each([
    '/.well-known/oauth-protected-resource',
    '/.well-known/oauth-protected-resource/mcp',
    '/.well-known/oauth-authorization-server',
    '/.well-known/openid-configuration',
  ])('%s does not exist, because some clients then stop sending the key', async (path) => {
    expect((await fetch(server.url + path)).status).toBe(404);
  });
});

describe('what is accepted', () => {
  test.each(['GET', 'DELETE', 'PUT'])('%s gets 405 with the method that is allowed', async (method) => {
    const { secret } = await accessTo();
    const headers = { authorization: `Bearer ${secret}`, accept: 'text/event-stream' };
    const answer = await fetch(`${server.url}/mcp?id=a`, { method, headers });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
  });

  test.each([
    ['no JSON', 'text', 400],
    ['nothing', '', 400],
    ['too deep', `{"a":${'['.repeat(20)}${']'.repeat(20)}}`, 400],
    ['no message', '{}', 400],
    ['too many messages', JSON.stringify(Array(21).fill(rawCall('vault_list', {}))), 400],
    ['too many bytes', JSON.stringify(rawCall('vault_write', { text: 'a'.repeat(500_000) })), 413],
  ])('a body with %s is refused in the form of the protocol', async (_, body, status) => {
    const answer = await post(await accessTo(), body);
    expect(answer.status).toBe(status);
    expect((await errorOf(answer)).message).toMatch(/./);
  });

  test('another content type gets 415, an encoding too', async () => {
    const access = await accessTo();
    const body = rawCall('vault_list', {});
    expect((await post(access, body, { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await post(access, body, { 'content-encoding': 'gzip' })).status).toBe(415);
  });

  test('a foreign host and a foreign origin are refused', async () => {
    const { secret } = await accessTo();
    const send = (headers: Record<string, string>) =>
      sendRaw(server.url, {
        method: 'POST',
        path: '/mcp?id=a',
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json', ...headers },
        body: JSON.stringify(rawCall('vault_list', {})),
      });
    expect((await send({ host: 'evil.example' })).status).toBe(421);
    expect((await send({ origin: 'http://evil.example' })).status).toBe(403);
  });

  test('a tool answers the same to a header that repeats its name and to one that encodes it', async () => {
    const access = await accessTo();
    const { body, headers } = modernCall('vault_list', { q: access.clientId });
    const plain = await post(access, body, headers);
    const encoded = `=?base64?${Buffer.from('vault_list').toString('base64')}?=`;
    const other = await post(access, body, { ...headers, 'mcp-name': encoded });
    expect([plain.status, other.status]).toEqual([200, 200]);
    expect(plain.headers.get('content-type')).toBe(other.headers.get('content-type'));
    expect(await plain.json()).toEqual(await other.json());
  });

  test.each([
    ['mcp-protocol-version', undefined],
    ['mcp-method', undefined],
    ['mcp-method', 'tools/list'],
    ['mcp-name', undefined],
    ['mcp-name', 'vault_list'],
  ])(
    'a call whose header %s is %s writes nothing and gets the error of the protocol',
    async (name, value) => {
      const access = await accessTo();
      const { body, headers } = modernCall('vault_create', { summary: access.clientId });
      const { [name]: _, ...others } = headers;
      const answer = await post(access, body, value === undefined ? others : { ...others, [name]: value });
      expect(answer.status).toBe(400);
      expect((await errorOf(answer)).code).toBe(-32_020);
      const list = await post(access, rawCall('vault_list', { writer: access.clientId }));
      expect(((await list.json()) as { result: object }).result).toMatchObject({
        structuredContent: { vaults: [] },
      });
    },
  );

  test('a batch of the first era is answered as a whole', async () => {
    const calls = [rawCall('vault_list', {}), rawCall('vault_read', { vault_id: 'v-none' })];
    const answer = await post(await accessTo(), calls);
    expect(answer.status).toBe(200);
    const results = (await answer.json()) as { id: number; result: object }[];
    expect(results.map(({ id }) => id)).toEqual(calls.map(({ id }) => id));
    expect(results.map(({ result }) => readResult(result).isError)).toEqual([false, true]);
  });
});

describe('what is counted, logged and measured', () => {
  test('each call counts once against the budget of its credential, also in a batch', async () => {
    const access = { ...(await accessTo(limited.url)), secret: await limited.login('st-1') };
    const one = await post(access, rawCall('vault_list', {}));
    expect(one.headers.get('ratelimit-remaining')).toBe(String(LIMIT - 1));
    const batch = await post(access, [rawCall('vault_list', {}), rawCall('vault_list', {})]);
    expect(batch.headers.get('ratelimit-remaining')).toBe(String(LIMIT - 3));
    const beyond = await post(access, Array(3).fill(rawCall('vault_list', {})));
    expect(beyond.status).toBe(429);
    expect(Number(beyond.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await errorOf(beyond)).data?.code).toBe('TOO_MANY_REQUESTS');
  });

  test('a request is logged by the name of its operation, without what it carries', async () => {
    const access = await accessTo();
    kept.lines.length = 0;
    await post(access, rawCall('vault_write', { vault_id: 'v-secret1', text: 'secret text' }));
    await post(access, { jsonrpc: '2.0', id: 1, method: 'tools/list' });
    await post(access, { jsonrpc: '2.0', id: 1, method: 'secret/method' });
    const requests = () => kept.parsed().filter(({ msg }) => msg === 'Request');
    await expect.poll(() => requests().length).toBe(3);
    expect(requests().map(({ operation }) => operation)).toEqual([
      'vault.write',
      'mcp.tools/list',
      undefined,
    ]);
    expect(requests()[0]).toMatchObject({ method: 'POST', url: '/mcp?id=[redacted]', status: 200 });
    expect(kept.lines.join('')).not.toMatch(/secret|Bearer/);
  });

  test('a refusal of a known caller is in the audit log, by the action of its operation', async () => {
    const access = await accessTo();
    await post(access, rawCall('vault_write', { vault_id: 'v', text: 1 }));
    await post(access, rawCall('vault_read', { vault_id: 'v-none' }));
    const { rows } = await database.admin.query(
      'SELECT action, outcome FROM audit_log WHERE client_id = $1 ORDER BY id',
      [access.clientId],
    );
    expect(rows).toEqual([
      { action: 'write', outcome: 'bad_request' },
      { action: 'read', outcome: 'no_vault' },
    ]);
  });

  test('calls are measured by operation, refusals by cause, and waits apart', async () => {
    const access = { ...(await accessTo()), url: measured.url };
    const made = await post(access, rawCall('vault_create', {}));
    const { result } = (await made.json()) as { result: { structuredContent: { vault_id: string } } };
    const { vault_id } = result.structuredContent;
    await post(access, rawCall('vault_wait', { vault_id, since: 1, wait: 1 }));
    await post(access, rawCall('vault_read', { vault_id: 'v-none' }));
    const scrape = async () =>
      (await fetch(`${measured.url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } })).text();
    await expect.poll(scrape).toMatch(/route="\/mcp",operation="vault\.create"/);
    const text = await scrape();
    expect(text).toMatch(/route="\/mcp \(wait\)",operation="vault\.readPage"/);
    expect(text).toMatch(/route="\/mcp",operation="vault\.readPage"/);
    expect(text).toMatch(/NOT_FOUND/);
  });
});

test('one credential of /mcp works on REST and the other way round, and its end ends both', async () => {
  const access = await accessTo();
  const client = await connect(access);
  const { vault_id } = await demandTool<{ vault_id: string }>(client, 'vault_create');
  const rest = () =>
    fetch(`${server.url}/api/vault/${vault_id}?id=${access.clientId}`, {
      headers: { authorization: `Bearer ${access.secret}` },
    });
  expect((await rest()).status).toBe(200);
  await server.sessions.revoke(access.secret);
  await expect.poll(async () => (await rest()).status).toBe(401);
  await expect(callTool(client, 'vault_list')).rejects.toThrow(/401|Unauthorized|unknown, expired/i);
});
