import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { useDatabase } from '../support/database.ts';
import { type RawAnswer, sendRaw } from '../support/raw-http.ts';
import { withRelayServer } from '../support/relay-server.ts';
import { useServer } from '../support/server.ts';
import { refused } from '../support/sockets.ts';
import { JSON_BODY } from '../support/surfaces.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const database = useDatabase();

let address = 0;
/** An address of the test's own, as the trusted proxy in front would name it. */
const freshAddress = () => `198.51.100.${++address}`;

interface AskOptions {
  from?: string;
  session?: string;
  method?: string;
  headers?: Record<string, string>;
}

const ask = (url: string, path: string, { from, session, method = 'GET', headers = {} }: AskOptions) =>
  sendRaw(url, {
    method,
    path,
    headers: {
      ...headers,
      ...(from === undefined ? {} : { 'x-forwarded-for': from }),
      ...(session === undefined ? {} : { authorization: `session ${session}` }),
    },
  });

const LIST = '/api/vault?id=a';

/** A tRPC batch of so many reads. */
const batchOf = (calls: number) =>
  `/trpc/${Array(calls).fill('vault.list').join(',')}?batch=1&id=a&input=${encodeURIComponent('{}')}`;

const left = ({ headers }: RawAnswer) => [headers['ratelimit-limit'], headers['ratelimit-remaining']];

describe('the two counts of a call', () => {
  const server = useServer(database, {
    rateLimitPerMinute: 4,
    rateLimitPerAddress: 6,
    trustProxy: ['127.0.0.1'],
  });

  test('D10: reads of the dashboard are counted separately from calls of agents, within the same limits', async () => {
    const [from, session] = [freshAddress(), await server.login('st-1')];
    const headers = { 'x-vault-relay-client': 'dashboard' };
    const look = () => ask(server.url, batchOf(1), { from, session, headers });
    for (let n = 0; n < 4; n++) expect((await look()).status).toBe(200);
    expect((await look()).status).toBe(429);
    // Neither the session nor the address of the agent has spent anything.
    const agent = await ask(server.url, LIST, { from, session });
    expect(agent.status).toBe(200);
    expect(left(agent)).toEqual(['4', '3']);
    // The bound of the address holds for looks too.
    const another = { from, session: await server.login('st-1'), headers };
    expect((await ask(server.url, batchOf(1), another)).status).toBe(200);
    const shared = await ask(server.url, batchOf(1), another);
    expect(shared.status).toBe(429);
    expect(left(shared)).toEqual(['6', '0']);
  });

  test('D10: a write with the header of the dashboard counts as a write', async () => {
    const [from, session] = [freshAddress(), await server.login('st-1')];
    const headers = { 'x-vault-relay-client': 'dashboard' };
    const write = await ask(server.url, LIST, { from, session, headers, method: 'POST' });
    expect(write.status).toBe(200);
    expect(left(await ask(server.url, LIST, { from, session }))).toEqual(['4', '2']);
  });

  test('many sessions of one address share its limit, and each has a separate limit', async () => {
    const [from, a, b] = [freshAddress(), await server.login('st-1'), await server.login('st-1')];
    for (let n = 0; n < 4; n++) expect((await ask(server.url, LIST, { from, session: a })).status).toBe(200);
    const own = await ask(server.url, LIST, { from, session: a });
    expect(own.status).toBe(429);
    expect(left(own)).toEqual(['4', '0']);
    // The refused call counted for the address as well.
    expect((await ask(server.url, LIST, { from, session: b })).status).toBe(200);
    const shared = await ask(server.url, LIST, { from, session: b });
    expect(shared.status).toBe(429);
    expect(left(shared)).toEqual(['6', '0']);
    expect(Number(shared.headers['retry-after'])).toBeGreaterThan(0);
    expect((await ask(server.url, LIST, { from: freshAddress(), session: b })).status).toBe(200);
  });

  test('an answer carries the count that is nearer to its limit', async () => {
    const [from, a, b] = [freshAddress(), await server.login('st-1'), await server.login('st-1')];
    expect(left(await ask(server.url, LIST, { from, session: a }))).toEqual(['4', '3']);
    for (let n = 0; n < 3; n++) await ask(server.url, LIST, { from, session: a });
    expect(left(await ask(server.url, LIST, { from, session: b }))).toEqual(['6', '1']);
  });

  test('each call of a tRPC batch counts, and a batch over the limit is refused as a whole', async () => {
    const [from, session] = [freshAddress(), await server.login('st-1')];
    const three = await ask(server.url, batchOf(3), { from, session });
    expect(three.status).toBe(200);
    expect(left(three)).toEqual(['4', '1']);
    const two = await ask(server.url, batchOf(2), { from, session });
    expect(two.status).toBe(429);
    expect(two.text).toContain('TOO_MANY_REQUESTS');
  });

  test('hides no call of a batch behind an escaped comma or a second parameter', async () => {
    const [from, session] = [freshAddress(), await server.login('st-1')];
    const path = batchOf(3).replaceAll(',', '%2C').replace('batch=1', 'batch=1&batch=0');
    expect(left(await ask(server.url, path, { from, session }))).toEqual(['4', '1']);
  });

  test('addresses of one IPv6 network are one', async () => {
    const session = await server.login('st-1');
    for (let n = 0; n < 4; n++) await ask(server.url, LIST, { from: `2001:db8::${n}` });
    expect((await ask(server.url, LIST, { from: '2001:db8::ffff' })).status).toBe(429);
    expect((await ask(server.url, LIST, { from: '2001:db8:0:1::1', session })).status).toBe(200);
  });
});

