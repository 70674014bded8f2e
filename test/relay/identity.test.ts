import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CHALLENGE_LIFETIME_MS } from '../../src/relay/frames/protocol.ts';
import { AstationStore } from '../../src/session/astation-store.ts';
import { SessionStore } from '../../src/session/store.ts';
import { AstationKey } from '../support/astation-key.ts';
import { rest } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { useRelayServer, withRelayServer } from '../support/relay-server.ts';
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
import { useProxiedDatabase } from '../support/tcp-proxy.ts';

const database = useDatabase();
const proxied = useProxiedDatabase(database);
const server = useRelayServer(database);

const newCode = () => `st-${randomUUID()}`;
const result = (status: string, message: string) => ({ type: 'relayAuthResult', status, message });

async function storedKey(astationId: string): Promise<string | undefined> {
  const { rows } = await database.admin.query('SELECT public_key FROM astations WHERE astation_id = $1', [
    astationId,
  ]);
  return rows[0]?.public_key;
}

/** Registers a key and leaves. */
async function register(url: string, code: string, key: AstationKey): Promise<void> {
  await (await openVerified(url, code, key)).leave();
}

const status = async (code: string, base = server.url) =>
  (await rest<Record<string, unknown>>('GET', `${base}/api/pair/${code}`)).body;

/** Sends a broadcast and shows that it is the next thing the atem gets. */
async function reaches(owner: AstationSocket, atem: TestSocket): Promise<void> {
  const marker = JSON.stringify({ marker: randomUUID() });
  owner.send(marker);
  expect(await atem.nextText('the marker')).toBe(marker);
}

test('every socket gets a different challenge', async () => {
  const challenges = new Set<string>();
  for (let n = 0; n < 20; n++) challenges.add((await openAstation(server.url, newCode())).challenge);
  expect(challenges.size).toBe(20);
});

describe('relayAuth', () => {
  test('registers the first key, and verifies it from then on, in either case of its digits', async () => {
    const code = newCode();
    const key = new AstationKey();
    const first = await openAstation(server.url, code);
    expect(await first.prove(key)).toEqual(result('registered', 'key registered'));
    expect(await storedKey(code)).toBe(key.publicKeyHex);
    const second = await openAstation(server.url, code);
    const answer = key.answer(second.challenge, code);
    second.send({ ...answer, public_key: answer.public_key.toUpperCase() });
    expect(await second.next()).toEqual(result('verified', 'key verified'));
    expect(await first.closed()).toEqual({ code: 1000, reason: 'replaced by a newer connection' });
  });

  test('an astation_id beyond ASCII is signed as UTF-8', async () => {
    const code = `团队-アプリ-🚀-${randomUUID()}`;
    const key = new AstationKey();
    await register(server.url, code, key);
    expect(await (await openAstation(server.url, code)).prove(key)).toEqual(
      result('verified', 'key verified'),
    );
    expect(await storedKey(code)).toBe(key.publicKeyHex);
  });

  test('a proof after a verdict is ignored', async () => {
    const code = newCode();
    const owner = await openVerified(server.url, code, new AstationKey());
    owner.send(new AstationKey().answer(owner.challenge, code));
    await owner.hearsNothing();
    expect(owner.ws.readyState).toBe(owner.ws.OPEN);
  });

  type Answer = ReturnType<AstationKey['answer']>;
  const flaws: [string, (good: Answer, socket: AstationSocket) => unknown, string | RegExp][] = [
    [
      'another key',
      (_, s) => new AstationKey().answer(s.challenge, s.code),
      'another key is registered for this Astation',
    ],
    [
      'another astation_id',
      (good) => ({ ...good, astation_id: 'another' }),
      'astation_id is not the code of this room',
    ],
    [
      'a signature of another key',
      (good, s) => ({ ...good, signature: new AstationKey().answer(s.challenge, s.code).signature }),
      'signature verification failed',
    ],
    ['a signature that is no hex', (good) => ({ ...good, signature: 'zz' }), 'invalid signature'],
    ['an empty signature', (good) => ({ ...good, signature: '' }), 'invalid signature'],
    [
      'a key that is no point',
      (good) => ({ ...good, public_key: `04${'00'.repeat(64)}` }),
      'invalid public_key',
    ],
    [
      'a compressed key',
      (good) => ({ ...good, public_key: `02${good.public_key.slice(2, 66)}` }),
      'invalid public_key',
    ],
    ['no signature', ({ signature: _, ...rest }) => rest, /^signature: /],
    ['a number as key', (good) => ({ ...good, public_key: 4 }), /^public_key: /],
    ['nothing but its type', () => ({ type: 'relayAuth' }), /^astation_id: /],
  ];

  test.each(flaws)('with %s is rejected, and the socket closed', async (_name, spoil, message) => {
    const code = newCode();
    const key = new AstationKey();
    await register(server.url, code, key);
    const socket = await openAstation(server.url, code);
    socket.send(spoil(key.answer(socket.challenge, code), socket));
    expect(await socket.next()).toEqual({
      type: 'relayAuthResult',
      status: 'rejected',
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    });
    expect(await socket.closed()).toEqual({ code: 1008, reason: 'identity proof rejected' });
    expect(await storedKey(code)).toBe(key.publicKeyHex);
    await expect.poll(() => server.room(code)).toBeUndefined();
  });

  test('a proof for the challenge of another socket is rejected, also of a closed one', async () => {
    const code = newCode();
    const key = new AstationKey();
    const earlier = await openAstation(server.url, code);
    const recorded = key.answer(earlier.challenge, code);
    expect(await earlier.prove(key)).toEqual(result('registered', 'key registered'));
    const replay = await openAstation(server.url, code);
    replay.send(recorded);
    expect(await replay.next()).toEqual(result('rejected', 'signature verification failed'));
    expect((await replay.closed()).code).toBe(1008);
    await earlier.leave();
    const again = await openAstation(server.url, code);
    again.send(recorded);
    expect(await again.next()).toEqual(result('rejected', 'signature verification failed'));
  });

  test('a rejected first proof registers nothing', async () => {
    const code = newCode();
    const socket = await openAstation(server.url, code);
    socket.send({ ...new AstationKey().answer(socket.challenge, code), signature: '00' });
    expect(await socket.next()).toMatchObject({ status: 'rejected' });
    expect((await socket.closed()).code).toBe(1008);
    expect(await storedKey(code)).toBeUndefined();
  });
});

