import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { readConfig } from '../../src/config.ts';
import { makeAppRouter, type RouterDeps } from '../../src/router.ts';
import { listRestRoutes } from '../../src/surfaces/rest/routes.ts';
import { makeVaultInputs } from '../../src/vault/inputs.ts';
import { attack } from '../support/attack.ts';
import { withCollector } from '../support/collector.ts';
import { useDatabase } from '../support/database.ts';
import { makeLogKeeper } from '../support/log-lines.ts';
import { type RawRequest, sendRaw, sendUnchecked } from '../support/raw-http.ts';
import { withRelayServer } from '../support/relay-server.ts';
import { useServer } from '../support/server.ts';
import { JSON_BODY } from '../support/surfaces.ts';

const database = useDatabase();
const keeper = makeLogKeeper();
const server = useServer(database, {}, keeper.log);

let authorization: string;
let vaultId: string;
beforeAll(async () => {
  authorization = `session ${await server.login('st-1')}`;
  const made = await sendRaw(server.url, {
    method: 'POST',
    path: '/api/vault?id=a',
    headers: { authorization, ...JSON_BODY },
    body: '{}',
  });
  vaultId = JSON.parse(made.text).vault_id;
});
beforeEach(() => {
  keeper.lines.length = 0;
});

/** A secret that looks like the id of a vault, and what of it a log may never hold. */
const SECRET = 'v-Secret0Word1That2Nobody3May4See';
const expectNoSecret = (text: string) => expect(text).not.toMatch(/Secret0Word/i);

const router = makeAppRouter({ vaultInputs: makeVaultInputs(readConfig({}).limits) } as RouterDeps);

/** Every parameter that a query of this server may have, and some that it may not, each with the secret. */
const QUERY_NAMES = [
  ...new Set(
    Object.values(
      router._def.procedures as unknown as Record<string, { _def: { inputs: object[] } }>,
    ).flatMap(({ _def }) =>
      _def.inputs.flatMap((input) => Object.keys((input as { shape?: object }).shape ?? {})),
    ),
  ),
  'id',
  'session',
  'code',
  'role',
  'atem_id',
  'token',
  'otp',
  'input',
  'batch',
  'lastEventId',
  'unknown',
];
const QUERY = QUERY_NAMES.map((name) => `${name}=${SECRET}`).join('&');

/** Addresses with the secret in the place of every parameter but a vault's id. */
const addresses: [method: string, path: string][] = [
  ...listRestRoutes(router).map(({ openapi, url }): [string, string] => [
    openapi.method,
    url.replace(/:(\w+)/g, (_, name) => (name === 'vault_id' ? 'v-known' : SECRET)),
  ]),
  ...Object.keys(router._def.procedures).flatMap((name): [string, string][] => [
    ['GET', `/trpc/${name}`],
    ['POST', `/trpc/${name},${SECRET}`],
    ['GET', `/trpc/${name}/${SECRET}`],
  ]),
  ...[
    '/',
    '/health',
    '/health/live',
    '/health/ready',
    '/metrics',
    '/docs',
    '/auth',
    '/pair',
    '/ws',
    '/api/openapi.json',
    `/trpc/${SECRET}`,
    `/trpc/${SECRET.slice(2).replace(/\d/g, '')}`,
    `/assets/${SECRET}`,
    `/app/${SECRET}`,
    `/docs/viewer/${SECRET}`,
    `/api/memory/${SECRET}`,
    `/api/rtc-sessions/${SECRET}/join`,
    `/${SECRET}`,
    `/${SECRET}/vault`,
    `/api/${SECRET}`,
    `/api/vaults/${SECRET}`,
    `/api/vault/v-known/${SECRET}`,
    `/api/vault/v-known/meta/${SECRET}`,
    `/api/sessions/${SECRET}`,
    `/api/sessions/${SECRET}/status/more`,
    `/api/%73essions/${SECRET}/status`,
    `/API/PAIR/${SECRET}`,
    `//api/pair/${SECRET}`,
    `/api/pair/${SECRET}/`,
    `/api/pair/${SECRET}%zz`,
    `/api/sessions%2F${SECRET}`,
    `/api/vault/v-known%2F${SECRET}`,
    `/app/../${SECRET}`,
    `http://127.0.0.1/api/pair/${SECRET}`,
  ].flatMap((path): [string, string][] => [
    ['GET', path],
    ['POST', path],
    ['DELETE', path],
    ['OPTIONS', path],
    ['QUERY', path],
  ]),
];

