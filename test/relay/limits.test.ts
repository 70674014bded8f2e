import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { AstationKey } from '../support/astation-key.ts';
import { useDatabase } from '../support/database.ts';
import { useRelayServer, withRelayServer } from '../support/relay-server.ts';
import {
  type AstationSocket,
  open,
  openAstation,
  openAtem,
  openVerified,
  type SocketOptions,
  wsUrl,
} from '../support/sockets.ts';

const database = useDatabase();
const server = useRelayServer(database);

const DEFAULTS = readConfig({}).relayLimits;
const limited = (limits: Partial<typeof DEFAULTS>) => ({
  databaseUrl: database.url,
  config: { relayLimits: { ...DEFAULTS, ...limits } },
});

const newCode = () => `st-${randomUUID()}`;
const ids = (n: number) => Array.from({ length: n }, () => randomUUID());
const setAll = (socket: AstationSocket, sessions: string[]) =>
  socket.ask({ type: 'relaySessions', sessions });
const bind = (socket: AstationSocket, id = randomUUID()) => socket.ask({ type: 'relayBind', session_id: id });

/** Proves a key from another address of this machine. */
async function verifiedFrom(
  base: string,
  { code, key, from }: { code: string; key: AstationKey; from: string },
) {
  const socket = await openAstation(base, code, { from });
  expect(await socket.prove(key)).toMatchObject({ status: expect.stringMatching(/^(registered|verified)$/) });
  return socket;
}

const tooMany = (type: string) => ({
  type: 'relayAck',
  for: type,
  ok: false,
  message: expect.stringMatching(/^Too many control frames; send this one again in \d+ seconds\.$/),
});

async function countRows(table: 'sessions' | 'audit_log'): Promise<number> {
  const { rows } = await database.admin.query(`SELECT count(*)::int AS n FROM ${table}`);
  return rows[0].n;
}

describe('control frames and the rows they make', () => {
  test('six sets of 1,000 new sessions: two are bound; the others are refused and change nothing', async () => {
    const [code, key] = [newCode(), new AstationKey()];
    const socket = await openVerified(server.url, code, key);
    const sets = Array.from({ length: 6 }, () => ids(1000));
    expect(await setAll(socket, sets[0] ?? [])).toMatchObject({ ok: true, skipped: 0 });
    expect(await setAll(socket, sets[1] ?? [])).toMatchObject({ ok: true, skipped: 0 });
    const before = [await countRows('sessions'), await countRows('audit_log')];
    for (const set of sets.slice(2)) expect(await setAll(socket, set)).toEqual(tooMany('relaySessions'));
    // Neither another kind of row, nor another socket at another server, is a way around.
    expect(await bind(socket)).toEqual(tooMany('relayBind'));
    const again = await openVerified(server.url, code, key);
    expect(await setAll(again, ids(1000))).toEqual(tooMany('relaySessions'));
    expect([await countRows('sessions'), await countRows('audit_log')]).toEqual(before);
    // What ends a binding is not held up by refused rows, and neither is another Astation.
    expect(await again.ask({ type: 'relayUnbind', session_id: sets[1]?.[0] })).toMatchObject({ ok: true });
    expect(await bind(await openVerified(server.url, newCode(), new AstationKey()))).toMatchObject({
      ok: true,
    });
  });

  test('a repeated set costs little', async () => {
    const socket = await openVerified(server.url, newCode(), new AstationKey());
    const set = ids(1000);
    await setAll(socket, set);
    const rows = await countRows('audit_log');
    for (let n = 0; n < 5; n++) expect(await setAll(socket, set)).toMatchObject({ ok: true, skipped: 0 });
    expect(await countRows('audit_log')).toBe(rows);
    expect(await setAll(socket, ids(900))).toMatchObject({ ok: true });
  });

  test('all Astations of one address together; another address is not concerned', async () => {
    await withRelayServer(limited({ controlPerAddress: 210 }), async (own) => {
      for (let n = 0; n < 2; n++) {
        expect(
          await setAll(await openVerified(own.url, newCode(), new AstationKey()), ids(100)),
        ).toMatchObject({
          ok: true,
        });
      }
      const third = await openVerified(own.url, newCode(), new AstationKey());
      expect(await setAll(third, ids(100))).toEqual(tooMany('relaySessions'));
      const other = { code: newCode(), key: new AstationKey(), from: '127.0.0.2' };
      expect(await setAll(await verifiedFrom(own.url, other), ids(100))).toMatchObject({ ok: true });
    });
  });

  test('frames without sessions count too, also unknown ones', async () => {
    await withRelayServer(limited({ controlPerMinute: 110 }), async (own) => {
      const socket = await openVerified(own.url, newCode(), new AstationKey());
      for (let n = 0; n < 110; n++) socket.send({ type: 'relayFutureThing' });
      for (let n = 0; n < 110; n++) {
        expect(await socket.next()).toMatchObject({ ok: false, message: 'not supported by this relay' });
      }
      expect(await socket.ask({ type: 'relayFutureThing' })).toEqual(tooMany('relayFutureThing'));
      expect(await bind(socket)).toEqual(tooMany('relayBind'));
    });
  });

  test('strangers do not use up the limits of an Astation, nor keep it from proving its key', async () => {
    await withRelayServer(limited({ controlPerMinute: 110 }), async (own) => {
      const [code, key] = [newCode(), new AstationKey()];
      const owner = await verifiedFrom(own.url, { code, key, from: '127.0.0.2' });
      for (let round = 0; round < 2; round++) {
        const stranger = await openAstation(own.url, code);
        for (let n = 0; n < 80; n++) stranger.send({ type: 'relayBind', session_id: randomUUID() });
        for (let n = 0; n < 80; n++) expect(await stranger.next()).toMatchObject({ ok: false });
        await stranger.leave();
      }
      expect(await setAll(owner, ids(100))).toMatchObject({ ok: true });
      const back = await verifiedFrom(own.url, { code, key, from: '127.0.0.2' });
      expect(await back.ask({ type: 'relayUnbind', session_id: randomUUID() })).toMatchObject({ ok: true });
    });
  });
});

