import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect as dialTcp, type Server } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { describe, expect, test, vi } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { IDLE_TIMEOUT_MS, MAX_FRAME_BYTES, PING_INTERVAL_MS } from '../../src/relay/frames/protocol.ts';
import { MAX_FULL_MS, MAX_QUEUED_BYTES } from '../../src/relay/sockets/send-queue.ts';
import { SessionStore } from '../../src/session/store.ts';
import { AstationKey } from '../support/astation-key.ts';
import { rest, trpcClient, trpcRefusal } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { within } from '../support/inbox.ts';
import { startRelayServer, useRelayServer, withRelayServer } from '../support/relay-server.ts';
import {
  type AstationSocket,
  open,
  openAstation,
  openAtem,
  openVerified,
  refused,
  type TestSocket,
  wsUrl,
} from '../support/sockets.ts';

const database = useDatabase();
const server = useRelayServer(database);

const newCode = () => `st-${randomUUID()}`;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const PAIRING_CODE = /^[ABCDEFGHJKMNPQRSTUVWXYZ23456789]{4}-[ABCDEFGHJKMNPQRSTUVWXYZ23456789]{4}$/;

/** Takes the event of an atem that has come. @returns the id of its socket */
async function connected(owner: TestSocket, atemId: string): Promise<string> {
  const event = await owner.next(`${atemId} to be announced`);
  expect(event).toEqual({
    atem_id: atemId,
    connection_id: expect.stringMatching(UUID),
    relay_event: 'connected',
  });
  return String(event.connection_id);
}

/** An owner, and an atem in its room. */
async function room(atemId = 'a', at = server) {
  const code = newCode();
  const owner = await openAstation(at.url, code);
  const atem = await openAtem(at.url, code, atemId);
  return { code, owner, atem, connectionId: await connected(owner, atemId) };
}

/** Sends a broadcast and shows that it is the next thing these atems get. */
async function reaches(owner: AstationSocket, ...atems: TestSocket[]): Promise<void> {
  const marker = JSON.stringify({ marker: randomUUID() });
  owner.send(marker);
  for (const atem of atems) expect(await atem.nextText('the marker')).toBe(marker);
}

const anonymous = () => trpcClient(server.url, { session: 'none', clientId: 'x' });

/** The three calls on rooms, which both surfaces have. */
const SURFACES = {
  rest: {
    create: async (hostname: string) => {
      const { status, body } = await rest<{ code: string }>('POST', `${server.url}/api/pair`, {
        body: { hostname },
      });
      expect(status).toBe(201);
      return body;
    },
    status: async (code: string) => {
      const { status, body } = await rest('GET', `${server.url}/api/pair/${encodeURIComponent(code)}`);
      return status === 200 ? body : status;
    },
    close: async (code: string) => {
      const { status, body } = await rest('DELETE', `${server.url}/api/pair/${encodeURIComponent(code)}`);
      return status === 200 ? body : status;
    },
  },
  trpc: {
    create: (hostname: string) => anonymous().pairing.create.mutate({ hostname }),
    status: (code: string) => orStatus(anonymous().pairing.status.query({ code })),
    close: (code: string) => orStatus(anonymous().pairing.close.mutate({ code })),
  },
};

async function orStatus(call: Promise<unknown>): Promise<unknown> {
  const settled = await Promise.allSettled([call]);
  return settled[0].status === 'fulfilled' ? settled[0].value : (await trpcRefusal(call)).status;
}