describe('ten seconds', () => {
  test('a pending socket that does not answer is rejected and closed then', async () => {
    const code = newCode();
    await register(server.url, code, new AstationKey());
    const openedAt = performance.now();
    const socket = await openAstation(server.url, code);
    const end = await socket.closed(CHALLENGE_LIFETIME_MS + 3000);
    expect(performance.now() - openedAt).toBeGreaterThan(CHALLENGE_LIFETIME_MS - 50);
    expect(await socket.next()).toEqual(result('rejected', 'the challenge was not answered in time'));
    expect(end).toEqual({ code: 1008, reason: 'identity proof rejected' });
  });

  test('an answer after the time-out is rejected, even if the proof is right', async () => {
    await withRelayServer({ databaseUrl: database.url }, async (own) => {
      const code = newCode();
      const key = new AstationKey();
      const socket = await openAstation(own.url, code);
      own.clock.advance(CHALLENGE_LIFETIME_MS);
      expect(await socket.prove(key)).toEqual(result('rejected', 'the challenge was not answered in time'));
      expect(await storedKey(code)).toBeUndefined();
      const next = await openAstation(own.url, code);
      own.clock.advance(CHALLENGE_LIFETIME_MS - 1000);
      expect(await next.prove(key)).toEqual(result('registered', 'key registered'));
    });
  });
});

test('of two Astations that race to register one id exactly one wins, in each of 20 rounds', async () => {
  await withRelayServer({ databaseUrl: database.url }, async (other) => {
    for (let round = 0; round < 20; round++) {
      const code = `race-${round}-${randomUUID()}`;
      const keys = [new AstationKey(), new AstationKey()] as const;
      // Every other round at two servers, where nothing but the database can decide.
      const urls = [server.url, round % 2 === 0 ? server.url : other.url] as const;
      const sockets = await Promise.all(urls.map((url) => openAstation(url, code)));
      const results = await Promise.all(sockets.map((socket, n) => socket.prove(keys[n] as AstationKey)));
      expect(results.map((each) => each.status).sort()).toEqual(['registered', 'rejected']);
      const winner = results[0]?.status === 'registered' ? 0 : 1;
      expect(await storedKey(code)).toBe(keys[winner].publicKeyHex);
      expect((await sockets[1 - winner]?.closed())?.code).toBe(1008);
      await sockets[winner]?.hearsNothing();
      expect(sockets[winner]?.ws.readyState).toBe(1);
    }
  });
});