describe('4 KiB before the proof', () => {
  const big = { type: 'relayFutureThing', data: 'x'.repeat(4096) };
  const reason = 'a frame may have 4096 bytes until the key is proved';

  test.each([
    ['a control frame', big],
    ['any other frame', { data: 'x'.repeat(4096) }],
    ['what is not JSON', 'x'.repeat(4097)],
    ['characters of several bytes', JSON.stringify({ data: '字'.repeat(1400) })],
  ])('%s beyond it closes a pending socket with 1009', async (_name, frame) => {
    const [code, key] = [newCode(), new AstationKey()];
    const owner = await openVerified(server.url, code, key);
    const pending = await openAstation(server.url, code);
    pending.send(frame);
    expect(await pending.closed()).toEqual({ code: 1009, reason });
    await owner.hearsNothing();
  });

  test('a frame of exactly 4,096 bytes is answered', async () => {
    const [code, key] = [newCode(), new AstationKey()];
    await openVerified(server.url, code, key);
    const pending = await openAstation(server.url, code);
    const frame = { type: 'relayFutureThing', data: '' };
    frame.data = 'x'.repeat(4096 - JSON.stringify(frame).length);
    expect(await pending.ask(frame)).toMatchObject({ ok: false });
  });

  test('an Astation without a key relays larger frames, but a larger control frame closes it', async () => {
    const code = newCode();
    const owner = await openAstation(server.url, code);
    const atem = await openAtem(server.url, code, 'a');
    expect(await owner.next()).toMatchObject({ relay_event: 'connected' });
    const text = JSON.stringify({ data: 'x'.repeat(500_000) });
    owner.send(text);
    expect(await atem.nextText()).toBe(text);
    owner.send(big);
    expect(await owner.closed()).toEqual({ code: 1009, reason });
  });

  test('a frame right after the proof may be larger', async () => {
    const [code, key] = [newCode(), new AstationKey()];
    await (await openVerified(server.url, code, key)).leave();
    const socket = await openAstation(server.url, code);
    socket.send(key.answer(socket.challenge, code));
    socket.send({ type: 'relaySessions', sessions: ids(1000) });
    expect(await socket.next()).toMatchObject({ status: 'verified' });
    expect(await socket.next()).toMatchObject({ for: 'relaySessions', ok: true, skipped: 0 });
  });
});