describe.each(['rest', 'trpc'] as const)('pairing over %s', (surface) => {
  const pairing = SURFACES[surface];

  test('a room is opened, filled, listed and closed with its sockets', async () => {
    const created = await pairing.create('团队的 mac');
    expect(created).toEqual({ code: expect.stringMatching(PAIRING_CODE) });
    const { code } = created;
    const empty = {
      paired: false,
      hostname: '团队的 mac',
      atem_count: 0,
      atem_connected: false,
      astation_connected: false,
      expired: false,
    };
    expect(await pairing.status(code)).toEqual(empty);
    const atem = await openAtem(server.url, code, 'a');
    // The socket opens before the server enters the atem into the room.
    await vi.waitFor(async () => expect(await pairing.status(code)).toMatchObject({ atem_count: 1 }));
    expect(await pairing.status(code)).toEqual({
      ...empty,
      atem_count: 1,
      atem_ids: ['a'],
      atem_connected: true,
    });
    const owner = await openAstation(server.url, code);
    await connected(owner, 'a');
    expect(await pairing.status(code)).toEqual({
      ...empty,
      paired: true,
      atem_count: 1,
      atem_ids: ['a'],
      atem_connected: true,
      astation_connected: true,
    });
    await reaches(owner, atem);
    expect(await pairing.close(code)).toEqual({ closed: true });
    for (const socket of [atem, owner]) {
      expect(await socket.closed()).toEqual({ code: 1000, reason: 'the room was closed' });
    }
    expect(await pairing.status(code)).toBe(404);
    expect(await pairing.close(code)).toBe(404);
    expect((await refused(wsUrl(server.url, { role: 'atem', code }))).status).toBe(404);
  });

  test('unknown codes are 404', async () => {
    for (const code of ['ABCD-EFGH', 'x', '不存在', 'a/b', 'a%2Fb']) {
      expect(await pairing.status(code)).toBe(404);
      expect(await pairing.close(code)).toBe(404);
    }
  });

  test('a room with a registered key cannot be closed, with or without an Astation in it', async () => {
    const code = newCode();
    const owner = await openVerified(server.url, code, new AstationKey());
    const atem = await openAtem(server.url, code, 'a');
    await connected(owner, 'a');
    expect(await pairing.close(code)).toBe(409);
    await reaches(owner, atem);
    await atem.leave();
    await owner.leave();
    expect(await pairing.close(code)).toBe(409);
  });

  test('the room of an Astation without a key shows itself, and can be closed', async () => {
    const { code, owner, atem } = await room();
    expect(await pairing.status(code)).toEqual({
      paired: true,
      hostname: 'identity',
      atem_count: 1,
      atem_ids: ['a'],
      atem_connected: true,
      astation_connected: true,
      expired: false,
    });
    expect(await pairing.close(code)).toEqual({ closed: true });
    expect((await owner.closed()).code).toBe(1000);
    expect((await atem.closed()).code).toBe(1000);
  });
});

test('a pairing code stays while its Astation does, and lives ten minutes more without', async () => {
  await withRelayServer({ databaseUrl: database.url }, async (own) => {
    const { body } = await rest<{ code: string }>('POST', `${own.url}/api/pair`, { body: { hostname: 'h' } });
    const owner = await openAstation(own.url, body.code);
    own.clock.advanceRooms(3_600_000);
    await own.sweep();
    const atem = await openAtem(own.url, body.code, 'late');
    await connected(owner, 'late');
    await owner.leave();
    await expect
      .poll(async () => (await rest('GET', `${own.url}/api/pair/${body.code}`)).body)
      .toMatchObject({ astation_connected: false, expired: false });
    own.clock.advanceRooms(599_000);
    await own.sweep();
    const again = await openAstation(own.url, body.code);
    await connected(again, 'late');
    await reaches(again, atem);
  });
});

test('room codes beyond ASCII and with reserved characters work in paths and queries', async () => {
  const longest = '团'.repeat(85); // 255 bytes
  for (const code of ['团队 アプリ 🚀', 'a/b?c#d%25&e=f+g', longest]) {
    const owner = await openAstation(server.url, code);
    const atem = await openAtem(server.url, code, 'a');
    await connected(owner, 'a');
    await reaches(owner, atem);
    const answer = await rest('GET', `${server.url}/api/pair/${encodeURIComponent(code)}`);
    expect([code, answer.status, answer.body]).toMatchObject([code, 200, { paired: true }]);
  }
});

