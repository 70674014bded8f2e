import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { hashSessionId } from '../../src/access/session-id.ts';
import { BindingStore } from '../../src/session/binding-store.ts';
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
  wsUrl,
} from '../support/sockets.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const database = useDatabase();
const server = useRelayServer(database);

/** An Astation of the test's own, with its key proved. */
async function newAstation(): Promise<{ code: string; key: AstationKey; socket: AstationSocket }> {
  const code = `st-${randomUUID()}`;
  const key = new AstationKey();
  return { code, key, socket: await openVerified(server.url, code, key) };
}

const bind = (socket: AstationSocket, id: unknown) => socket.ask({ type: 'relayBind', session_id: id });
const unbind = (socket: AstationSocket, id: unknown) => socket.ask({ type: 'relayUnbind', session_id: id });
const setAll = (socket: AstationSocket, ids: unknown) => socket.ask({ type: 'relaySessions', sessions: ids });

const acked = (name: string, more: object = {}) => ({ type: 'relayAck', for: name, ok: true, ...more });
const refusedAck = (name: string, message: string) => ({ type: 'relayAck', for: name, ok: false, message });

const list = async (session: string, base = server.url) =>
  (await rest('GET', `${base}/api/vault?id=a`, { session })).status;

/** Shows that a session has ended with the acknowledgement. */
const ends = async (session: string): Promise<void> => expect(await list(session)).toBe(401);

async function boundTo(astationId: string): Promise<string[]> {
  const { rows } = await database.admin.query(
    `SELECT encode(id_hash, 'hex') AS hash FROM sessions WHERE astation_id = $1`,
    [astationId],
  );
  return rows.map(({ hash }) => hash as string).sort();
}
const hashed = (...ids: string[]) => ids.map((id) => hashSessionId(id).toString('hex')).sort();

const requestSession = async () =>
  (
    await rest<{ id: string; otp: string }>('POST', `${server.url}/api/sessions`, {
      body: { hostname: 'h' },
    })
  ).body;
const grant = (id: string, otp: string) =>
  rest('POST', `${server.url}/api/sessions/${id}/grant`, { body: { otp } });

const allSessions = async () =>
  JSON.stringify((await database.admin.query('SELECT * FROM sessions ORDER BY id_hash')).rows);