describe('frames beyond the limit wait', () => {
  const slow = { framesPerSecond: 100, framesPerAddress: 200, unprovedPerSecond: 100 };
  const config = { relayLimits: { ...DEFAULTS, ...slow } };
  const own = useRelayServer(database, { config });

  async function enter(base: string, options: SocketOptions = {}) {
    const code = newCode();
    const owner = await openVerified(base, code, new AstationKey());
    const atem = await openAtem(base, code, 'a', options);
    const { connection_id } = await owner.next();
    return { code, owner, atem, connection_id };
  }

  test('no frame is lost or overtakes another, in either direction; the last ones arrive when the limit allows', async () => {
    const { owner, atem } = await enter(own.url);
    const from = performance.now();
    for (let n = 0; n < 160; n++) atem.send(String(n));
    for (let n = 0; n < 160; n++) expect(await owner.next()).toMatchObject({ payload: n });
    expect(performance.now() - from).toBeGreaterThan(900);
    for (let n = 0; n < 160; n++) owner.send(String(n));
    for (let n = 0; n < 160; n++) expect(await atem.nextText()).toBe(String(n));
  });

  test('frames count by size, including frames that are not relayed, pings and pongs', async () => {
    const { owner, atem } = await enter(own.url);
    const sends = [
      () => atem.send('x'.repeat(120_000)),
      () => atem.ws.send(Buffer.alloc(120_000)),
      () => {
        // `ws` ends a connection with more than 60 unanswered pings. Pongs count too, and get no answer.
        for (let n = 0; n < 50; n++) atem.ws.ping();
        for (let n = 0; n < 70; n++) atem.ws.pong();
      },
    ];
    for (const send of sends) {
      const from = performance.now();
      send();
      atem.send('"after"');
      let frame = await owner.next();
      if (frame.payload !== 'after') frame = await owner.next();
      expect(frame).toMatchObject({ payload: 'after' });
      expect(performance.now() - from).toBeGreaterThan(500);
    }
  });

  test('frames from before a disconnect still arrive, and then the disconnect', async () => {
    const { owner, atem } = await enter(own.url);
    for (let n = 0; n < 160; n++) atem.send(String(n));
    const left = atem.leave();
    for (let n = 0; n < 160; n++) expect(await owner.next()).toMatchObject({ payload: n });
    expect(await owner.next()).toMatchObject({ relay_event: 'disconnected' });
    await left;
  });

  test('sockets without proof of one address share one limit', async () => {
    const rooms = [await enter(own.url), await enter(own.url)];
    const from = performance.now();
    for (const { atem } of rooms) for (let n = 0; n < 80; n++) atem.send(String(n));
    for (const { owner } of rooms) {
      for (let n = 0; n < 80; n++) expect(await owner.next()).toMatchObject({ payload: n });
    }
    expect(performance.now() - from).toBeGreaterThan(900);
  });

  test('proofs and proved sockets do not wait for unproved sockets', async () => {
    // A server of the test, because its frames wait for half a minute and hold up whatever comes after them.
    await withRelayServer({ databaseUrl: database.url, config }, async ({ url }) => {
      const { owner, atem } = await enter(url);
      const session = randomUUID();
      expect(await bind(owner, session)).toMatchObject({ ok: true });
      const proved = await open(wsUrl(url, { role: 'atem', session, atem_id: 'proved' }));
      expect(await owner.next()).toMatchObject({ atem_id: 'proved', relay_event: 'connected' });
      for (let n = 0; n < 30; n++) atem.send('x'.repeat(102_400));
      const fresh = await openVerified(url, newCode(), new AstationKey());
      expect(await bind(fresh)).toMatchObject({ ok: true });
      proved.send('"in time"');
      let before = 0;
      while ((await owner.next()).payload !== 'in time') before++;
      expect(before).toBeLessThan(20);
    });
  });
});

test('0 turns each limit off', async () => {
  const off = {
    controlPerMinute: 0,
    controlPerAddress: 0,
    framesPerSecond: 0,
    framesPerAddress: 0,
    unprovedPerSecond: 0,
  };
  await withRelayServer(limited(off), async (own) => {
    const socket = await openVerified(own.url, newCode(), new AstationKey());
    // One more than the defaults let through.
    for (let n = 0; n < 3; n++)
      expect(await setAll(socket, ids(1000))).toMatchObject({ ok: true, skipped: 0 });
  });
});