describe('from an atem to its Astation', () => {
  test.each([
    ['{"type":"hello","data":{"n":1}}', '{"type":"hello","data":{"n":1}}'],
    ['{"id":12345678901234567890,"pi":3.10,"e":1E400}', '{"id":12345678901234567890,"pi":3.10,"e":1E400}'],
    ['{"b":1,"a":2,"10":3,"2":4}', '{"b":1,"a":2,"10":3,"2":4}'],
    [' [1, 2 ]\n', ' [1, 2 ]\n'],
    ['"text"', '"text"'],
    ['null', 'null'],
    ['plain text', '"plain text"'],
    ['{"broken":', '"{\\"broken\\":"'],
    ['', '""'],
    ['团队 "quoted" \\ 🚀', '"团队 \\"quoted\\" \\\\ 🚀"'],
  ])('%j', async (sent, payload) => {
    const { owner, atem, connectionId } = await room();
    atem.send(sent);
    expect(await owner.nextText()).toBe(
      `{"atem_id":"a","connection_id":"${connectionId}","payload":${payload}}`,
    );
  });

  test('frames to one atem keep their order, and another atem gets none', async () => {
    const { code, owner, atem, connectionId } = await room();
    const other = await openAtem(server.url, code, 'b');
    await connected(owner, 'b');
    for (let n = 0; n < 500; n++) atem.send({ n });
    for (let n = 0; n < 500; n++) {
      expect(await owner.next()).toEqual({ atem_id: 'a', connection_id: connectionId, payload: { n } });
    }
    await reaches(owner, other);
  });

  test('a binary frame is ignored on both sides', async () => {
    const { owner, atem, connectionId } = await room();
    atem.ws.send(Buffer.from('{"binary":1}'), { binary: true });
    atem.send('"text"');
    expect(await owner.next()).toEqual({ atem_id: 'a', connection_id: connectionId, payload: 'text' });
    owner.ws.send(Buffer.from('{"binary":1}'), { binary: true });
    await reaches(owner, atem);
  });

  test('without an Astation a frame is lost, and the atem stays', async () => {
    const { code, owner, atem } = await room();
    await owner.leave();
    await expect.poll(async () => (await server.room(code))?.owner).toBeUndefined();
    atem.send('"into the void"');
    const next = await openAstation(server.url, code);
    await connected(next, 'a');
    await next.hearsNothing();
  });
});

describe('from an Astation', () => {
  test('an envelope brings its payload, as it was written, to that atem alone', async () => {
    const { code, owner, atem, connectionId } = await room();
    const other = await openAtem(server.url, code, 'b');
    await connected(owner, 'b');
    const payload = '{"z":9007199254740993,"10":0.10,"2":[1E400, null]}';
    owner.send(`{"payload": ${payload}, "connection_id":"${connectionId}","atem_id":"a"}`);
    expect(await atem.nextText()).toBe(payload);
    owner.send({ atem_id: 'a', connection_id: connectionId, payload: 'text' });
    expect(await atem.nextText()).toBe('"text"');
    await reaches(owner, atem, other);
  });

  test('a frame that is not for a current socket is dropped', async () => {
    const { code, owner, atem, connectionId } = await room();
    const other = await openAtem(server.url, code, 'b');
    const otherId = await connected(owner, 'b');
    for (const frame of [
      { atem_id: 'a', connection_id: otherId, payload: 1 },
      { atem_id: 'b', connection_id: connectionId, payload: 2 },
      { atem_id: 'a', connection_id: randomUUID(), payload: 3 },
      { atem_id: 'c', connection_id: connectionId, payload: 4 },
      { atem_id: 'a', payload: 5 },
      { atem_id: 'a', connection_id: connectionId },
      { atem_id: 7, connection_id: connectionId, payload: 6 },
      { atem_id: null, payload: 7 },
    ]) {
      owner.send(frame);
    }
    await reaches(owner, atem, other);
  });

  test.each([
    '{"b" : 1,\t"a":12345678901234567890 }',
    '[1,2,  3]',
    '"text"',
    'no JSON at all',
    '{"type":"团队 🚀","data":{"10":1,"2":1E400}}',
    '{"payload":{"atem_id":"a"}}',
  ])('without atem_id it goes to every atem, byte for byte: %s', async (text) => {
    const { code, owner, atem } = await room();
    const other = await openAtem(server.url, code, 'b');
    await connected(owner, 'b');
    owner.send(text);
    expect(await atem.nextText()).toBe(text);
    expect(await other.nextText()).toBe(text);
  });

  test('nothing leaves the room', async () => {
    const first = await room();
    const second = await room();
    first.owner.send('"of the first"');
    first.owner.send({ atem_id: 'a', connection_id: second.connectionId, payload: 'stray' });
    expect(await first.atem.nextText()).toBe('"of the first"');
    await reaches(second.owner, second.atem);
    first.atem.send('"up"');
    expect(await first.owner.next()).toMatchObject({ payload: 'up' });
    await second.owner.hearsNothing();
  });
});