describe('relayBind', () => {
  test('creates a session for an unknown id, repeatedly', async () => {
    const { code, socket } = await newAstation();
    const id = randomUUID();
    expect(await list(id)).toBe(401);
    expect(await bind(socket, id)).toEqual(acked('relayBind'));
    expect(await list(id)).toBe(200);
    expect(await bind(socket, id)).toEqual(acked('relayBind'));
    expect(await boundTo(code)).toEqual(hashed(id));
  });

  test('an id may have every visible ASCII character, 16 to 128 of them', async () => {
    const { code, socket } = await newAstation();
    const visible = String.fromCharCode(...Array.from({ length: 94 }, (_, n) => 0x21 + n));
    const ids = ['x'.repeat(16), visible, 'y'.repeat(128)];
    for (const id of ids) expect(await bind(socket, id)).toEqual(acked('relayBind'));
    expect(await boundTo(code)).toEqual(hashed(...ids));
    for (const id of ids) expect(await list(id)).toBe(200);
  });

  test('refreshes: a session that is about to expire lasts seven days again', async () => {
    const { socket } = await newAstation();
    const id = randomUUID();
    await bind(socket, id);
    const lifetime = async () => {
      const { rows } = await database.admin.query(
        `SELECT extract(epoch FROM expires_at - now())::float8 AS left FROM sessions WHERE id_hash = $1`,
        [hashSessionId(id)],
      );
      return rows[0].left as number;
    };
    await database.admin.query(
      `UPDATE sessions SET expires_at = now() + interval '1 minute' WHERE id_hash = $1`,
      [hashSessionId(id)],
    );
    expect(await lifetime()).toBeLessThan(61);
    expect(await bind(socket, id)).toEqual(acked('relayBind'));
    expect(await lifetime()).toBeGreaterThan(7 * 86_400 - 60);
  });

  test('a session of another Astation stays with it', async () => {
    const [first, second] = [await newAstation(), await newAstation()];
    const id = randomUUID();
    await bind(first.socket, id);
    const before = await allSessions();
    expect(await bind(second.socket, id)).toEqual(
      refusedAck('relayBind', 'another Astation holds this session, or it has ended'),
    );
    expect(await allSessions()).toBe(before);
  });

  test('of two Astations that race for one id exactly one gets it', async () => {
    const [first, second] = [await newAstation(), await newAstation()];
    for (let round = 0; round < 20; round++) {
      const id = `race-${round}-${randomUUID()}`;
      const acks = await Promise.all([bind(first.socket, id), bind(second.socket, id)]);
      expect(acks.map(({ ok }) => ok).sort()).toEqual([false, true]);
      const winner = acks[0]?.ok ? first.code : second.code;
      expect(await boundTo(winner)).toContain(hashed(id)[0]);
      expect(await boundTo(winner === first.code ? second.code : first.code)).not.toContain(hashed(id)[0]);
    }
  });

  test('login fixation: a pending request is not bound, neither by a bind nor in a set', async () => {
    const { code, socket } = await newAstation();
    const { id, otp } = await requestSession();
    const other = randomUUID();
    await setAll(socket, [other]);
    const before = await allSessions();
    expect(await bind(socket, id)).toEqual(
      refusedAck('relayBind', 'this session is still pending; bind it once it is granted'),
    );
    expect(await setAll(socket, [id, other])).toEqual(acked('relaySessions', { skipped: 1 }));
    expect(await unbind(socket, id)).toEqual(acked('relayUnbind'));
    expect(await allSessions()).toBe(before);
    await grant(id, otp);
    expect(await list(id)).toBe(401);
    expect(await bind(socket, id)).toEqual(acked('relayBind'));
    expect(await list(id)).toBe(200);
    expect(await boundTo(code)).toEqual(hashed(id, other));
  });

  test('login fixation: a request that has expired is not begun by a bind', async () => {
    const { socket } = await newAstation();
    const { id } = await requestSession();
    await database.admin.query('UPDATE sessions SET expires_at = now() WHERE id_hash = $1', [
      hashSessionId(id),
    ]);
    expect(await bind(socket, id)).toMatchObject({ ok: false });
    expect(await setAll(socket, [id])).toEqual(acked('relaySessions', { skipped: 1 }));
    expect(await list(id)).toBe(401);
  });

  test('a request that is granted by its OTP can be used once it is bound', async () => {
    const { socket } = await newAstation();
    const { id, otp } = await requestSession();
    await grant(id, otp);
    expect(await list(id)).toBe(401);
    expect(await bind(socket, id)).toEqual(acked('relayBind'));
    expect(await list(id)).toBe(200);
  });

  test('a denied or revoked session cannot be bound', async () => {
    const { socket } = await newAstation();
    const { id: denied } = await requestSession();
    await rest('POST', `${server.url}/api/sessions/${denied}/deny`);
    const revoked = randomUUID();
    await bind(socket, revoked);
    await new SessionStore(database.db).revoke(revoked);
    for (const id of [denied, revoked]) {
      expect(await bind(socket, id)).toEqual(
        refusedAck('relayBind', 'another Astation holds this session, or it has ended'),
      );
      expect(await list(id)).toBe(401);
    }
    expect(await setAll(socket, [denied, revoked])).toEqual(acked('relaySessions', { skipped: 2 }));
    expect(await list(revoked)).toBe(401);
    expect(await list(denied)).toBe(401);
  });
});

describe('relaySessions', () => {
  test('the bindings become exactly the set; other sessions end with the acknowledgement', async () => {
    const { code, socket } = await newAstation();
    const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()];
    expect(await setAll(socket, [a, b])).toEqual(acked('relaySessions', { skipped: 0 }));
    expect(await boundTo(code)).toEqual(hashed(a, b));
    expect([await list(a), await list(b)]).toEqual([200, 200]);
    expect(await setAll(socket, [b, c, c])).toEqual(acked('relaySessions', { skipped: 0 }));
    await ends(a);
    expect([await list(b), await list(c)]).toEqual([200, 200]);
    expect(await boundTo(code)).toEqual(hashed(b, c));
    expect(await setAll(socket, [b, c])).toEqual(acked('relaySessions', { skipped: 0 }));
    expect(await boundTo(code)).toEqual(hashed(b, c));
    expect(await setAll(socket, [])).toEqual(acked('relaySessions', { skipped: 0 }));
    expect(await boundTo(code)).toEqual([]);
    await ends(b);
    await ends(c);
  });

  test('skips sessions of another Astation, and counts them', async () => {
    const [first, second] = [await newAstation(), await newAstation()];
    const [theirs, alsoTheirs, mine] = [randomUUID(), randomUUID(), randomUUID()];
    await setAll(first.socket, [theirs, alsoTheirs]);
    expect(await setAll(second.socket, [theirs, mine, alsoTheirs])).toEqual(
      acked('relaySessions', { skipped: 2 }),
    );
    expect(await boundTo(first.code)).toEqual(hashed(theirs, alsoTheirs));
    expect(await boundTo(second.code)).toEqual(hashed(mine));
    expect(await setAll(second.socket, [])).toEqual(acked('relaySessions', { skipped: 0 }));
    expect(await list(theirs)).toBe(200);
  });

  test('binds at most 1,000 sessions', async () => {
    const { code, socket } = await newAstation();
    const ids = Array.from({ length: 1001 }, () => randomUUID());
    expect(await setAll(socket, ids.slice(1))).toEqual(acked('relaySessions', { skipped: 0 }));
    expect(await boundTo(code)).toHaveLength(1000);
    expect(await setAll(socket, ids)).toEqual(
      refusedAck('relaySessions', 'sessions: must hold at most 1000 ids'),
    );
    expect(await boundTo(code)).toHaveLength(1000);
  });
});

