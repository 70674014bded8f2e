import { randomUUID } from 'node:crypto';
import { connect as dialTcp } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { PAIRING_LIFETIME_MS } from '../../src/relay/rooms/state.ts';
import { SessionStore } from '../../src/session/store.ts';
import { rest } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { within } from '../support/inbox.ts';
import { useRelayServer, withRelayServer } from '../support/relay-server.ts';
import {
  connect,
  open,
  openAstation,
  openAtem,
  type Refused,
  refused,
  TestSocket,
  wsUrl,
} from '../support/sockets.ts';

const database = useDatabase();
const server = useRelayServer(database, {
  config: {
    publicBaseUrl: 'https://relay.example.org/base',
    corsOrigin: ['https://dashboard.example.org'],
    allowedHosts: ['behind.example.org'],
  },
});

const refusal = (status: number, code: string, error: string | RegExp) => ({
  status,
  body: { error: typeof error === 'string' ? error : expect.stringMatching(error), code },
  retryAfter: undefined,
  contentType: 'application/json; charset=utf-8',
});

const pair = async (url: string) =>
  (await rest<{ code: string }>('POST', `${url}/api/pair`, { body: { hostname: 'mac' } })).body.code;

describe('400', () => {
  test.each([
    ['no role', 'code=x', 'The query parameter role must be atem or astation.'],
    ['an empty role', 'role=&code=x', 'The query parameter role must be atem or astation.'],
    ['an unknown role', 'role=Atem&code=x', 'The query parameter role must be atem or astation.'],
    ['two roles', 'role=atem&role=astation&code=x', 'The query parameter role must be atem or astation.'],
    ['an atem without code', 'role=atem&atem_id=a', 'The query parameter code is missing or empty.'],
    ['an Astation without code', 'role=astation', 'The query parameter code is missing or empty.'],
    ['an atem with an empty code', 'role=atem&code=', 'The query parameter code is missing or empty.'],
    [
      'an Astation with an empty code',
      'role=astation&code=',
      'The query parameter code is missing or empty.',
    ],
    ['two codes', 'role=astation&code=a&code=b', 'The query parameter code is missing or empty.'],
    ['a line break in the code', 'role=astation&code=a%0Ab', 'The query parameter code is not a room code.'],
    [
      'a code of 256 bytes',
      `role=astation&code=${'x'.repeat(256)}`,
      'The query parameter code is not a room code.',
    ],
    [
      'an Astation with a session instead of a code',
      'role=astation&session=s',
      'The query parameter code is missing or empty.',
    ],
  ])('%s', async (_name, query, error) => {
    expect(await refused(`${server.url}/ws?${query}`)).toEqual(refusal(400, 'BAD_REQUEST', error));
  });

  test('no query at all', async () => {
    expect(await refused(`${server.url}/ws`)).toMatchObject({ status: 400, body: { code: 'BAD_REQUEST' } });
  });

  test('a plain HTTP request', async () => {
    const owner = await openAstation(server.url, 'plain');
    for (const query of ['role=atem&code=plain', 'role=astation&code=other']) {
      const answer = await rest('GET', `${server.url}/ws?${query}`);
      expect([answer.status, answer.body]).toEqual([
        400,
        { error: 'This path accepts only WebSockets; connect with ws:// or wss://.', code: 'BAD_REQUEST' },
      ]);
    }
    expect(await server.room('other')).toBeUndefined();
    await owner.hearsNothing();
  });
});