describe('an impostor', () => {
  test('changes nothing for the owner and its atems, before and after it is rejected', async () => {
    const code = newCode();
    const owner = await openVerified(server.url, code, new AstationKey());
    const atem = await openAtem(server.url, code, 'a');
    const { connection_id } = await owner.next();
    const impostor = await openAstation(server.url, code);

    impostor.send('{"broadcast":"of the impostor"}');
    impostor.send({ atem_id: 'a', connection_id, payload: 'of the impostor' });
    await impostor.hearsNothing();
    await reaches(owner, atem);

    atem.send('{"for":"the owner"}');
    const another = await openAtem(server.url, code, 'b');
    expect(await owner.next()).toEqual({ atem_id: 'a', connection_id, payload: { for: 'the owner' } });
    const joined = await owner.next();
    expect(joined).toMatchObject({ atem_id: 'b', relay_event: 'connected' });
    await impostor.hearsNothing();
    expect(await status(code)).toMatchObject({ paired: true, atem_count: 2, astation_connected: true });

    expect(await impostor.prove(new AstationKey())).toEqual(
      result('rejected', 'another key is registered for this Astation'),
    );
    expect((await impostor.closed()).code).toBe(1008);
    owner.send({ atem_id: 'b', connection_id: joined.connection_id, payload: { to: 'b' } });
    expect(await another.nextText()).toBe('{"to":"b"}');
    await reaches(owner, atem);
  });

  test('a pending socket alone in a room is not visible to atems', async () => {
    const code = newCode();
    await register(server.url, code, new AstationKey());
    await openAstation(server.url, code);
    expect((await refused(wsUrl(server.url, { role: 'atem', code }))).status).toBe(404);
    expect((await rest('GET', `${server.url}/api/pair/${code}`)).status).toBe(404);
  });
});

describe('slots that strangers can fill: pending sockets', () => {
  const displaced = { code: 1013, reason: 'newer connections wait to prove this key; connect again' };
  const pendingIn = async (code: string) => (await server.room(code))?.pending.size ?? 0;

  /** A room whose key is registered, and nobody in it. */
  async function registered() {
    const [code, key] = [newCode(), new AstationKey()];
    await register(server.url, code, key);
    return { code, key };
  }

  test('at most two of one address: a third displaces the oldest, and all keep their chance to prove the key', async () => {
    const { code, key } = await registered();
    const first = await openAstation(server.url, code);
    const second = await openAstation(server.url, code);
    const third = await openAstation(server.url, code);
    expect(await pendingIn(code)).toBe(2);
    expect(await first.closed()).toEqual(displaced);
    expect(await third.prove(key)).toMatchObject({ status: 'verified' });
    expect(await second.prove(key)).toMatchObject({ status: 'verified' });
    expect((await third.closed()).code).toBe(1000);
  });

  test('ten sockets at once: two stay', async () => {
    const { code } = await registered();
    const sockets = await Promise.all(Array.from({ length: 10 }, () => openAstation(server.url, code)));
    await expect.poll(() => pendingIn(code)).toBe(2);
    const staying = [...((await server.room(code))?.pending.values() ?? [])].map(
      ({ challenge }) => challenge,
    );
    const others = sockets.filter(({ challenge }) => !staying.includes(challenge));
    expect(await Promise.all(others.map((socket) => socket.closed()))).toEqual(Array(8).fill(displaced));
  });

  test('32 strangers of 16 addresses do not keep the Astation out of its room', async () => {
    const { code, key } = await registered();
    const owner = await openVerified(server.url, code, key);
    for (let n = 0; n < 32; n++) await openAstation(server.url, code, { from: `127.0.0.${10 + (n >> 1)}` });
    const back = await openAstation(server.url, code, { from: '127.0.0.99' });
    // On a slow machine some of the strangers' ten seconds are over by now.
    expect(await pendingIn(code)).toBeLessThanOrEqual(32);
    expect(await back.prove(key)).toMatchObject({ status: 'verified' });
    expect((await owner.closed()).code).toBe(1000);
    expect(await pendingIn(code)).toBeLessThanOrEqual(31);
    await back.hearsNothing();
  });

  test('a displaced Astation that then answers proves its key, and is not closed afterwards', async () => {
    const { code, key } = await registered();
    const genuine = await openAstation(server.url, code, { from: '127.0.0.3' });
    const idle = await openAstation(server.url, code, { from: '127.0.0.3' });
    const strangers = [];
    for (let n = 0; n < 2; n++) strangers.push(await openAstation(server.url, code, { from: '127.0.0.3' }));
    const challenges = [...((await server.room(code))?.pending.values() ?? [])].map(
      ({ challenge }) => challenge,
    );
    expect(challenges.toSorted()).toEqual(strangers.map(({ challenge }) => challenge).toSorted());
    expect(await genuine.prove(key)).toEqual(result('verified', 'key verified'));
    const atem = await openAtem(server.url, code, 'a');
    expect(await genuine.next()).toMatchObject({ atem_id: 'a', relay_event: 'connected' });
    expect(await idle.closed()).toEqual(displaced);
    await reaches(genuine, atem);
    expect(await genuine.ask({ type: 'relayBind', session_id: randomUUID() })).toMatchObject({ ok: true });
  });

  test('the same where its room no longer exists, because its address has newer sockets in other rooms', async () => {
    const rooms = [await registered(), await registered(), await registered()] as const;
    const from = '127.0.0.4';
    const first = await openAstation(server.url, rooms[0].code, { from });
    for (const { code } of rooms.slice(1)) await openAstation(server.url, code, { from });
    await expect.poll(() => server.room(rooms[0].code)).toBeUndefined();
    expect(await pendingIn(rooms[1].code)).toBe(1);
    expect(await first.prove(rooms[0].key)).toEqual(result('verified', 'key verified'));
    expect(await status(rooms[0].code)).toMatchObject({ astation_connected: true });
    await first.hearsNothing();
  });

  test('a displaced socket with a wrong proof is rejected like any other', async () => {
    const { code } = await registered();
    const from = '127.0.0.5';
    const impostor = await openAstation(server.url, code, { from });
    for (let n = 0; n < 2; n++) await openAstation(server.url, code, { from });
    expect(await impostor.prove(new AstationKey())).toEqual(
      result('rejected', 'another key is registered for this Astation'),
    );
    expect(await impostor.closed()).toEqual({ code: 1008, reason: 'identity proof rejected' });
  });
});