describe('1,000 ids of one Astation in all', () => {
  const full = refusedAck('relayBind', 'this Astation holds 1000 sessions already; unbind one first');

  test('relayBind: one more is refused until another is unbound; bound sessions are refreshed', async () => {
    const { code, socket } = await newAstation();
    const ids = Array.from({ length: 1000 }, () => randomUUID());
    await setAll(socket, ids);
    const before = await allSessions();
    expect(await bind(socket, randomUUID())).toEqual(full);
    expect(await allSessions()).toBe(before);
    expect(await bind(socket, ids[7])).toEqual(acked('relayBind'));
    await unbind(socket, ids[7]);
    const next = randomUUID();
    expect(await bind(socket, next)).toEqual(acked('relayBind'));
    expect(await bind(socket, ids[7])).toEqual(full);
    expect(await boundTo(code)).toHaveLength(1000);
    expect(await list(next)).toBe(200);
  });

  test('sessions that expired take no place', async () => {
    const { code, socket } = await newAstation();
    await setAll(
      socket,
      Array.from({ length: 1000 }, () => randomUUID()),
    );
    await database.admin.query('UPDATE sessions SET expires_at = now() WHERE astation_id = $1', [code]);
    expect(await bind(socket, randomUUID())).toEqual(acked('relayBind'));
  });

  test('binds that race at two servers do not exceed it', async () => {
    const stores = [new BindingStore(database.db), new BindingStore(database.db)] as const;
    const astationId = `st-${randomUUID()}`;
    await stores[0].replace(
      astationId,
      Array.from({ length: 995 }, () => randomUUID()),
    );
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, n) => (stores[n % 2] ?? stores[0]).bind(astationId, randomUUID())),
    );
    expect(outcomes.filter((outcome) => outcome === 'bound')).toHaveLength(5);
    expect(outcomes.filter((outcome) => outcome === 'full')).toHaveLength(15);
    expect(await boundTo(astationId)).toHaveLength(1000);
  });
});