describe('an atem that reconnects', () => {
  test('replaces its old socket, whose late close does not remove the new one', async () => {
    const { code, owner, atem: old, connectionId: oldId } = await room();
    // Paused, it neither sees the close frame nor answers it: its end comes late.
    old.ws.pause();
    const fresh = await openAtem(server.url, code, 'a');
    const freshId = await connected(owner, 'a');
    expect(freshId).not.toBe(oldId);
    expect(server.sockets).toBeGreaterThanOrEqual(3);
    const before = server.sockets;

    owner.send({ atem_id: 'a', connection_id: oldId, payload: 'to the old one' });
    old.send('"from the old one"');
    fresh.send('"from the new one"');
    expect(await owner.next()).toEqual({ atem_id: 'a', connection_id: freshId, payload: 'from the new one' });

    old.ws.resume();
    expect(await old.closed()).toEqual({ code: 1000, reason: 'replaced by a newer connection' });
    expect(old.takeWaiting()).toEqual([]);
    await expect.poll(() => server.sockets).toBe(before - 1);
    owner.send({ atem_id: 'a', connection_id: freshId, payload: 'to the new one' });
    expect(await fresh.nextText()).toBe('"to the new one"');
    await owner.hearsNothing();
    expect((await rest('GET', `${server.url}/api/pair/${code}`)).body).toMatchObject({
      atem_count: 1,
      atem_ids: ['a'],
    });
    await fresh.leave();
    expect(await owner.next()).toEqual({ atem_id: 'a', connection_id: freshId, relay_event: 'disconnected' });
  });

  test('twenty times at once leaves one, and it works', async () => {
    const { code, owner } = await room('other');
    const sockets = await Promise.all(Array.from({ length: 20 }, () => openAtem(server.url, code, 'same')));
    const ids: string[] = [];
    for (let n = 0; n < 20; n++) ids.push(await connected(owner, 'same'));
    expect(new Set(ids).size).toBe(20);
    owner.send({ atem_id: 'same', connection_id: ids[19], payload: 'you are it' });
    const endings = await Promise.all(
      sockets.map((socket) => socket.nextText().catch(async () => (await socket.closed()).code)),
    );
    expect(endings.filter((ending) => ending === '"you are it"')).toHaveLength(1);
    expect(endings.filter((ending) => ending === 1000)).toHaveLength(19);
    await owner.hearsNothing();
  });
});