describe('401: a session without access', () => {
  const error = 'This session is unknown, expired, denied, revoked, or not bound to an Astation.';
  const create = async () =>
    (
      await rest<{ id: string; otp: string }>('POST', `${server.url}/api/sessions`, {
        body: { hostname: 'h' },
      })
    ).body;
  const enter = (session: string) => refused(wsUrl(server.url, { role: 'atem', session, atem_id: 'a' }));

  test('unknown', async () => {
    expect(await enter(randomUUID())).toEqual(refusal(401, 'UNAUTHORIZED', error));
  });
  test('pending', async () => {
    const { id } = await create();
    expect(await enter(id)).toEqual(refusal(401, 'UNAUTHORIZED', error));
  });
  test('granted by OTP alone, and so unbound', async () => {
    const { id, otp } = await create();
    await rest('POST', `${server.url}/api/sessions/${id}/grant`, { body: { otp } });
    expect(await enter(id)).toEqual(refusal(401, 'UNAUTHORIZED', error));
  });
  test('denied', async () => {
    const { id } = await create();
    await rest('POST', `${server.url}/api/sessions/${id}/deny`);
    expect(await enter(id)).toEqual(refusal(401, 'UNAUTHORIZED', error));
  });
  test('revoked, and expired', async () => {
    const store = new SessionStore(database.db);
    const [revoked, expired] = [randomUUID(), randomUUID()];
    for (const id of [revoked, expired])
      await store.createGranted(id, { hostname: 'h', astationId: 'st-401' });
    await openAstation(server.url, 'st-401');
    await store.revoke(revoked);
    await database.admin.query(
      `UPDATE sessions SET expires_at = now() WHERE id_hash = sha256(convert_to($1, 'UTF8'))`,
      [expired],
    );
    expect(await enter(revoked)).toEqual(refusal(401, 'UNAUTHORIZED', error));
    expect(await enter(expired)).toEqual(refusal(401, 'UNAUTHORIZED', error));
  });
});

describe('404: an atem may join, not create', () => {
  const noRoom = refusal(404, 'NOT_FOUND', 'There is no room with this code.');

  test('an unknown code', async () => {
    expect(await refused(wsUrl(server.url, { role: 'atem', code: 'nobody', atem_id: 'a' }))).toEqual(noRoom);
    expect(await server.room('nobody')).toBeUndefined();
  });
  test('the room of an Astation that has left', async () => {
    const owner = await openAstation(server.url, 'left');
    const atem = await openAtem(server.url, 'left', 'a');
    await atem.leave();
    await owner.leave();
    await expect.poll(() => server.room('left')).toBeUndefined();
    expect(await refused(wsUrl(server.url, { role: 'atem', code: 'left' }))).toEqual(noRoom);
  });
  test('a bound session whose Astation is not there', async () => {
    const id = randomUUID();
    await new SessionStore(database.db).createGranted(id, { hostname: 'h', astationId: 'away' });
    expect(await refused(wsUrl(server.url, { role: 'atem', session: id }))).toEqual(noRoom);
  });
});

test('410: a pairing room that no Astation came to in ten minutes, for both roles', async () => {
  await withRelayServer({ databaseUrl: database.url }, async (own) => {
    const code = await pair(own.url);
    const waiting = await openAtem(own.url, code, 'early');
    own.clock.advanceRooms(PAIRING_LIFETIME_MS - 5000);
    await (await openAtem(own.url, code, 'in-time')).leave();
    own.clock.advanceRooms(5000);
    const expired = refusal(410, 'GONE', 'This pairing code has expired.');
    expect(await refused(wsUrl(own.url, { role: 'atem', code, atem_id: 'late' }))).toEqual(expired);
    expect(await refused(wsUrl(own.url, { role: 'astation', code }))).toEqual(expired);
    await own.sweep();
    expect(await waiting.closed()).toEqual({ code: 1008, reason: 'the pairing code has expired' });
    expect((await rest('GET', `${own.url}/api/pair/${code}`)).body).toMatchObject({
      expired: true,
      atem_count: 0,
    });
    own.clock.advanceRooms(PAIRING_LIFETIME_MS);
    await own.sweep();
    expect((await rest('GET', `${own.url}/api/pair/${code}`)).status).toBe(404);
  });
});