describe('relayUnbind', () => {
  test('ends access before the acknowledgement, and a repeat changes nothing', async () => {
    const { code, socket } = await newAstation();
    for (let round = 0; round < 8; round++) {
      const id = randomUUID();
      await bind(socket, id);
      expect(await list(id)).toBe(200); // now the server has it in memory
      expect(await unbind(socket, id)).toEqual(acked('relayUnbind'));
      await ends(id);
      expect(await unbind(socket, id)).toEqual(acked('relayUnbind'));
    }
    expect(await boundTo(code)).toEqual([]);
  });

  test.each(['relayUnbind', 'relaySessions'])('%s does not wait for its own announcement', async (way) => {
    const proxy = await TcpProxy.to(database.url);
    try {
      await withRelayServer({ databaseUrl: proxy.url }, async (own) => {
        const socket = await openVerified(own.one.url, `st-${randomUUID()}`, new AstationKey());
        const id = randomUUID();
        await bind(socket, id);
        expect(await list(id, own.one.url)).toBe(200);
        proxy.hold('notices');
        await (way === 'relayUnbind' ? unbind(socket, id) : setAll(socket, []));
        expect(await list(id, own.one.url)).toBe(401);
        proxy.heal();
      });
    } finally {
      await proxy.stop();
    }
  });

  test('another server on the same database applies it at once too', async () => {
    const { socket } = await newAstation();
    await withRelayServer({ databaseUrl: database.url }, async (other) => {
      const id = randomUUID();
      await bind(socket, id);
      expect(await list(id, other.url)).toBe(200);
      await unbind(socket, id);
      await expect.poll(() => list(id, other.url), { interval: 5, timeout: 1000 }).toBe(401);
    });
  });

  test('a session of another Astation stays bound', async () => {
    const [first, second] = [await newAstation(), await newAstation()];
    const id = randomUUID();
    await bind(first.socket, id);
    expect(await unbind(second.socket, id)).toEqual(acked('relayUnbind'));
    expect(await list(id)).toBe(200);
  });

  test.each(['relayUnbind', 'relaySessions'])(
    '%s closes the sockets that came by the session',
    async (way) => {
      const { code, socket } = await newAstation();
      const [gone, stays] = [randomUUID(), randomUUID()];
      await setAll(socket, [gone, stays]);
      const enter = (session: string, atem_id: string) =>
        open(wsUrl(server.url, { role: 'atem', session, atem_id }));
      const first = await enter(gone, 'first');
      const second = await enter(stays, 'second');
      const byCode = await openAtem(server.url, code, 'third');
      for (const atem_id of ['first', 'second', 'third']) {
        expect(await socket.next()).toMatchObject({ atem_id, relay_event: 'connected' });
      }
      socket.send(way === 'relayUnbind' ? { type: way, session_id: gone } : { type: way, sessions: [stays] });
      expect(await first.closed()).toEqual({ code: 1008, reason: 'this session has ended' });
      // The announcement may close the socket before the acknowledgement is on its way: either can be first.
      const told = [await socket.next(), await socket.next()];
      expect(told).toContainEqual(expect.objectContaining({ type: 'relayAck', for: way, ok: true }));
      expect(told).toContainEqual(expect.objectContaining({ atem_id: 'first', relay_event: 'disconnected' }));
      socket.send('{"still":"here"}');
      expect(await second.nextText()).toBe('{"still":"here"}');
      expect(await byCode.nextText()).toBe('{"still":"here"}');
    },
  );

  test('a session that ends during its look-up opens no lasting connection', async () => {
    const { code, socket } = await newAstation();
    const id = randomUUID();
    await bind(socket, id);
    const blocker = await database.admin.connect();
    try {
      // Use is written down once a minute; the look-up waits for the row then, and answers as it was before.
      await blocker.query(
        `UPDATE sessions SET last_used_at = now() - interval '2 minutes' WHERE id_hash = $1`,
        [hashSessionId(id)],
      );
      await blocker.query('BEGIN');
      // Nothing is announced: this server has heard of it before the socket stands.
      await blocker.query('UPDATE sessions SET astation_id = NULL WHERE id_hash = $1', [hashSessionId(id)]);
      const entering = open(wsUrl(server.url, { role: 'atem', session: id, atem_id: 'a' }));
      await expect
        .poll(async () => {
          const { rows } = await database.admin.query(
            `SELECT count(*)::int AS n FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%WITH used AS%'`,
          );
          return rows[0].n;
        })
        .toBe(1);
      await blocker.query('COMMIT');
      expect(await (await entering).closed()).toEqual({ code: 1008, reason: 'this session has ended' });
    } finally {
      blocker.release();
    }
    await expect.poll(async () => (await server.room(code))?.atems.size).toBe(0);
  });
});

