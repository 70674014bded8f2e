import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { beforeAll, describe, expect, test } from 'vitest';
import { RestVaults } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { makeLogKeeper } from '../support/log-lines.ts';
import { useServer } from '../support/server.ts';

const database = useDatabase();
const keeper = makeLogKeeper();
const server = useServer(database, {}, keeper.log);

let session: string;
beforeAll(async () => {
  session = await server.login('st-1');
});

interface Wire {
  socket: Socket;
  received(): string;
}

async function open(): Promise<Wire> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  await once(socket, 'connect');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  return { socket, received: () => text };
}

const statusesIn = (text: string) =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((found) => Number(found[1]));

const head = (line: string, headers: Record<string, string | number>) =>
  `${[
    `${line} HTTP/1.1`,
    'host: 127.0.0.1',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ].join('\r\n')}\r\n\r\n`;

const JSON_TYPE = { 'content-type': 'application/json' };

test.each<[what: string, line: string, headers: Record<string, string>, body: string, status: number]>([
  ['a GET that has one', 'GET /api/vault?id=a', JSON_TYPE, 'x'.repeat(390_000), 200],
  ['a GET on tRPC that has one', 'GET /trpc/vault.list?id=a', JSON_TYPE, 'x'.repeat(390_000), 200],
  ['one that nests too deep', 'POST /api/vault?id=a', JSON_TYPE, '['.repeat(390_000), 400],
  ['one that is no UTF-8', 'POST /api/vault?id=a', JSON_TYPE, '\xff'.repeat(390_000), 400],
  ['one that nests too deep on tRPC', 'POST /trpc/vault.create?id=a', JSON_TYPE, '['.repeat(390_000), 400],
  ['one over the limit', 'POST /api/vault?id=a', JSON_TYPE, ' '.repeat(2_000_000), 413],
  ['one over the limit, on tRPC', 'POST /trpc/vault.create?id=a', JSON_TYPE, ' '.repeat(2_000_000), 413],
  [
    'one of another type',
    'POST /api/vault?id=a',
    { 'content-type': 'text/plain' },
    'x'.repeat(2_000_000),
    415,
  ],
  ['one for a wrong method', 'PUT /api/vault?id=a', JSON_TYPE, 'x'.repeat(2_000_000), 405],
  [
    'one without a session',
    'POST /api/vault?id=a',
    { ...JSON_TYPE, authorization: 'none' },
    ' '.repeat(390_000),
    401,
  ],
  [
    'one on tRPC without a session',
    'POST /trpc/vault.create?id=a',
    { ...JSON_TYPE, authorization: 'none' },
    ' '.repeat(390_000),
    401,
  ],
  [
    'one that is longer than a stranger needs',
    'POST /api/sessions',
    { ...JSON_TYPE, authorization: 'none' },
    ' '.repeat(10_000),
    413,
  ],
])(
  'a body that nobody reads to its end does not stop its connection: %s',
  async (_, line, headers, body, status) => {
    const { socket, received } = await open();
    try {
      socket.on('error', () => undefined); // the server may end the connection instead
      const all = {
        authorization: `session ${session}`,
        ...headers,
        'content-length': Buffer.byteLength(body, 'latin1'),
      };
      socket.write(head(line, all));
      socket.write(Buffer.from(body, 'latin1'));
      await expect.poll(() => statusesIn(received()), { timeout: 5000 }).toEqual([status]);
      if (/^connection: close/im.test(received())) {
        await expect.poll(() => socket.closed, { timeout: 5000 }).toBe(true);
      } else {
        socket.write(head('GET /health', {}));
        await expect.poll(() => statusesIn(received()), { timeout: 5000 }).toEqual([status, 200]);
      }
    } finally {
      socket.destroy();
    }
  },
);

const linesOf = (requestId: string) => keeper.parsed().filter((line) => line.reqId === requestId);
const GIVEN_UP = { level: 30, msg: 'The client aborted the request', method: 'POST', address: '127.0.0.1' };

