import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { expect, inject, test } from 'vitest';
import { AstationKey } from '../support/astation-key.ts';
import { RestVaults, rest } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { describeWithRedis, takeRedisDatabase } from '../support/redis.ts';
import { type RelayServer, useRelayServer, withRelayServer } from '../support/relay-server.ts';
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

const newCode = () => `st-${randomUUID()}`;

/** The addresses of the servers, one by one instead of in turn. */
const urlsOf = (server: RelayServer) => server.replicas.map(({ url }) => url);

async function reaches(owner: AstationSocket, ...atems: TestSocket[]): Promise<void> {
  const marker = JSON.stringify({ marker: randomUUID() });
  owner.send(marker);
  for (const atem of atems) expect(await atem.nextText('the marker')).toBe(marker);
}

describeWithRedis('three replicas', () => {
  const database = useDatabase();
  const server = useRelayServer(database, { replicas: 3 });

  test('this tier runs the tests of the relay on several servers', () => {
    expect(inject('replicas')).toBe(2);
    expect(server.replicas).toHaveLength(3);
    expect(new Set(urlsOf(server)).size).toBe(3);
  });

  test('an Astation and its atems find each other at any replica', async () => {
    const code = newCode();
    const [first = '', second = '', third = ''] = urlsOf(server);
    const owner = await openAstation(first, code);
    const atems = [
      await openAtem(second, code, 'a'),
      await openAtem(third, code, 'b'),
      await openAtem(first, code, 'c'),
    ];
    const ids = [];
    for (const atem_id of ['a', 'b', 'c']) {
      const event = await owner.next();
      expect(event).toMatchObject({ atem_id, relay_event: 'connected' });
      ids.push(event.connection_id);
    }
    // Which replica holds a socket is part of its id.
    expect(new Set(ids.map((id) => String(id).slice(0, 13))).size).toBe(3);
    await reaches(owner, ...atems);
    for (const url of urlsOf(server)) {
      expect((await rest('GET', `${url}/api/pair/${code}`)).body).toMatchObject({
        paired: true,
        atem_ids: ['a', 'b', 'c'],
      });
    }
  });

  test('frames of every sender arrive in their order, none lost and none twice, both ways', async () => {
    const code = newCode();
    const urls = urlsOf(server);
    const owner = await openAstation(server.url, code);
    const atems = await Promise.all(
      Array.from({ length: 9 }, (_, n) => openAtem(urls[n % 3] ?? '', code, `a${n}`)),
    );
    for (const _ of atems) await owner.next('an atem');
    const FRAMES = 100;
    for (let n = 0; n < FRAMES; n++) {
      for (const atem of atems) atem.send(String(n));
      owner.send({ n });
    }
    const heard = new Map<unknown, unknown[]>();
    for (let n = 0; n < FRAMES * atems.length; n++) {
      const { atem_id, payload } = await owner.next();
      heard.set(atem_id, [...(heard.get(atem_id) ?? []), payload]);
    }
    const inOrder = Array.from({ length: FRAMES }, (_, n) => n);
    expect(heard.size).toBe(atems.length);
    for (const payloads of heard.values()) expect(payloads).toEqual(inOrder);
    for (const atem of atems) {
      const got = [];
      for (let n = 0; n < FRAMES; n++) got.push((await atem.next()).n);
      expect(got).toEqual(inOrder);
    }
  });

  test('an event of an atem never arrives after its frame, nor before a frame of its former socket', async () => {
    const code = newCode();
    const urls = urlsOf(server);
    const owner = await openAstation(urls[0] ?? '', code);
    for (let round = 0; round < 20; round++) {
      const atem = await openAtem(urls[1 + (round % 2)] ?? '', code, 'a');
      atem.send('1');
      atem.send('2');
      const leaving = atem.leave();
      const frames = [await owner.next(), await owner.next(), await owner.next(), await owner.next()];
      expect(frames.map(({ relay_event, payload }) => relay_event ?? payload)).toEqual([
        'connected',
        1,
        2,
        'disconnected',
      ]);
      await leaving;
    }
  });

  test('of Astations that claim one room at every replica at once exactly one owns it, in each of 20 rounds', async () => {
    for (let round = 0; round < 20; round++) {
      const code = newCode();
      const sockets = await Promise.all(urlsOf(server).map((url) => openAstation(url, code)));
      const room = await server.room(code);
      // The others, who have proved nothing, wait for their chance to.
      expect([room?.owner?.standing, room?.pending.size]).toEqual(['legacy', 2]);
      const atem = await openAtem(server.url, code, 'a');
      await expect.poll(async () => (await server.room(code))?.atems.size).toBe(1);
      for (const socket of sockets) socket.send({ from: sockets.indexOf(socket) });
      const { from } = await atem.next();
      const winner = sockets[Number(from)];
      expect(await winner?.next()).toMatchObject({ atem_id: 'a', relay_event: 'connected' });
      await winner?.hearsNothing();
      for (const socket of sockets) {
        if (socket !== winner) await socket.hearsNothing();
        socket.ws.close();
      }
      expect(atem.takeWaiting()).toEqual([]);
      atem.ws.close();
    }
  }, 60_000);

  test('of keys that are proved at every replica at once one is registered, and its socket owns the room', async () => {
    for (let round = 0; round < 20; round++) {
      const code = newCode();
      // Of one address no more than two may wait.
      const sockets = await Promise.all(
        urlsOf(server).map((url, n) => openAstation(url, code, { from: `127.0.0.${10 + n}` })),
      );
      const results = await Promise.all(sockets.map((socket) => socket.prove(new AstationKey())));
      expect(results.map(({ status }) => status).sort()).toEqual(['registered', 'rejected', 'rejected']);
      const winner = sockets[results.findIndex(({ status }) => status === 'registered')];
      const atem = await openAtem(server.url, code, 'a');
      expect(await winner?.next()).toMatchObject({ atem_id: 'a' });
      await reaches(winner as AstationSocket, atem);
    }
  });

  test('an atem that reconnects at another replica replaces its old socket', async () => {
    const code = newCode();
    const urls = urlsOf(server);
    const owner = await openAstation(urls[0] ?? '', code);
    let old = await openAtem(urls[1] ?? '', code, 'a');
    await owner.next();
    for (let round = 0; round < 10; round++) {
      const fresh = await openAtem(urls[round % 3] ?? '', code, 'a');
      const { connection_id } = await owner.next();
      expect(await old.closed()).toEqual({ code: 1000, reason: 'replaced by a newer connection' });
      owner.send({ atem_id: 'a', connection_id, payload: round });
      expect(await fresh.nextText()).toBe(String(round));
      old = fresh;
    }
    await owner.hearsNothing();
  });

  test('a pairing code is seen, used and closed at any replica', async () => {
    const [first = '', second = '', third = ''] = urlsOf(server);
    const created = await rest<{ code: string }>('POST', `${first}/api/pair`, { body: { hostname: 'mac' } });
    const { code } = created.body;
    expect((await rest('GET', `${second}/api/pair/${code}`)).body).toMatchObject({
      hostname: 'mac',
      paired: false,
    });
    const atem = await openAtem(third, code, 'a');
    const app = await openAstation(second, code);
    expect(await app.next()).toMatchObject({ atem_id: 'a', relay_event: 'connected' });
    expect((await rest('GET', `${first}/api/pair/${code}`)).body).toMatchObject({ paired: true });
    const page = await fetch(`${third}/pair?code=${code}`);
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining(code)]);
    expect((await rest('DELETE', `${first}/api/pair/${code}`)).body).toEqual({ closed: true });
    for (const socket of [atem, app]) expect((await socket.closed()).code).toBe(1000);
    for (const url of urlsOf(server)) expect((await rest('GET', `${url}/api/pair/${code}`)).status).toBe(404);
  });

  test('a write at one replica nudges the atems at all replicas', async () => {
    const code = newCode();
    const owner = await openVerified(server.url, code, new AstationKey());
    const session = randomUUID();
    await owner.ask({ type: 'relayBind', session_id: session });
    const atems = await Promise.all(urlsOf(server).map((url, n) => openAtem(url, code, `a${n}`)));
    for (const url of urlsOf(server)) {
      const vaults = new RestVaults(url, { session, clientId: 'writer' });
      const { vault_id } = (await vaults.create('notes')).body;
      const { seq } = (await vaults.append(vault_id, 'news')).body;
      for (const atem of atems) {
        expect(await atem.next('a nudge')).toEqual({ type: 'vault-updated', data: { vault_id, seq } });
      }
    }
    await reaches(owner, ...atems);
  });

  test('a session that is unbound at one replica ends at all of them at once', async () => {
    const code = newCode();
    const owner = await openVerified(server.url, code, new AstationKey());
    const session = randomUUID();
    await owner.ask({ type: 'relayBind', session_id: session });
    const list = async (url: string) => (await rest('GET', `${url}/api/vault?id=a`, { session })).status;
    const enter = (url: string, atem_id: string) => wsUrl(url, { role: 'atem', session, atem_id });
    const sockets: TestSocket[] = [];
    for (const [n, url] of urlsOf(server).entries()) {
      expect(await list(url)).toBe(200);
      sockets.push(await openAtem(url, code, `by-code-${n}`));
      sockets.push(await open(enter(url, `by-session-${n}`)));
    }
    owner.send({ type: 'relayUnbind', session_id: session });
    for (const [n, socket] of sockets.entries()) {
      if (n % 2 === 1)
        expect(await socket.closed()).toEqual({ code: 1008, reason: 'this session has ended' });
      else expect(socket.ws.readyState).toBe(1);
    }
    for (const url of urlsOf(server)) {
      expect(await list(url)).toBe(401);
      expect((await refused(enter(url, 'late'))).status).toBe(401);
    }
  });

  test('many unproved sockets of one address: two wait, across all rooms and servers', async () => {
    const codes = Array.from({ length: 12 }, newCode);
    for (const code of codes) await (await openVerified(server.url, code, new AstationKey())).leave();
    const waiting = async () => {
      const rooms = await Promise.all(codes.map((code) => server.room(code)));
      return rooms.flatMap((room) => [...(room?.pending.values() ?? [])].map(({ challenge }) => challenge));
    };
    for (let round = 0; round < 3; round++) {
      const sockets = await Promise.all(codes.map((code) => openAstation(server.url, code)));
      await expect.poll(async () => (await waiting()).length).toBe(2);
      const staying = await waiting();
      const others = sockets.filter(({ challenge }) => !staying.includes(challenge));
      const ends = await Promise.all(others.map((socket) => socket.closed()));
      expect(ends.map(({ code }) => code)).toEqual(Array(10).fill(1013));
      for (const socket of sockets) if (!others.includes(socket)) await socket.leave();
      await expect.poll(() => server.countOf('127.0.0.1')).toBe(0);
    }
  });

  test('places of an address are counted together', async () => {
    const options = { databaseUrl: database.url, replicas: 3, config: { relayMaxSocketsPerAddress: 4 } };
    await withRelayServer(options, async (own) => {
      const sockets = [];
      for (let n = 0; n < 4; n++) sockets.push(await openAstation(own.url, `st-${n}`));
      for (const url of urlsOf(own)) {
        expect((await refused(wsUrl(url, { role: 'astation', code: 'one-more' }))).status).toBe(429);
      }
      await sockets[0]?.leave();
      await expect.poll(() => own.countOf('127.0.0.1')).toBe(3);
      await openAstation(own.url, 'one-more');
    });
  });

  test('requests of an address and of a session are counted together', async () => {
    const options = {
      databaseUrl: database.url,
      replicas: 3,
      config: { rateLimitPerMinute: 30, grantLimitPerMinute: 6 },
    };
    await withRelayServer(options, async (own) => {
      const grants = [];
      for (let n = 0; n < 9; n++) {
        const answer = await rest('POST', `${own.url}/api/sessions/${randomUUID()}/grant`, {
          body: { otp: '00000000' },
        });
        grants.push(answer.status);
      }
      expect(grants).toEqual([404, 404, 404, 404, 404, 404, 429, 429, 429]);
      const others = [];
      for (let n = 0; n < 30; n++) others.push((await rest('GET', `${own.url}/api/pair/none`)).status);
      expect(others.filter((status) => status === 404)).toHaveLength(21);
      expect(others.slice(21)).toEqual(Array(9).fill(429));
    });
  });

  test('Redis is empty after all sockets have closed', async () => {
    const redisUrl = await takeRedisDatabase();
    await withRelayServer({ databaseUrl: database.url, replicas: 3, redisUrl }, async (own) => {
      for (let n = 0; n < 5; n++) {
        const owner = await openAstation(own.url, `st-${n}`);
        const atem = await openAtem(own.url, `st-${n}`, 'a');
        await owner.next();
        await atem.leave();
        await owner.leave();
      }
      const { code } = (
        await rest<{ code: string }>('POST', `${own.url}/api/pair`, { body: { hostname: 'h' } })
      ).body;
      await rest('DELETE', `${own.url}/api/pair/${code}`);
      const redis = new Redis(redisUrl);
      const leftOver = async () =>
        (await redis.keys('*')).filter((key) => !/:(replicas|replica:[0-9a-f-]+)$/.test(key)).sort();
      await expect.poll(leftOver).toEqual([]);
      redis.disconnect();
    });
  });

  test('a forged room does not make an Astation proved', async () => {
    const redisUrl = await takeRedisDatabase();
    await withRelayServer({ databaseUrl: database.url, replicas: 2, redisUrl }, async (own) => {
      const code = newCode();
      const owner = await openAstation(own.url, code);
      const redis = new Redis(redisUrl);
      const [key = ''] = await redis.keys(`*room:${code}`);
      const stored = await redis.hget(key, 'owner');
      expect(stored).toContain('"standing":"legacy"');
      await redis.hset(key, 'owner', String(stored).replace('legacy', 'verified'));
      redis.disconnect();
      expect((await own.room(code))?.owner?.standing).toBe('verified');
      expect(await owner.ask({ type: 'relayBind', session_id: randomUUID() })).toMatchObject({ ok: false });
    });
  });

  test('GET /health reports the number of replicas', async () => {
    for (const url of urlsOf(server)) {
      await expect
        .poll(async () => (await rest('GET', `${url}/health`)).body, { timeout: 4000 })
        .toMatchObject({ status: 'ok', redis: 'ok', replicas: 3 });
    }
  });
});
