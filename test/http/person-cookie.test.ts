import { beforeAll, describe, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { makeLogKeeper } from '../support/log-lines.ts';
import { callAsPage, signIn } from '../support/person.ts';
import { useServer } from '../support/server.ts';

const FRIEND = 'https://friend.example';
const database = useDatabase();
const log = makeLogKeeper();
const server = useServer(database, { corsOrigin: [FRIEND] }, log.log);

let cookie: string;
let vaultId: string;
beforeAll(async () => {
  ({ cookie } = await signIn(server, { workSessionId: 'st-cookie', name: 'Maria' }));
  const made = await callAsPage(server.url, ['POST', 'vault.create', { summary: 's' }], { cookie });
  vaultId = (made.data as { vault_id: string }).vault_id;
});

const PAGE = { 'x-vault-relay-client': 'dashboard' };
const own = () => new URL(server.url).origin;
const otherPort = () => `http://127.0.0.1:${Number(new URL(server.url).port) + 1}`;

/** Requests that another page may cause, by what they lack. */
const FORGED: [what: string, headers: () => Record<string, string>][] = [
  ['without the header', () => ({ origin: own() })],
  ['with another client in the header', () => ({ origin: own(), 'x-vault-relay-client': 'cli' })],
  ['from a foreign origin', () => ({ ...PAGE, origin: 'https://evil.example' })],
  ['from an origin that CORS allows', () => ({ ...PAGE, origin: FRIEND })],
  ['from an origin of the same name and another port', () => ({ ...PAGE, origin: otherPort() })],
  ['from another loopback name', () => ({ ...PAGE, origin: own().replace('127.0.0.1', 'localhost') })],
  ['from an opaque origin', () => ({ ...PAGE, origin: 'null' })],
  ['without origin, from the same site', () => ({ ...PAGE, 'sec-fetch-site': 'same-site' })],
  ['without origin, from another site', () => ({ ...PAGE, 'sec-fetch-site': 'cross-site' })],
  ['without origin, by a navigation', () => ({ ...PAGE, 'sec-fetch-site': 'none' })],
  ['of two minds about its origin', () => ({ ...PAGE, origin: own(), 'sec-fetch-site': 'cross-site' })],
];

const CALLS: [what: string, call: () => ['GET' | 'POST', string, unknown?]][] = [
  ['a query', () => ['GET', 'vault.read', { vault_id: vaultId }]],
  ['a mutation', () => ['POST', 'vault.append', { vault_id: vaultId, text: 'forged' }]],
  ['a stream', () => ['GET', 'vault.watch', { vault_id: vaultId }]],
  ['a call for anybody at the page', () => ['GET', 'person.me']],
  ['a sign-in', () => ['POST', 'person.signIn', { code: 'x' }]],
];

describe.each(FORGED)('a request %s', (_, headers) => {
  test.each(CALLS)('is refused with 403, and gets no cookie: %s', async (_what, call) => {
    const answer = await callAsPage(server.url, call(), { cookie, headers: headers() });
    expect(answer).toMatchObject({ status: 403, setCookie: undefined });
  });
});

test('nothing was written by a forged request', async () => {
  const { rows } = await database.admin.query(
    "SELECT count(*)::int FROM vault_entries WHERE content = 'forged'",
  );
  expect(rows).toEqual([{ count: 0 }]);
});

test.each([
  ['with its origin', () => ({ ...PAGE, origin: own(), 'sec-fetch-site': 'same-origin' })],
  ['with its origin, from an old browser', () => ({ ...PAGE, origin: own() })],
  ['without an origin', () => ({ ...PAGE, 'sec-fetch-site': 'same-origin' })],
  ['without either, from an old browser', () => PAGE],
])('a request of the dashboard is accepted: %s', async (_, headers) => {
  const call = ['GET', 'vault.read', { vault_id: vaultId }] as const;
  expect(await callAsPage(server.url, [...call], { cookie, headers: headers() })).toMatchObject({
    status: 200,
  });
});

test.each(['person.me', 'vault.create', 'vault.read'])(
  'a sign-in in a streamed batch is refused, because its cookie would be lost: %s first',
  async (first) => {
    const code = await server.people.invite({});
    const answer = await fetch(`${server.url}/trpc/${first},person.signIn?batch=1`, {
      method: 'POST',
      headers: { ...PAGE, 'content-type': 'application/json', 'trpc-accept': 'application/jsonl' },
      body: JSON.stringify({ 0: {}, 1: { code } }),
    });
    expect(answer.headers.getSetCookie()).toEqual([]);
    await answer.text();
    // The code still works.
    expect(await callAsPage(server.url, ['POST', 'person.signIn', { code }])).toMatchObject({ status: 200 });
  },
);

/** Everything of an answer that does not differ between two requests. */
async function shown(path: string, init: RequestInit): Promise<unknown> {
  const answer = await fetch(`${server.url}${path}`, init);
  const headers = Object.fromEntries(answer.headers);
  for (const name of ['date', 'x-request-id', 'keep-alive']) delete headers[name];
  return { status: answer.status, headers, body: await answer.text() };
}

test.each<[method: string, path: () => string]>([
  ['GET', () => `/api/vault/${vaultId}?id=Maria`],
  ['POST', () => `/api/vault/${vaultId}?id=Maria`],
  ['GET', () => '/api/vault?id=Maria'],
  ['GET', () => '/ws?role=atem'],
  ['GET', () => '/ws?role=atem&session='],
  ['POST', () => '/mcp'],
  ['GET', () => '/mcp'],
  ['GET', () => '/health'],
  ['GET', () => '/'],
])('a cookie changes nothing outside /trpc: %s %s', async (method, path) => {
  const init = {
    method,
    headers: { ...PAGE, origin: own(), ...(method === 'POST' && { 'content-type': 'application/json' }) },
    ...(method === 'POST' && { body: '{"text":"x"}' }),
  };
  const without = await shown(path(), init);
  expect(await shown(path(), { ...init, headers: { ...init.headers, cookie } })).toEqual(without);
});

const secretOf = (text: string) => text.replace(/^[^=]*=/, '');

test.each(['session', 'Bearer', 'dashboard'])(
  'the secret of a cookie is not accepted in a header: %s',
  async (scheme) => {
    const headers = { authorization: `${scheme} ${secretOf(cookie)}` };
    const rest = await fetch(`${server.url}/api/vault/${vaultId}?id=Maria`, { headers });
    expect(rest.status).toBe(401);
    const call = ['GET', 'vault.read', { vault_id: vaultId }] as const;
    expect(await callAsPage(server.url, [...call], { headers })).toMatchObject({ status: 401 });
  },
);

test('the secret of a cookie is not accepted as the session of a socket', async () => {
  const address = `/ws?role=atem&session=${secretOf(cookie)}`;
  expect(await shown(address, {})).toMatchObject({ status: 401 });
});

test('a session id is not accepted in the cookie', async () => {
  const session = await server.login('st-cookie');
  const call = ['GET', 'vault.read', { vault_id: vaultId }] as const;
  const answer = await callAsPage(server.url, [...call], { cookie: `vault_relay=${session}` });
  expect(answer).toMatchObject({ status: 401 });
});

test('an Authorization header wins over the cookie', async () => {
  const session = await server.login('st-other');
  const headers = { ...PAGE, authorization: `session ${session}` };
  const whoami = await callAsPage(server.url, ['GET', 'session.whoami'], {
    cookie,
    headers,
    query: { id: 'a' },
  });
  expect(whoami.data).toEqual({ work_session_id: 'st-other', client_id: 'a' });
  expect(await callAsPage(server.url, ['GET', 'person.me'], { cookie, headers })).toMatchObject({
    data: null,
  });
  const wrong = { ...PAGE, authorization: 'session unknown' };
  expect(await callAsPage(server.url, ['GET', 'session.whoami'], { cookie, headers: wrong })).toMatchObject({
    status: 401,
  });
});

test('a cookie that is given twice counts as none, because another page of this host may have set one', async () => {
  const twice = `${cookie}; vault_relay=${secretOf(cookie)}`;
  expect(await callAsPage(server.url, ['GET', 'person.me'], { cookie: twice })).toMatchObject({ data: null });
  const among = `theme=dark; ${cookie}; other_vault_relay=1`;
  expect(await callAsPage(server.url, ['GET', 'person.me'], { cookie: among })).toMatchObject({
    data: { name: 'Maria' },
  });
});

test('the cookie and the code appear in no line of the log, at any level', async () => {
  const code = await server.people.invite({});
  const signedIn = await callAsPage(server.url, ['POST', 'person.signIn', { code }]);
  const secret = secretOf(signedIn.setCookie?.split(';')[0] ?? '');
  await callAsPage(server.url, ['GET', 'person.me'], { cookie: `vault_relay=${secret}` });
  await callAsPage(server.url, ['GET', 'vault.read', { vault_id: 'v-none' }], {
    cookie: `vault_relay=${secret}`,
  });
  await fetch(`${server.url}/api/vault?id=a`, { headers: { cookie: `vault_relay=${secret}` } });
  const text = log.lines.join('\n');
  expect(text).toContain('person.signIn');
  expect(secret).toMatch(/^vrp_/);
  for (const hidden of [secret, secretOf(cookie), code]) expect(text).not.toContain(hidden);
});

describe('by HTTPS', () => {
  const proxied = useServer(database, {
    publicBaseUrl: 'https://relay.example',
    allowedHosts: ['relay.example'],
  });
  const asPublic = { ...PAGE, origin: 'https://relay.example' };

  test('the cookie has the prefix that binds it to the host, and is for HTTPS only', async () => {
    const code = await proxied.people.invite({});
    const answer = await callAsPage(proxied.url, ['POST', 'person.signIn', { code }], { headers: asPublic });
    expect(answer.setCookie).toMatch(
      /^__Host-vault_relay=vrp_[\w-]{43}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Strict; Secure$/,
    );
    const secret = secretOf(answer.setCookie?.split(';')[0] ?? '');
    const me = (name: string) =>
      callAsPage(proxied.url, ['GET', 'person.me'], { headers: asPublic, cookie: `${name}=${secret}` });
    expect(await me('__Host-vault_relay')).toMatchObject({ data: { role: 'operator' } });
    expect(await me('vault_relay')).toMatchObject({ data: null });
  });

  test('a page of the same name by HTTP is foreign', async () => {
    const headers = { ...PAGE, origin: 'http://relay.example' };
    expect(await callAsPage(proxied.url, ['GET', 'person.me'], { headers })).toMatchObject({ status: 403 });
  });
});