async function someoneWaits(): Promise<boolean> {
  const { rows } = await database.admin.query(
    `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
  );
  return rows.length > 0;
}

test('a client that disconnects during its body leaves one log line and no other trace', async () => {
  const { socket } = await open();
  const { rows: before } = await database.admin.query('SELECT * FROM vaults');
  keeper.lines.length = 0;
  const headers = {
    ...JSON_TYPE,
    authorization: `session ${session}`,
    'x-request-id': 'left',
    'content-length': 99,
  };
  socket.write(head('POST /api/vault?id=a', headers));
  socket.write('{"summary":"half');
  // A request that is answered after this one came shows that it was taken up.
  await fetch(`${server.url}/api/vault?id=a`, { headers: { authorization: `session ${session}` } });
  socket.destroy();
  await expect.poll(() => linesOf('left')).toMatchObject([{ ...GIVEN_UP, url: '/api/vault?id=[redacted]' }]);
  expect(keeper.parsed().filter((line) => line.level > 30)).toEqual([]);
  const { rows: after } = await database.admin.query('SELECT * FROM vaults');
  expect(after).toEqual(before);
});

test('a client that leaves before the answer is one line in the log, and its write counts', async () => {
  const rest = new RestVaults(server.url, { session, clientId: 'a' });
  const vaultId = (await rest.create('')).body.vault_id;
  const holder = await database.admin.connect();
  const { socket } = await open();
  try {
    await holder.query('BEGIN');
    await holder.query('SELECT 1 FROM vaults WHERE vault_id = $1 FOR UPDATE', [vaultId]);
    const headers = {
      ...JSON_TYPE,
      authorization: `session ${session}`,
      'x-request-id': 'gone',
      'content-length': 12,
    };
    socket.write(`${head(`POST /api/vault/${vaultId}?id=a`, headers)}{"text":"a"}`);
    await expect.poll(someoneWaits).toBe(true);
    socket.destroy();
    await expect.poll(() => linesOf('gone')).toMatchObject([GIVEN_UP]);
  } finally {
    await holder.query('COMMIT');
    holder.release();
  }
  await expect.poll(async () => (await rest.read(vaultId)).body.length).toBe(1);
  expect(keeper.parsed().filter((line) => line.level > 30)).toEqual([]);
});

test.each([
  ['no HTTP', 'hello session-word\r\n\r\n', 400, 'This is not HTTP.', 'BAD_REQUEST'],
  [
    'headers over the limit',
    `GET / HTTP/1.1\r\nx: session-word${'x'.repeat(20_000)}\r\n\r\n`,
    431,
    'The path and headers are too long.',
    'HEADERS_TOO_LARGE',
  ],
  [
    'an address over the limit',
    `GET /?id=session-word${'x'.repeat(20_000)} HTTP/1.1\r\n\r\n`,
    431,
    'The path and headers are too long.',
    'HEADERS_TOO_LARGE',
  ],
])(
  'bytes that are not an HTTP request get an error, and stay out of the log: %s',
  async (_, sent, status, error, code) => {
    keeper.lines.length = 0;
    const { socket, received } = await open();
    socket.on('error', () => undefined);
    socket.write(sent);
    await expect.poll(() => socket.closed).toBe(true);
    expect(received()).toMatch(/^x-request-id: [0-9a-f-]{36}\r$/m);
    expect(statusesIn(received())).toEqual([status]);
    expect(JSON.parse(received().split('\r\n\r\n')[1] ?? '')).toEqual({ error, code });
    expect(keeper.parsed()).toMatchObject([{ level: 20, msg: 'Refused bytes that are not an HTTP request' }]);
    expect(keeper.lines.join('')).not.toContain('session-word');
  },
);

describe('requests that do not wait for the answers before them', () => {
  /** A read that waits, and so many requests behind it, in one write. */
  async function pipeline(count: number): Promise<Wire> {
    const vaults = new RestVaults(server.url, { session, clientId: 'a' });
    const { vault_id } = (await vaults.create('waits')).body;
    const wire = await open();
    const wait = head(`GET /api/vault/${vault_id}?id=a&wait=1`, { authorization: `session ${session}` });
    wire.socket.write(wait + head('GET /health/live', {}).repeat(count));
    return wire;
  }

  test('are answered in their order, 64 of them', async () => {
    const { socket, received } = await pipeline(63);
    await expect.poll(() => statusesIn(received()), { timeout: 10_000 }).toEqual(Array(64).fill(200));
    socket.destroy();
  });

  test('one more is refused, and ends the connection', async () => {
    const { socket, received } = await pipeline(64);
    await once(socket, 'close');
    expect(statusesIn(received())).toEqual([...Array(64).fill(200), 429]);
    expect(received()).toContain('This connection already has 64 requests in progress');
  });

  test('thousands are cut before any of them is answered', async () => {
    const { socket, received } = await pipeline(5000);
    // A reset is an end as well.
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('close', resolve));
    expect(received()).toBe('');
  });
});