test('a flood of unknown sessions costs no more look-ups than the limit of its address', async () => {
  const proxy = await TcpProxy.to(database.url);
  try {
    const config = { rateLimitPerMinute: 100, rateLimitPerAddress: 5 };
    await withRelayServer({ databaseUrl: proxy.url, config }, async ({ url }) => {
      proxy.takeRoundTrips();
      const statuses: number[] = [];
      for (let n = 0; n < 40; n++) {
        statuses.push((await ask(url, LIST, { session: randomUUID() })).status);
      }
      expect(statuses).toEqual([...Array(5).fill(401), ...Array(35).fill(429)]);
      // Five look-ups, a connection that takes its role, and what a server that has just started still asks by itself;
      // forty look-ups would be far more.
      expect(proxy.takeRoundTrips()).toBeLessThan(20);
    });
  } finally {
    await proxy.stop();
  }
});

describe('connections of one address', () => {
  const server = useServer(database, { maxConnectionsPerAddress: 3 });
  const behindProxy = useServer(database, { maxConnectionsPerAddress: 3, trustProxy: ['127.0.0.0/8'] });
  const sockets: Socket[] = [];
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  /** Asks over a connection of its own, and keeps it. @returns whether it was answered */
  async function hold(url: string, from: string): Promise<boolean> {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port), localAddress: from });
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.write('GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
    const answered = once(socket, 'data').then(() => true);
    return Promise.race([answered, once(socket, 'close').then(() => false)]);
  }

  test('are cut beyond the bound; others get theirs, and a place that is left is free', async () => {
    for (let n = 0; n < 3; n++) expect(await hold(server.url, '127.0.0.4')).toBe(true);
    expect(await hold(server.url, '127.0.0.4')).toBe(false);
    expect(await hold(server.url, '127.0.0.5')).toBe(true);
    sockets[0]?.destroy();
    await expect.poll(() => hold(server.url, '127.0.0.4')).toBe(true);
  });

  test('are not counted for a trusted proxy', async () => {
    for (let n = 0; n < 6; n++) expect(await hold(behindProxy.url, '127.0.0.6')).toBe(true);
  });
});

describe('under pressure', () => {
  const NO_PRESSURE = { ...readConfig({}).pressure, eventLoopMs: 0, heapBytes: 0 };
  const full = useServer(database, { pressure: { ...NO_PRESSURE, heapBytes: 1 } });
  const busy = useServer(database, { pressure: { ...NO_PRESSURE, eventLoopMs: 50 } });

  const expectBusy = ({ status, headers, text }: RawAnswer) => {
    expect(status).toBe(503);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    expect(text).toContain('The server is under too much load; try again shortly.');
  };
  const statusAt = async (url: string) => (await ask(url, LIST, {})).status;

  test('memory pressure: every surface answers 503 with Retry-After, health does not', async () => {
    await expect.poll(() => statusAt(full.url), { timeout: 5000 }).toBe(503);
    expectBusy(await ask(full.url, LIST, {}));
    expectBusy(await ask(full.url, '/trpc/vault.list?id=a', {}));
    expectBusy(await ask(full.url, '/pair?code=x', {}));
    const socket = await refused(`${full.url}/ws?role=atem&code=x`);
    expect([socket.status, socket.body.code, socket.retryAfter]).toEqual([503, 'SERVICE_UNAVAILABLE', '2']);
    expect((await ask(full.url, '/health', {})).status).toBe(200);
  });

  test('a busy event loop refuses requests until it is free again', async () => {
    const block = () => {
      const until = performance.now() + 300;
      while (performance.now() < until);
      return statusAt(busy.url);
    };
    await expect.poll(block, { timeout: 10_000 }).toBe(503);
    await expect.poll(() => statusAt(busy.url), { timeout: 10_000 }).toBe(401);
  });
});

describe('a body that is sent compressed', () => {
  const server = useServer(database);
  let authorization: string;
  beforeAll(async () => {
    authorization = `session ${await server.login('st-1')}`;
  });

  test.each([
    ['rest', '/api/vault?id=a'],
    ['trpc', '/trpc/vault.create?id=a'],
  ])('is 415 unread, however small it claims to be: %s', async (_, path) => {
    const bomb = gzipSync(Buffer.alloc(100_000_000));
    expect(bomb.length).toBeLessThan(100_000);
    const answer = await sendRaw(server.url, {
      method: 'POST',
      path,
      headers: { authorization, ...JSON_BODY, 'content-encoding': 'gzip' },
      body: bomb,
    });
    expect(answer.status).toBe(415);
    expect(answer.text).toContain('without a content-encoding');
  });

  test('"identity" is not a compression', async () => {
    const answer = await sendRaw(server.url, {
      method: 'POST',
      path: '/api/vault?id=a',
      headers: { authorization, ...JSON_BODY, 'content-encoding': 'Identity' },
      body: '{}',
    });
    expect(answer.status).toBe(200);
  });
});