describe('a secret that resembles the id of a vault is in no line', () => {
  test.each(addresses)('%s %s', async (method, path) => {
    for (const request of [
      { method, path },
      { method, path: `${path}?${QUERY}` },
    ]) {
      const headers = { authorization: `session ${SECRET}`, 'x-request-id': 'the-request' };
      await sendUnchecked(server.url, { ...request, headers });
      // A subscription that is let in has no end.
      const known = /watch|changes/.test(path) ? headers : { ...headers, authorization };
      await sendUnchecked(server.url, { ...request, headers: known });
    }
    const requests = () => keeper.parsed().filter(({ msg }) => msg === 'Request');
    await expect.poll(() => requests().length).toBe(4);
    expectNoSecret(keeper.lines.join(''));
  });

  test('of a socket, nor of its room', async () => {
    for (const query of [
      `role=astation&code=${SECRET}`,
      `role=atem&code=${SECRET}&atem_id=${SECRET}`,
      `role=atem&session=${SECRET}`,
    ]) {
      const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws?${query}`);
      socket.on('error', () => undefined);
      await expect
        .poll(() => keeper.parsed().some(({ msg }) => msg === 'Request' || msg === 'Socket opened'))
        .toBe(true);
      expectNoSecret(keeper.lines.join(''));
      keeper.lines.length = 0;
      socket.terminate();
    }
  });

  test('of a request that its client gives up', async () => {
    const { socket, ended } = await attack(server.url);
    socket.write(
      `POST /api/sessions/${SECRET}/grant?${QUERY} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{`,
    );
    // An answer to a request that came later shows that this one is known.
    await sendRaw(server.url, { method: 'GET', path: '/health' });
    socket.destroy();
    await ended;
    const line = () => keeper.parsed().find(({ msg }) => msg === 'The client aborted the request');
    await expect.poll(() => line()?.url).toMatch(/^\/api\/sessions\/\[redacted\]\/grant\?/);
    expectNoSecret(keeper.lines.join(''));
  });

  test('nor in a span', async () => {
    const collector = await withCollector(async (started) => {
      const traces = { endpoint: started.endpoint, serviceName: 'x', ratio: 1 };
      await withRelayServer(
        { databaseUrl: database.url, replicas: 1, config: { traces } },
        async ({ url }) => {
          for (const [method, path] of addresses)
            await sendUnchecked(url, { method, path: `${path}?${QUERY}` });
        },
      );
      return started;
    });
    expect(collector.spans.length).toBeGreaterThan(addresses.length / 2);
    expectNoSecret(collector.text);
  });
});

describe('an address in the log', () => {
  const inLog = async (request: RawRequest) => {
    await sendUnchecked(server.url, { ...request, headers: { authorization, ...request.headers } });
    const line = () => keeper.parsed().find(({ msg }) => msg === 'Request');
    await expect.poll(line).toBeDefined();
    return line()?.url;
  };

  test.each([
    ['/', '/'],
    ['/health', '/health'],
    ['/api/vault/{id}?id=me', '/api/vault/{id}?id=[redacted]'],
    ['/api/vault?id=me&since=3&history=true', '/api/vault?id=[redacted]&[redacted]'],
    ['/api/vault/{id}?since=3&history=true', '/api/vault/{id}?since=3&history=true'],
    [
      '/api/vault/{id}?as_of=3&entry_id=1&kind=all&limit=100&wait=25&cursor=9.12',
      '/api/vault/{id}?as_of=3&entry_id=1&kind=all&limit=100&wait=25&cursor=9.12',
    ],
    [
      '/api/vault/{id}?as_of=x&kind=x&limit=10000&wait=x&cursor=9.v-x',
      '/api/vault/{id}?as_of=[redacted]&kind=[redacted]&limit=[redacted]&wait=[redacted]&cursor=[redacted]',
    ],
    ['/api/vault?details=true&cursor=1.{id}', '/api/vault?details=true&cursor=[redacted]'],
    ['/api/vault?id', '/api/vault?id=[redacted]'],
    ['/api/vault?', '/api/vault?'],
    ['/api/vault?=me&ID=me&a=b&c=d', '/api/vault?[redacted]'],
    ['/api/vault?id=a&id=b', '/api/vault?id=[redacted]'],
    ['/api/vault?q=word&writer=me&tag=a', '/api/vault?q=[redacted]&writer=[redacted]&tag=[redacted]'],
    ['/api/vault/word/meta', '/api/vault/[redacted]/meta'],
    ['/api/vault/{id}/meta', '/api/vault/{id}/meta'],
    ['/api/vault/{id}/proof?since=1&limit=5', '/api/vault/{id}/proof?since=1&limit=5'],
    ['/api/vault/{id}/nothing', '/api/[redacted]'],
    ['/api/sessions/{id}/status?since=12345678', '/api/sessions/[redacted]/status?[redacted]'],
    ['/api/pair/{id}', '/api/pair/[redacted]'],
    ['/pair?code={id}', '/pair?code=[redacted]'],
    ['/auth?id={id}&tag=host', '/auth?id=[redacted]&tag=[redacted]'],
    ['/ws?role=atem&code=x', '/ws?role=atem&code=[redacted]'],
    ['/ws?role=x', '/ws?role=[redacted]'],
    [
      '/trpc/vault.list,session.status?batch=1&input=1',
      '/trpc/vault.list,session.status?batch=1&input=[redacted]',
    ],
    ['/trpc/vault.list,{id}', '/trpc/[redacted]'],
    ['/trpc/constructor', '/trpc/[redacted]'],
    ['/{id}', '/[redacted]'],
    ['/assets/{id}', '/assets/[redacted]'],
    ['/nowhere?since=12345678', '/[redacted]?[redacted]'],
  ])('%s is %s', async (address, logged) => {
    const path = address.replace('{id}', vaultId);
    expect(await inLog({ method: 'GET', path })).toBe(logged.replace('{id}', vaultId));
  });

  test('is the id of a vault also where the method is wrong', async () => {
    expect(await inLog({ method: 'PATCH', path: `/api/vault/${vaultId}` })).toBe(`/api/vault/${vaultId}`);
  });

  test('is no longer than its request', async () => {
    const query = Array.from({ length: 2000 }, (_, i) => `x${i}=`).join('&');
    expect(await inLog({ method: 'GET', path: `/api/vault?${query}` })).toBe('/api/vault?[redacted]');
  });
});