describe('legacy', () => {
  test('an Astation that ignores the challenge owns its room at once and relays', async () => {
    const code = newCode();
    const owner = await openAstation(server.url, code);
    const atem = await openAtem(server.url, code, 'a');
    const { connection_id } = await owner.next();
    atem.send('{"q":1}');
    expect(await owner.next()).toEqual({ atem_id: 'a', connection_id, payload: { q: 1 } });
    owner.send({ atem_id: 'a', connection_id, payload: { a: 2 } });
    expect(await atem.nextText()).toBe('{"a":2}');
    await reaches(owner, atem);
    expect(await owner.ask({ type: 'relayBind', session_id: randomUUID() })).toMatchObject({ ok: false });
    expect(await storedKey(code)).toBeUndefined();
  });

  test('it is still there when its challenge has run out', async () => {
    await withRelayServer({ databaseUrl: database.url }, async (own) => {
      const code = newCode();
      const owner = await openAstation(own.url, code);
      const atem = await openAtem(own.url, code, 'a');
      own.clock.advance(CHALLENGE_LIFETIME_MS * 3);
      await own.sweep();
      own.tick();
      expect(await owner.next()).toMatchObject({ relay_event: 'connected' });
      await reaches(owner, atem);
    });
  });

  test('the first proved key takes the room from an owner without a key', async () => {
    const code = newCode();
    const legacy = await openAstation(server.url, code);
    const atem = await openAtem(server.url, code, 'a');
    expect(await legacy.next()).toMatchObject({ relay_event: 'connected' });
    const owner = await openAstation(server.url, code);
    expect(await owner.next()).toMatchObject({ atem_id: 'a', relay_event: 'connected' });
    expect(await owner.prove(new AstationKey())).toMatchObject({ status: 'registered' });
    await reaches(owner, atem);
    legacy.send('{"not":"mine any more"}');
    await legacy.hearsNothing();
    await reaches(owner, atem);
  });
});

test('a socket that proves its key late takes over the room with the atems in it', async () => {
  const code = newCode();
  const key = new AstationKey();
  const first = await openVerified(server.url, code, key);
  const atem = await openAtem(server.url, code, 'a');
  const connected = await first.next();
  const second = await openAstation(server.url, code);
  await second.hearsNothing();
  await reaches(first, atem);
  expect(await second.prove(key)).toEqual(result('verified', 'key verified'));
  expect(await second.next()).toEqual(connected);
  expect(await first.closed()).toEqual({ code: 1000, reason: 'replaced by a newer connection' });
  atem.send('"hello"');
  expect(await second.next()).toEqual({
    atem_id: 'a',
    connection_id: connected.connection_id,
    payload: 'hello',
  });
  await reaches(second, atem);
  expect(await status(code)).toMatchObject({ paired: true });
});