describe('an Astation that reconnects', () => {
  test('gets the list of atems, and the old socket gets no more frames', async () => {
    const code = newCode();
    const key = new AstationKey();
    const first = await openVerified(server.url, code, key);
    const [a, b] = [await openAtem(server.url, code, 'a'), await openAtem(server.url, code, 'b')];
    const ids = [await connected(first, 'a'), await connected(first, 'b')];
    const second = await openVerified(server.url, code, key);
    expect([await connected(second, 'a'), await connected(second, 'b')]).toEqual(ids);
    expect(await first.closed()).toEqual({ code: 1000, reason: 'replaced by a newer connection' });
    await b.leave();
    expect(await second.next()).toMatchObject({ atem_id: 'b', relay_event: 'disconnected' });
    await reaches(second, a);
    expect(first.takeWaiting()).toEqual([]);
  });

  test('finds the atems that waited for it', async () => {
    const { code, owner, atem, connectionId } = await room();
    owner.ws.terminate();
    await expect
      .poll(async () => (await rest('GET', `${server.url}/api/pair/${code}`)).body)
      .toMatchObject({ astation_connected: false, atem_count: 1, paired: false });
    const back = await openAstation(server.url, code);
    expect(await connected(back, 'a')).toBe(connectionId);
    await reaches(back, atem);
  });
});

test.each([
  ['%E5%9B%A2%E9%98%9F-mac', '团队-mac'],
  ['a_b.c d!e'.replaceAll(' ', '%20'), 'abcde'],
  ['100%25', '100'],
  ['%2541', '41'],
  ['%E6%97%A5%E6%9C%AC%F0%9F%9A%80', '日本🚀'],
])('an atem that calls itself %s is %s to its Astation', async (raw, atemId) => {
  const code = newCode();
  const owner = await openAstation(server.url, code);
  const atem = await open(`${server.url}/ws?role=atem&code=${code}&atem_id=${raw}`);
  const connectionId = await connected(owner, atemId);
  atem.send('1');
  expect(await owner.next()).toEqual({ atem_id: atemId, connection_id: connectionId, payload: 1 });
  owner.send({ atem_id: atemId, connection_id: connectionId, payload: 2 });
  expect(await atem.nextText()).toBe('2');
  await atem.leave();
  expect(await owner.next()).toEqual({
    atem_id: atemId,
    connection_id: connectionId,
    relay_event: 'disconnected',
  });
});

test('atems without an id get distinct names', async () => {
  const code = newCode();
  const owner = await openAstation(server.url, code);
  const names = new Set<unknown>();
  for (const query of ['', '&atem_id=', '&atem_id=%21_.']) {
    await open(`${server.url}/ws?role=atem&code=${code}${query}`);
    const event = await owner.next();
    expect(event.atem_id).toMatch(/^atem-[0-9a-f]{8}$/);
    names.add(event.atem_id);
  }
  expect(names.size).toBe(3);
});

test('a bound session brings an atem into the room of its Astation', async () => {
  const code = newCode();
  const session = randomUUID();
  await new SessionStore(database.db).createGranted(session, { hostname: 'h', astationId: code });
  const owner = await openAstation(server.url, code);
  // The session decides, whatever code stands beside it.
  const atem = await open(wsUrl(server.url, { role: 'atem', session, code: 'elsewhere', atem_id: 'a' }));
  await connected(owner, 'a');
  await reaches(owner, atem);
});