describe('ok: false', () => {
  const long = 'x'.repeat(16);
  const badIds: [string, unknown][] = [
    ['an empty id', ''],
    ['one character', 'a'],
    ['15 characters', 'x'.repeat(15)],
    ['129 characters', 'x'.repeat(129)],
    ['a space', `${long} ${long}`],
    ['a tab', `${long}\t`],
    ['DEL', `${long}\x7f`],
    ['NUL', `${long}\0`],
    ['a letter beyond ASCII', `${long}ä`],
    ['a line break at the end', `${long}\n`],
    ['a number', 7],
    ['null', null],
    ['an object', { id: 'x' }],
  ];

  test.each(badIds)('%s', async (_name, id) => {
    const { code, socket } = await newAstation();
    const kept = randomUUID();
    await bind(socket, kept);
    const before = await allSessions();
    const atem = await openAtem(server.url, code, 'a');
    expect(await socket.next()).toMatchObject({ relay_event: 'connected' });
    for (const ack of [await bind(socket, id), await unbind(socket, id)]) {
      expect(ack).toMatchObject({ ok: false, message: expect.stringMatching(/^session_id: ./) });
    }
    // The rest of a set still counts.
    expect(await setAll(socket, [id, kept])).toEqual(acked('relaySessions', { skipped: 1 }));
    expect(await allSessions()).toBe(before);
    socket.send('{"after":"all"}');
    expect(await atem.nextText()).toBe('{"after":"all"}');
  });

  test.each([
    ['relaySessions', { type: 'relaySessions' }],
    ['relaySessions', { type: 'relaySessions', sessions: 'all' }],
    ['relayBind', { type: 'relayBind' }],
    ['relayUnbind', { type: 'relayUnbind', sessions: ['a'] }],
    ['relayEverything', { type: 'relayEverything' }],
  ])('%s without a required field: %j', async (name, frame) => {
    const { socket } = await newAstation();
    const before = await allSessions();
    expect(await socket.ask(frame)).toMatchObject({ for: name, ok: false, message: expect.any(String) });
    expect(await allSessions()).toBe(before);
  });

  test.each(['legacy', 'pending'])('a %s socket may bind nothing', async (standing) => {
    const code = `st-${randomUUID()}`;
    if (standing === 'pending') await openVerified(server.url, code, new AstationKey());
    const socket = await openAstation(server.url, code);
    const before = await allSessions();
    const message = 'this connection has not proved the key of its Astation';
    expect(await bind(socket, randomUUID())).toEqual(refusedAck('relayBind', message));
    expect(await unbind(socket, randomUUID())).toEqual(refusedAck('relayUnbind', message));
    expect(await setAll(socket, [randomUUID()])).toEqual(refusedAck('relaySessions', message));
    expect(await allSessions()).toBe(before);
  });

  test('an owner that another proof has replaced may bind nothing', async () => {
    const { code, key, socket } = await newAstation();
    await openVerified(server.url, code, key);
    const before = await allSessions();
    socket.send({ type: 'relayBind', session_id: randomUUID() });
    expect(await socket.closed()).toEqual({ code: 1000, reason: 'replaced by a newer connection' });
    expect(await allSessions()).toBe(before);
  });
});

test('none of these frames, nor their answers, reach an atem', async () => {
  const { code, socket } = await newAstation();
  const atem = await openAtem(server.url, code, 'a');
  const connected = await socket.next();
  const id = randomUUID();
  const envelope = { atem_id: 'a', connection_id: connected.connection_id, payload: {} };
  for (const frame of [
    { type: 'relayBind', session_id: id, ...envelope },
    { type: 'relayBind', session_id: '' },
    { type: 'relaySessions', sessions: [id] },
    { type: 'relayUnbind', session_id: id },
    { type: 'relayFutureThing', ...envelope },
  ]) {
    await socket.ask(frame);
  }
  socket.send('{"after":"all"}');
  expect(await atem.nextText()).toBe('{"after":"all"}');
});

test('frames are handled in the order they came', async () => {
  const { code, socket } = await newAstation();
  const id = randomUUID();
  for (let n = 0; n < 20; n++) {
    socket.send({ type: 'relayBind', session_id: id });
    socket.send({ type: 'relayUnbind', session_id: id });
  }
  socket.send({ type: 'relayBind', session_id: id });
  for (let n = 0; n < 41; n++) {
    expect(await socket.next()).toEqual(acked(n % 2 === 0 ? 'relayBind' : 'relayUnbind'));
  }
  expect(await boundTo(code)).toEqual(hashed(id));
});

test('no table has an id in the clear', async () => {
  const { socket } = await newAstation();
  const ids = [`clear-${randomUUID()}`, `clear-${randomUUID()}`];
  await setAll(socket, ids);
  const { rows } = await database.admin.query(
    `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`,
  );
  expect(rows.map(({ table_name }) => table_name)).toContain('sessions');
  for (const { table_name } of rows) {
    const { rows: found } = await database.admin.query(
      `SELECT count(*)::int AS n FROM "${table_name}" AS t WHERE t::text LIKE '%clear-%'
         OR position('${Buffer.from('clear-').toString('hex')}' IN t::text) > 0`,
    );
    expect([table_name, found[0].n]).toEqual([table_name, 0]);
  }
});

test('bindings hold when the server is restarted', async () => {
  const code = `st-${randomUUID()}`;
  const key = new AstationKey();
  const id = randomUUID();
  await withRelayServer({ databaseUrl: database.url }, async (own) => {
    await bind(await openVerified(own.url, code, key), id);
  });
  await withRelayServer({ databaseUrl: database.url }, async (own) => {
    expect(await list(id, own.url)).toBe(200);
    const owner = await openVerified(own.url, code, key);
    const atem = await open(wsUrl(own.url, { role: 'atem', session: id, atem_id: 'back' }));
    expect(await owner.next()).toMatchObject({ atem_id: 'back', relay_event: 'connected' });
    owner.send({ type: 'relayUnbind', session_id: id });
    expect((await atem.closed()).code).toBe(1008);
  });
});
