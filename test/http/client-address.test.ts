import { beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { useDatabase } from '../support/database.ts';
import { makeLogKeeper } from '../support/log-lines.ts';
import { sendRaw } from '../support/raw-http.ts';
import { useServer } from '../support/server.ts';
import { JSON_BODY } from '../support/surfaces.ts';

const database = useDatabase();
const keeper = makeLogKeeper();
const LIMIT = 3;
/** Every request of these tests comes from the address of the proxy, which is trusted. */
const server = useServer(
  database,
  {
    trustProxy: ['127.0.0.0/8'],
    rateLimitPerMinute: LIMIT,
    grantLimitPerMinute: LIMIT,
    relayMaxSocketsPerAddress: LIMIT,
  },
  keeper.log,
);

let nextAddress = 0;
let client: string;
beforeEach(() => {
  client = `198.51.100.${++nextAddress}`;
  keeper.lines.length = 0;
});

const ask = (forwardedFor: string, path = '/api/vault?id=a', body?: object) =>
  sendRaw(server.url, {
    method: body ? 'POST' : 'GET',
    path,
    headers: { 'x-forwarded-for': forwardedFor, ...(body ? JSON_BODY : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });

/** Statuses of one call more than the limit allows, each of which the proxy forwards in its own way. */
async function statuses(forwardedFor: (i: number) => string, call = ask): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i <= LIMIT; i++) found.push((await call(forwardedFor(i))).status);
  return found;
}

describe('a proxy that writes the port of each connection into X-Forwarded-For', () => {
  const withPort = (i: number) => `${client}:${40_000 + i}`;

  test('does not take the limit of an address away', async () => {
    expect(await statuses(withPort)).toEqual([401, 401, 401, 429]);
    expect((await ask(client)).status).toBe(429);
    expect((await ask(`[::ffff:${client}]:1`)).status).toBe(429);
    expect((await ask('203.0.113.1:40000')).status).toBe(401);
  });

  test('nor that of an IPv6 network', async () => {
    expect(await statuses((i) => `[2001:db8::${i + 1}]:${40_000 + i}`)).toEqual([401, 401, 401, 429]);
  });

  test('nor that of OTPs', async () => {
    const id = crypto.randomUUID();
    const grant = (forwardedFor: string) => ask(forwardedFor, `/api/sessions/${id}/grant`, { otp: 'wrong' });
    expect(await statuses(withPort, grant)).toEqual([404, 404, 404, 429]);
  });

  test('nor that of sockets', async () => {
    const sockets: WebSocket[] = [];
    const open = (i: number) =>
      new Promise<number>((resolve) => {
        const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws?role=astation&code=st-${i}`, {
          headers: { 'x-forwarded-for': withPort(i) },
        });
        sockets.push(socket);
        socket.once('open', () => resolve(101));
        socket.once('unexpected-response', (_, answer) => resolve(answer.statusCode ?? 0));
        socket.on('error', () => undefined);
      });
    try {
      for (let i = 0; i < LIMIT; i++) expect(await open(i)).toBe(101);
      expect(await open(LIMIT)).toBe(429);
    } finally {
      for (const socket of sockets) socket.terminate();
    }
  });

  test('is neither in the log nor in the audit log by its port', async () => {
    const asked = await ask(withPort(1), '/api/sessions', { hostname: 'h' });
    expect(asked.status).toBe(201);
    const { id } = JSON.parse(asked.text) as { id: string };
    expect((await ask(withPort(1), `/api/sessions/${id}/deny`, {})).status).toBe(200);
    const { rows } = await database.admin.query(
      'SELECT action, address FROM audit_log ORDER BY id DESC LIMIT 1',
    );
    expect(rows).toEqual([{ action: 'session_deny', address: client }]);
    const line = { msg: 'Request', address: client };
    await expect.poll(() => keeper.parsed().at(-1)).toMatchObject(line);
    expect(keeper.lines.join('')).not.toContain('40001');
  });
});

test.each(['evil', 'unknown', '_hidden', '', '"><script>', '1', 'a'.repeat(4000)])(
  'an entry that is not an IP address counts for the proxy, and is not logged: %j',
  async (entry) => {
    await ask(`${client}, ${entry}`, '/api/pair/x');
    await ask(entry, '/%zz');
    const lines = () => keeper.parsed().filter(({ msg }) => msg === 'Request');
    await expect.poll(() => lines().map(({ address }) => address)).toEqual(['127.0.0.1', '127.0.0.1']);
  },
);
