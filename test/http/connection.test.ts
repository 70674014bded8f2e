import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { beforeAll, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

const database = useDatabase();
const server = useServer(database);

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
    'host: test',
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