describe('limits', () => {
  test('a frame of 1 MiB passes both ways, one byte more closes with 1009', async () => {
    const { code, owner, atem, connectionId } = await room();
    const full = 'x'.repeat(MAX_FRAME_BYTES);
    atem.send(full);
    expect(await owner.next()).toEqual({ atem_id: 'a', connection_id: connectionId, payload: full });
    owner.send(full);
    expect((await atem.nextText()).length).toBe(MAX_FRAME_BYTES);

    atem.send(`${full}x`);
    expect((await atem.closed()).code).toBe(1009);
    expect(await owner.next()).toMatchObject({ atem_id: 'a', relay_event: 'disconnected' });
    owner.send(`${full}x`);
    expect((await owner.closed()).code).toBe(1009);
    await expect.poll(() => server.room(code)).toBeUndefined();
  });

  test('a ping every 60 s; 90 s of silence end a socket, on either side', async () => {
    await withRelayServer({ databaseUrl: database.url }, async (own) => {
      const { owner, atem, code } = await room('a', own);
      const mute = await openAtem(own.url, code, 'mute');
      await connected(owner, 'mute');
      mute.ws.pause(); // it answers no ping
      own.clock.advance(PING_INTERVAL_MS - 5000);
      own.tick();
      await reaches(owner, atem);
      expect([owner.pingsWaiting, atem.pingsWaiting]).toEqual([0, 0]);
      own.clock.advance(5000);
      own.tick();
      await Promise.all([owner.nextPing(), atem.nextPing()]);
      // Their pongs are here when what they sent after them is.
      atem.send('"after the pong"');
      expect(await owner.next()).toMatchObject({ payload: 'after the pong' });
      await reaches(owner, atem);

      own.clock.advance(IDLE_TIMEOUT_MS - PING_INTERVAL_MS - 5000);
      own.tick();
      await owner.hearsNothing();
      own.clock.advance(5000);
      own.tick();
      expect(await owner.next()).toMatchObject({ atem_id: 'mute', relay_event: 'disconnected' });
      mute.ws.resume();
      expect((await mute.closed()).code).toBe(1006);
      await reaches(owner, atem);

      own.clock.advance(IDLE_TIMEOUT_MS);
      own.tick();
      expect((await owner.closed()).code).toBe(1006);
      expect((await atem.closed()).code).toBe(1006);
    });
  });

  test('a client that stops reading is closed with 1013, while others get every frame in order', async () => {
    const { relayLimits } = readConfig({});
    const config = { relayLimits: { ...relayLimits, unprovedPerSecond: 0 } };
    await withRelayServer({ databaseUrl: database.url, config }, async (own) => {
      const { owner, atem, code } = await room('a', own);
      const stuck = await openAtem(own.url, code, 'stuck');
      const stuckId = await connected(owner, 'stuck');
      stuck.ws.pause();
      const frame = (n: number) => JSON.stringify({ n, fill: 'x'.repeat(200_000) });
      // Until the buffers of both ends of the connection are full, and then the queue; one at a time, so
      // that the other atem never has more than a few to take.
      let sent = 0;
      const broadcast = async () => {
        owner.send(frame(sent));
        expect(await atem.nextText()).toBe(frame(sent));
        sent++;
      };
      const stalled = () => own.isFull(stuckId);
      while (!stalled()) await broadcast();
      expect(sent * 200_000).toBeGreaterThan(MAX_QUEUED_BYTES);
      own.clock.advance(MAX_FULL_MS - 5000);
      own.tick();
      await broadcast();
      expect((await own.room(code))?.atems.has('stuck')).toBe(true);
      own.clock.advance(5000);
      own.tick();
      for (let n = 0; n < 5; n++) await broadcast();
      stuck.ws.resume();
      expect(await stuck.closed()).toEqual({
        code: 1013,
        reason: 'this connection does not take its frames',
      });
      const taken = stuck.takeWaiting().map((text) => JSON.parse(text).n as number);
      expect(taken).toEqual(Array.from(taken, (_, n) => n));
      expect(taken.length).toBeLessThan(sent);
      expect(await owner.next()).toMatchObject({ atem_id: 'stuck', relay_event: 'disconnected' });
      await reaches(owner, atem);
    });
  });

  test('a client that reads on after a pause gets every frame, and stays', async () => {
    await withRelayServer({ databaseUrl: database.url }, async (own) => {
      const { owner, atem } = await room('a', own);
      atem.ws.pause();
      for (let n = 0; n < 15; n++) owner.send({ n, fill: 'x'.repeat(200_000) });
      await owner.hearsNothing();
      own.clock.advance(MAX_FULL_MS);
      own.tick();
      atem.ws.resume();
      for (let n = 0; n < 15; n++) expect((await atem.next()).n).toBe(n);
      await reaches(owner, atem);
    });
  });
});

