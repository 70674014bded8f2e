import { once } from 'node:events';
import { connect } from 'node:net';
import { beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { useDatabase } from '../support/database.ts';
import { sendRaw } from '../support/raw-http.ts';
import { useRelayServer } from '../support/relay-server.ts';
import { type TestServer, useServer } from '../support/server.ts';
import { JSON_BODY } from '../support/surfaces.ts';

const database = useDatabase();
const server = useServer(database);
const measured = useRelayServer(database, {
  replicas: 1,
  config: { metricsToken: 'a-token-for-prometheus' },
});
const everywhere = useServer(database, { host: '0.0.0.0', allowedHosts: ['relay.internal'] });
const proxied = useServer(database, {
  trustProxy: ['127.0.0.1'],
  publicBaseUrl: 'https://relay.example.org',
});

let authorization: string;
beforeAll(async () => {
  authorization = `session ${await server.login('st-1')}`;
});

const ask = (at: { url: string }, path: string, headers: Record<string, string>, method = 'GET') =>
  sendRaw(at.url, { method, path, headers: { authorization, ...headers } });

const PAGES = ['/', '/docs', '/docs/viewer/swagger-ui.css', '/assets/page.css', '/auth?id=x', '/pair?code=x'];
const ADDRESSES = [
  ...PAGES,
  '/api/vault?id=a',
  '/api/vault/v-0?id=a',
  '/api/openapi.json',
  '/api/memory',
  '/trpc/vault.list?id=a',
  '/ws?role=atem&code=x',
  '/nowhere',
];

describe('a host that is not this server', () => {
  test.each(ADDRESSES)('is refused: %s', async (path) => {
    for (const method of ['GET', 'POST']) {
      const { status, text } = await ask(server, path, { host: 'rebound.example:3000' }, method);
      expect(status).toBe(421);
      const body = JSON.parse(text);
      const says = 'This server does not answer to the name "rebound.example:3000"; add it to ALLOWED_HOSTS.';
      expect(body).toEqual(
        path.startsWith('/trpc')
          ? {
              error: {
                message: says,
                code: -32600,
                data: { code: 'BAD_REQUEST', httpStatus: 421, path: 'vault.list' },
              },
            }
          : { error: says, code: 'MISDIRECTED_REQUEST' },
      );
    }
  });

  test('is refused where the line of the request names it', async () => {
    const path = 'http://rebound.example/api/vault?id=a';
    expect((await ask(server, path, { host: '127.0.0.1' })).status).toBe(421);
    expect((await ask(server, path, { host: 'rebound.example' })).status).toBe(421);
    expect((await ask(server, 'http://LOCALHOST/api/vault?id=a', { host: '127.0.0.1' })).status).toBe(200);
  });

  test('gets no socket', async () => {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws?role=astation&code=st-rebound`, {
      headers: { host: 'rebound.example' },
    });
    const [, answer] = await once(socket, 'unexpected-response').catch((error) => [error]);
    expect(answer.statusCode).toBe(421);
    socket.on('error', () => undefined);
    socket.terminate();
  });

  test.each(['/health', '/health/live', '/health/ready', '/metrics'])('may ask for %s', async (path) => {
    const headers = { host: 'rebound.example', authorization: 'Bearer a-token-for-prometheus' };
    expect((await ask(measured, path, headers)).status).toBe(200);
    expect((await ask(measured, path, headers, 'HEAD')).status).toBe(200);
  });
});

test.each(ADDRESSES)('a loopback name in any spelling is this server: %s', async (path) => {
  const { status: usual } = await ask(server, path, {});
  for (const host of ['LOCALHOST', 'localhost.:3000', '[::1]', '127.0.0.1:1']) {
    expect((await ask(server, path, { host })).status).toBe(usual);
  }
});

test('a server that other machines reach answers to every address, and to the names that are listed', async () => {
  const statusOf = async (host: string) => (await ask(everywhere, '/api/vault?id=a', { host })).status;
  for (const host of ['192.0.2.7:3000', '[2001:db8::7]', 'localhost', 'RELAY.internal:3000']) {
    expect(await statusOf(host)).toBe(200);
  }
  for (const host of ['rebound.example', 'relay', '192.0.2.7.rebound.example'])
    expect(await statusOf(host)).toBe(421);
});

describe('behind a proxy', () => {
  const forwarded = (host: string, by: string) =>
    ask(proxied, '/api/vault?id=a', { host, 'x-forwarded-host': by }).then(({ status }) => status);

  test('the host that it forwards counts, where the proxy is trusted', async () => {
    expect(await forwarded('upstream', 'relay.example.org')).toBe(200);
    expect(await forwarded('127.0.0.1', 'rebound.example')).toBe(421);
    expect(await forwarded('127.0.0.1', 'relay.example.org, rebound.example')).toBe(421);
    expect(await forwarded('127.0.0.1', 'rebound.example, relay.example.org')).toBe(200);
  });

  test('and does not, where it is not', async () => {
    const status = async (host: string, by: string) =>
      (await ask(server, '/api/vault?id=a', { host, 'x-forwarded-host': by })).status;
    expect(await status('127.0.0.1', 'rebound.example')).toBe(200);
    expect(await status('rebound.example', '127.0.0.1')).toBe(421);
  });
});

/** Sends the lines of a head as they are. @returns status and body of what came */
async function sendHead({ url }: TestServer, lines: string[]): Promise<{ status: number; body: unknown }> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.write(`${[...lines, 'connection: close'].join('\r\n')}\r\n\r\n`);
  await once(socket, 'close');
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]);
  return { status, body: JSON.parse(text.split('\r\n\r\n')[1] ?? '') };
}

describe('an empty Host header', () => {
  test.each([
    ['is missing', [], 'The header Host is missing or empty; send the name of this server.'],
    ['is empty', ['host:'], 'The header Host is missing or empty; send the name of this server.'],
    ['comes twice', ['host: 127.0.0.1', 'Host: 127.0.0.1'], 'The header Host is given more than once.'],
    [
      'comes twice, once foreign',
      ['host: 127.0.0.1', 'HOST: x.example'],
      'The header Host is given more than once.',
    ],
    ['is a list', ['host: 127.0.0.1, localhost'], 'The header Host is not a host name.'],
    ['has a path', ['host: 127.0.0.1/x'], 'The header Host is not a host name.'],
    ['has a user', ['host: x@127.0.0.1'], 'The header Host is not a host name.'],
    ['has an impossible port', ['host: 127.0.0.1:99999'], 'The header Host is not a host name.'],
  ])('is refused in the shape of every error: it %s', async (_, hosts, error) => {
    for (const path of ['/', '/api/vault?id=a', '/health', '/nowhere', '/ws?role=atem&code=x']) {
      expect(await sendHead(server, [`GET ${path} HTTP/1.1`, ...hosts])).toEqual({
        status: 400,
        body: { error, code: 'BAD_REQUEST' },
      });
    }
  });

  test('is not needed by HTTP/1.0', async () => {
    expect((await sendHead(server, ['GET /health/live HTTP/1.0'])).status).toBe(200);
    expect((await sendHead(server, ['GET /api/openapi.json HTTP/1.0'])).status).toBe(200);
  });
});

describe('a change that a page of another origin asks for', () => {
  const create = (headers: Record<string, string>, at = server) =>
    sendRaw(at.url, {
      method: 'POST',
      path: '/api/sessions',
      headers: { ...JSON_BODY, ...headers },
      body: '{"hostname":"h"}',
    });

  test.each(['https://pages.example', 'null', 'http://localhost:1', ''])('is refused: %j', async (origin) => {
    const { status, text } = await create({ origin });
    expect(status).toBe(403);
    expect(JSON.parse(text)).toEqual({
      error: expect.stringMatching(/PUBLIC_BASE_URL .+ CORS_ORIGIN/),
      code: 'FORBIDDEN',
    });
  });

  test('is refused on every surface, with every method', async () => {
    const headers = { origin: 'https://pages.example' };
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      for (const path of ['/api/vault?id=a', '/trpc/vault.create?id=a', '/nowhere', '/api/memory']) {
        expect((await ask(server, path, headers, method)).status).toBe(403);
      }
    }
  });

  test('succeeds for its own pages, and for programs', async () => {
    expect((await create({ origin: server.url })).status).toBe(201);
    expect((await create({ origin: server.url.replace('127.0.0.1', 'LOCALHOST') })).status).toBe(201);
    expect((await create({})).status).toBe(201);
    expect((await create({ origin: 'https://relay.example.org' }, proxied)).status).toBe(201);
  });

  test('succeeds when the browser reports the same origin, behind a proxy that changes the host', async () => {
    const origin = 'https://relay.example.org';
    expect((await create({ origin, 'sec-fetch-site': 'same-origin' })).status).toBe(201);
    for (const site of ['cross-site', 'same-site', 'none'])
      expect((await create({ origin, 'sec-fetch-site': site })).status).toBe(403);
  });

  test('does not block reads that need no session', async () => {
    expect((await ask(server, '/api/vault?id=a', { origin: 'https://pages.example' })).status).toBe(200);
  });
});