describe('while the database is away', () => {
  const unreachable = 'The database cannot be reached at the moment; try again shortly.';

  test('a known Astation reconnects, proves its key and relays; a new key has to wait', async () => {
    const [known, unknown, waiting] = [newCode(), newCode(), newCode()];
    const key = new AstationKey();
    const newKey = new AstationKey();
    await register(server.url, known, key);
    // This server has never seen the Astation; it knows the key from its start.
    await withRelayServer({ databaseUrl: proxied.url }, async (own) => {
      const early = await openAstation(own.url, waiting);
      proxied.proxy.refuse();
      try {
        const owner = await openAstation(own.url, known);
        expect(await owner.prove(key)).toEqual(result('verified', 'key verified'));
        const atem = await openAtem(own.url, known, 'a');
        const { connection_id } = await owner.next();
        atem.send('[1]');
        expect(await owner.next()).toEqual({ atem_id: 'a', connection_id, payload: [1] });
        await reaches(owner, atem);
        const impostor = await openAstation(own.url, known);
        expect(await impostor.prove(newKey)).toMatchObject({ status: 'rejected' });
        expect(await owner.ask({ type: 'relayBind', session_id: randomUUID() })).toEqual({
          type: 'relayAck',
          for: 'relayBind',
          ok: false,
          message: unreachable,
        });

        expect(await early.prove(newKey)).toEqual(result('rejected', unreachable));
        expect((await early.closed()).code).toBe(1008);
        expect(await refused(wsUrl(own.url, { role: 'astation', code: unknown }))).toEqual({
          status: 503,
          body: { error: unreachable, code: 'SERVICE_UNAVAILABLE' },
          retryAfter: '1',
          contentType: 'application/json; charset=utf-8',
        });
        expect(await storedKey(waiting)).toBeUndefined();
      } finally {
        proxied.proxy.heal();
      }
      await expect.poll(() => rest('GET', `${own.url}/health`).then((answer) => answer.status)).toBe(200);
      const late = await openAstation(own.url, unknown);
      expect(await late.prove(newKey)).toEqual(result('registered', 'key registered'));
      expect(await storedKey(unknown)).toBe(newKey.publicKeyHex);
    });
  });

  test('missed changes apply on reconnect: forgotten keys, and sockets of unbound sessions', async () => {
    await withRelayServer({ databaseUrl: proxied.url }, async (own) => {
      const code = newCode();
      const key = new AstationKey();
      const owner = await openVerified(own.url, code, key);
      const [ending, staying] = [randomUUID(), randomUUID()];
      await owner.ask({ type: 'relaySessions', sessions: [ending, staying] });
      const enter = (session: string, atem_id: string) =>
        open(wsUrl(own.url, { role: 'atem', session, atem_id }));
      const gone = await enter(ending, 'gone');
      const stays = await enter(staying, 'stays');
      expect(await owner.next()).toMatchObject({ atem_id: 'gone' });
      expect(await owner.next()).toMatchObject({ atem_id: 'stays' });
      const forgotten = newCode();
      const lost = await openVerified(own.url, forgotten, new AstationKey());

      proxied.proxy.refuse();
      try {
        await new AstationStore(database.db).forget(forgotten);
        await database.admin.query(
          `UPDATE sessions SET astation_id = NULL WHERE id_hash = sha256(convert_to($1, 'UTF8'))`,
          [ending],
        );
      } finally {
        proxied.proxy.heal();
      }
      expect(await gone.closed()).toEqual({ code: 1008, reason: 'this session has ended' });
      expect(await lost.closed()).toEqual({ code: 1008, reason: 'the key of this Astation was forgotten' });
      expect(await owner.next()).toMatchObject({ atem_id: 'gone', relay_event: 'disconnected' });
      await reaches(owner, stays);
    });
  });
});