describe('429: too many sockets from one address', () => {
  const tooMany = {
    ...refusal(429, 'TOO_MANY_REQUESTS', 'Too many sockets from this address.'),
    retryAfter: '10',
  };
  const limited = () => ({ databaseUrl: database.url, config: { relayMaxSocketsPerAddress: 3 } });

  test('for both roles, until one leaves; another address is not concerned', async () => {
    await withRelayServer(limited(), async (own) => {
      await openAstation(own.url, 'crowd');
      await openAtem(own.url, 'crowd', 'a');
      const leaver = await openAtem(own.url, 'crowd', 'b');
      expect(await refused(wsUrl(own.url, { role: 'atem', code: 'crowd', atem_id: 'c' }))).toEqual(tooMany);
      expect(await refused(wsUrl(own.url, { role: 'astation', code: 'other' }))).toEqual(tooMany);
      await openAtem(own.url, 'crowd', 'elsewhere', { from: '127.0.0.2' });
      await leaver.leave();
      await expect.poll(() => own.countOf('127.0.0.1')).toBe(2);
      await openAtem(own.url, 'crowd', 'c');
      expect(await refused(wsUrl(own.url, { role: 'atem', code: 'crowd', atem_id: 'd' }))).toEqual(tooMany);
    });
  });

  test('addresses of one IPv6 network are one', async () => {
    const { databaseUrl, config } = limited();
    const options = { databaseUrl, config: { ...config, trustProxy: ['127.0.0.1'] } };
    await withRelayServer(options, async (own) => {
      const openFrom = (address: string, code: string) =>
        connect(wsUrl(own.url, { role: 'astation', code }), { headers: { 'x-forwarded-for': address } });
      for (let n = 1; n <= 3; n++)
        expect(await openFrom(`2001:db8:1:2::${n}`, `network-${n}`)).toBeInstanceOf(TestSocket);
      expect(await openFrom('2001:db8:1:2:3::4', 'network-4')).toEqual(tooMany);
      expect(await openFrom('2001:db8:1:3::4', 'network-4')).toBeInstanceOf(TestSocket);
    });
  });

  test('thirty sockets at once: only the allowed number is accepted', async () => {
    await withRelayServer(limited(), async (own) => {
      const outcomes = await Promise.all(
        Array.from({ length: 30 }, (_, n) =>
          connect(wsUrl(own.url, { role: 'astation', code: `room-${n}` })),
        ),
      );
      const sockets = outcomes.filter((outcome) => outcome instanceof TestSocket);
      const refusals = outcomes.filter((outcome): outcome is Refused => !(outcome instanceof TestSocket));
      for (const one of refusals) expect(one).toEqual(tooMany);
      expect(sockets).toHaveLength(3);
      expect(own.sockets).toBe(3);
    });
  });

  test('a refused socket does not count', async () => {
    await withRelayServer(limited(), async (own) => {
      for (let n = 0; n < 10; n++)
        expect((await refused(`${own.url}/ws?role=atem&code=nobody`)).status).toBe(404);
      for (let n = 0; n < 3; n++) await openAstation(own.url, `place-${n}`);
      expect(own.countOf('127.0.0.1')).toBe(3);
    });
  });
});

test('503 while draining', async () => {
  await withRelayServer({ databaseUrl: database.url }, async (own) => {
    const owner = await openAstation(own.url, 'drained');
    for (const { services } of own.replicas) services.sockets.drain();
    expect(await owner.closed()).toEqual({ code: 1012, reason: 'the server is restarting' });
    for (const role of ['atem', 'astation']) {
      expect(await refused(wsUrl(own.url, { role, code: 'drained' }))).toEqual({
        ...refusal(503, 'SERVICE_UNAVAILABLE', 'This server is stopping; connect again.'),
        retryAfter: '1',
      });
    }
  });
});