describe('when the server stops', () => {
  test('everyone is closed with 1012 and sees why', async () => {
    const own = await startRelayServer(database.url);
    const { owner, atem } = await room('a', own);
    const stopped = own.stop();
    for (const socket of [owner, atem]) {
      expect(await socket.closed()).toEqual({ code: 1012, reason: 'the server is restarting' });
    }
    await stopped;
  });

  test('a client that does not answer does not hold it up', async () => {
    const own = await startRelayServer(database.url);
    const { owner, atem } = await room('a', own);
    atem.ws.pause();
    await own.stop();
    expect((await owner.closed()).code).toBe(1012);
    atem.ws.resume();
    expect((await atem.closed()).code).toBe(1012);
  });

  test('a socket that connects at that moment is refused, and does not delay it', async () => {
    const own = await startRelayServer(database.url);
    const { url, app } = own.one;
    const owner = await openAstation(url, newCode());
    const { host, hostname, port } = new URL(url);
    const early = dialTcp({ host: hostname, port: Number(port), allowHalfOpen: true });
    await once(early, 'connect');
    // The server has to have the connection, not only the operating system.
    await expect.poll(() => countConnections(app.server)).toBe(2);
    const stopped = own.stop();
    await owner.closed();
    early.write(
      `GET /ws?role=astation&code=x HTTP/1.1\r\nhost: ${host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n`,
    );
    const answer = await within(readText(early), () => 'the connection to be closed');
    expect(answer).toMatch(/^HTTP\/1.1 503 /);
    expect(answer).toContain(
      '{"error":"This server is stopping; connect again.","code":"SERVICE_UNAVAILABLE"}',
    );
    await within(stopped, () => 'the server to stop');
    early.destroy();
  });

  test('a socket that was let in just before is closed like the others', async () => {
    const own = await startRelayServer(database.url);
    const blocker = await database.admin.connect();
    try {
      // The key is looked for before the upgrade, and has to wait.
      await blocker.query('BEGIN; LOCK TABLE astations IN ACCESS EXCLUSIVE MODE');
      const late = open(wsUrl(own.one.url, { role: 'astation', code: newCode() }));
      // Its place is taken first thing, so that it is inside by now.
      await expect.poll(() => own.countOf('127.0.0.1')).toBe(1);
      const stopped = own.stop();
      await blocker.query('COMMIT');
      expect(await (await late).closed()).toEqual({ code: 1012, reason: 'the server is restarting' });
      await within(stopped, () => 'the server to stop');
    } finally {
      blocker.release();
    }
  });
});

const countConnections = (server: Server) =>
  new Promise<number>((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });

test('an atem is evicted by its id: a socket by code replaces no atem that joined by its session', async () => {
  const id = 'st-proven-atem';
  const astation = await openAstation(server.url, id);
  await astation.prove(new AstationKey());
  const session = 'session-of-a-proven-atem';
  expect(await astation.ask({ type: 'relayBind', session_id: session })).toMatchObject({ ok: true });
  const proven = await open(wsUrl(server.url, { role: 'atem', session, atem_id: 'mac' }));
  const connected = await astation.next('the atem to be announced');
  const thief = await open(wsUrl(server.url, { role: 'atem', code: id, atem_id: 'mac' }));
  expect((await thief.closed()).code).toBe(1008);
  astation.send({
    atem_id: 'mac',
    connection_id: connected.connection_id,
    payload: { type: 'for-the-proven' },
  });
  expect(await proven.next()).toEqual({ type: 'for-the-proven' });
  const again = await open(wsUrl(server.url, { role: 'atem', session, atem_id: 'mac' }));
  expect((await proven.closed()).code).toBe(1000);
  await again.leave();
});