describe('forgetting a key', () => {
  /** Waits until every server has heard that a key was forgotten. */
  async function heardOf(code: string): Promise<void> {
    for (const { services } of server.replicas) {
      await expect.poll(() => services.astations.findKey(code)).toBeUndefined();
    }
  }

  test('closes the live verified socket, leaves its bindings, and lets a new key register', async () => {
    const code = newCode();
    const owner = await openVerified(server.url, code, new AstationKey());
    const atem = await openAtem(server.url, code, 'a');
    const session = randomUUID();
    expect(await owner.next()).toMatchObject({ relay_event: 'connected' });
    await owner.ask({ type: 'relayBind', session_id: session });
    const list = async () => (await rest('GET', `${server.url}/api/vault?id=a`, { session })).status;
    expect(await list()).toBe(200);

    // Beside the server, as the command line does it.
    await new AstationStore(database.db).forget(code);
    expect(await owner.closed()).toEqual({ code: 1008, reason: 'the key of this Astation was forgotten' });
    expect(await list()).toBe(200);
    expect(await storedKey(code)).toBeUndefined();
    expect(atem.ws.readyState).toBe(atem.ws.OPEN);

    await heardOf(code);
    const newKey = new AstationKey();
    const heir = await openAstation(server.url, code);
    expect(await heir.next()).toMatchObject({ atem_id: 'a', relay_event: 'connected' });
    expect(await heir.prove(newKey)).toEqual(result('registered', 'key registered'));
    await reaches(heir, atem);
    expect(await list()).toBe(200);
    expect(await heir.ask({ type: 'relayUnbind', session_id: session })).toMatchObject({ ok: true });
    await expect.poll(list, { interval: 5, timeout: 1000 }).toBe(401);
  });

  test('of an Astation that has none is an error', async () => {
    const code = newCode();
    await expect(new AstationStore(database.db).forget(code)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: `No key is registered for the Astation ${code}.`,
    });
  });

  test('does not close sockets without proof', async () => {
    const [code, other] = [newCode(), newCode()];
    await register(server.url, code, new AstationKey());
    const pending = await openAstation(server.url, code);
    const stranger = await openVerified(server.url, other, new AstationKey());
    await new AstationStore(database.db).forget(code);
    await heardOf(code);
    const key = new AstationKey();
    expect(await pending.prove(key)).toEqual(result('registered', 'key registered'));
    await stranger.hearsNothing();
  });
});

test('keys of strangers expire: a key that bound no session in 30 days is forgotten, as by an operator', async () => {
  const age = (code: string, days: number) =>
    database.admin.query(
      'UPDATE astations SET registered_at = now() - make_interval(days => $2) WHERE astation_id = $1',
      [code, days],
    );
  const enter = async () => {
    const code = newCode();
    return { code, socket: await openVerified(server.url, code, new AstationKey()) };
  };
  const [never, younger, bound, unbound, byHand, withVault] = await Promise.all(
    Array.from({ length: 6 }, enter),
  );
  for (const astation of [bound, unbound]) {
    const session_id = randomUUID();
    expect(await astation?.socket.ask({ type: 'relayBind', session_id })).toMatchObject({ ok: true });
    if (astation === unbound) await astation?.socket.ask({ type: 'relayUnbind', session_id });
  }
  await new SessionStore(database.db).createGranted(randomUUID(), {
    hostname: 'h',
    astationId: byHand?.code ?? '',
  });
  await database.admin.query(
    `INSERT INTO vaults (bucket, vault_id, work_session_id, created_by)
     VALUES (vault_bucket('v-of-a-stranger'), 'v-of-a-stranger', $1, 'ann')`,
    [withVault?.code],
  );
  for (const astation of [never, bound, unbound, byHand, withVault]) await age(astation?.code ?? '', 31);
  await age(younger?.code ?? '', 29);

  expect(await server.one.services.astations.sweep()).toBe(1);
  expect(await never?.socket.closed()).toEqual({
    code: 1008,
    reason: 'the key of this Astation was forgotten',
  });
  expect(await storedKey(never?.code ?? '')).toBeUndefined();
  for (const astation of [younger, bound, unbound, byHand, withVault]) {
    expect(await storedKey(astation?.code ?? '')).toBeDefined();
    await astation?.socket.hearsNothing();
  }
});

test('a frame that is not for the relay does not end an Astation', async () => {
  const owner = await openVerified(server.url, newCode(), new AstationKey());
  for (const frame of [
    '',
    '{',
    '[',
    'null',
    '7',
    '"x"',
    '{"type":7}',
    '{"type":"relay"}',
    randomBytes(8).toString('hex'),
  ]) {
    owner.send(frame);
  }
  await owner.hearsNothing();
});