describe('Origin', () => {
  const enter = (origin: string, host?: string) =>
    connect(wsUrl(server.one.url, { role: 'astation', code: `origin-${randomUUID()}` }), {
      headers: { origin, ...(host === undefined ? {} : { host }) },
    });
  const denied = refusal(
    403,
    'FORBIDDEN',
    'Pages of this origin may not connect here; add it to CORS_ORIGIN to allow it.',
  );

  test.each([
    'https://evil.example.org',
    'https://relay.example.org.evil.org',
    'https://relay.example.org:8443',
    'http://relay.example.org',
    'https://sub.dashboard.example.org',
    'null',
    'file://',
    'http://127.0.0.1:1',
  ])('%s is refused', async (origin) => {
    expect(await enter(origin)).toEqual(denied);
  });

  test('the own host, the public address and CORS_ORIGIN are accepted', async () => {
    for (const origin of [server.one.url, 'https://relay.example.org', 'https://dashboard.example.org']) {
      expect(await enter(origin)).toBeInstanceOf(TestSocket);
    }
    expect(await enter('https://behind.example.org', 'BEHIND.example.org:443')).toBeInstanceOf(TestSocket);
  });

  test('a program without Origin is accepted', async () => {
    expect(await open(wsUrl(server.url, { role: 'astation', code: 'no-origin' }))).toBeInstanceOf(TestSocket);
  });

  test('the origin is checked before rooms and sessions', async () => {
    const headers = { origin: 'https://evil.example.org' };
    expect(await refused(`${server.url}/ws`, { headers })).toEqual(denied);
    expect(await refused(wsUrl(server.url, { role: 'atem', session: 'x' }), { headers })).toEqual(denied);
  });

  test('CORS_ORIGIN=* accepts every page', async () => {
    await withRelayServer({ databaseUrl: database.url, config: { corsOrigin: ['*'] } }, async (own) => {
      const headers = { origin: 'https://anywhere.example.org' };
      await open(wsUrl(own.url, { role: 'astation', code: 'star' }), { headers });
    });
  });
});

const KEY = 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==';

describe('an upgrade on another path', () => {
  test.each([
    ['/health', 200],
    ['/nowhere', 404],
    ['/%zz', 400],
    ['/ws%ff', 400],
    [`/api/pair/${'x'.repeat(2000)}`, 400],
    ['/api/vault?id=a', 401],
    ['/auth?id=x', 404],
  ])('GET %s is answered, and its connection closed', async (path, status) => {
    expect(await askForUpgrade(server.url, `GET ${path}`)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });
});

test.each([
  ['no key', ['sec-websocket-version: 13'], /Sec-WebSocket-Key/],
  ['a short key', ['sec-websocket-version: 13', 'sec-websocket-key: x'], /Sec-WebSocket-Key/],
  ['an old version', ['sec-websocket-version: 7', KEY], /Sec-WebSocket-Version/],
  ['no version', [KEY], /Sec-WebSocket-Version/],
  ['protocols without names', ['sec-websocket-version: 13', KEY, 'sec-websocket-protocol: ,,'], /-Protocol/],
  ['a protocol twice', ['sec-websocket-version: 13', KEY, 'sec-websocket-protocol: a, a'], /-Protocol/],
])(
  'C3: an opening handshake with %s is refused in the shape of every error',
  async (_, headers, sentence) => {
    const answer = await askForUpgrade(server.url, 'GET /ws?role=astation&code=handshake', headers);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 400 [\s\S]*content-type: application\/json/);
    expect(JSON.parse(body)).toEqual({ error: expect.stringMatching(sentence), code: 'BAD_REQUEST' });
  },
);

/** Sends the head of a request that asks for an upgrade. @returns all that came until the other side closed */
function askForUpgrade(base: string, target: string, headers: string[] = []): Promise<string> {
  const { hostname, port, host } = new URL(base);
  const socket = dialTcp({ host: hostname, port: Number(port), allowHalfOpen: true });
  const head = [
    `${target} HTTP/1.1`,
    `host: ${host}`,
    'connection: Upgrade',
    'upgrade: websocket',
    'content-type: application/json',
    'content-length: 2',
    ...headers,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  const answer = text(socket);
  return within(answer, () => 'the connection to be closed').finally(() => socket.destroy());
}
