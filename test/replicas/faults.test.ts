import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Config } from '../../src/config.ts';
import { SessionStore } from '../../src/session/store.ts';
import { AstationKey } from '../support/astation-key.ts';
import { RestVaults, rest } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { parseExposition, readValue } from '../support/exposition.ts';
import { describeWithRedis, takeRedisDatabase } from '../support/redis.ts';
import { RedisServer } from '../support/redis-server.ts';
import { type RelayServer, withRelayServer } from '../support/relay-server.ts';
import { type ServerProcess, startServerProcess } from '../support/server-process.ts';
import {
  type AstationSocket,
  connect,
  open,
  openAstation,
  openAtem,
  openVerified,
  refused,
  TestSocket,
  wsUrl,
} from '../support/sockets.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

/** Everything has to be as it should be again within this time. */
const RECOVERY_MS = 10_000;

const newCode = () => `st-${randomUUID()}`;
const LOST = { code: 1012, reason: 'the rooms were lost; connect again' };
const WAIT = {
  status: 503,
  body: {
    error: 'The rooms cannot be reached at the moment; try again shortly.',
    code: 'SERVICE_UNAVAILABLE',
  },
  retryAfter: '1',
  contentType: 'application/json; charset=utf-8',
};

async function reaches(owner: AstationSocket, ...atems: TestSocket[]): Promise<void> {
  const marker = JSON.stringify({ marker: randomUUID() });
  owner.send(marker);
  for (const atem of atems) expect(await atem.nextText('the marker')).toBe(marker);
}

const event = (owner: AstationSocket, ms: number) =>
  owner.nextText('an event', ms).then((text) => JSON.parse(text) as Record<string, unknown>);

/** Opens an Astation's socket as soon as that is possible again. */
async function comeBack(base: string, code: string): Promise<AstationSocket> {
  await expect
    .poll(
      async () => {
        const outcome = await connect(wsUrl(base, { role: 'astation', code: newCode() }));
        return outcome instanceof TestSocket ? 101 : outcome.status;
      },
      { timeout: RECOVERY_MS },
    )
    .toBe(101);
  return openAstation(base, code);
}

describeWithRedis('a replica that dies', () => {
  const database = useDatabase();
  const running = new Set<ServerProcess>();
  let redisUrl: string;
  let staying: ServerProcess;
  beforeAll(async () => {
    redisUrl = await takeRedisDatabase();
    staying = await start();
  });
  afterAll(async () => {
    for (const server of running) await server.kill();
  });

  async function start(): Promise<ServerProcess> {
    const env = { DATABASE_URL: database.url, REDIS_URL: redisUrl, PORT: '0', RATE_LIMIT_PER_MINUTE: '0' };
    const server = await startServerProcess(env);
    running.add(server);
    return server;
  }

  test('leaves its rooms to the others within ten seconds', async () => {
    const dying = await start();
    const [code, alone, pairedThere] = [newCode(), newCode(), newCode()];
    const key = new AstationKey();
    const owner = await openVerified(dying.url, code, key);
    const [near, far] = [await openAtem(dying.url, code, 'near'), await openAtem(staying.url, code, 'far')];
    for (const atem_id of ['near', 'far']) expect(await owner.next()).toMatchObject({ atem_id });
    await openAstation(dying.url, alone);
    const other = await openAstation(staying.url, pairedThere);
    await openAtem(dying.url, pairedThere, 'lost');
    expect(await other.next()).toMatchObject({ atem_id: 'lost', relay_event: 'connected' });
    const { code: pairing } = (
      await rest<{ code: string }>('POST', `${dying.url}/api/pair`, { body: { hostname: 'h' } })
    ).body;

    await dying.kill();
    expect((await near.closed()).code).toBe(1006);
    const back = await openVerified(staying.url, code, key);
    const told = [await back.next(), await back.next()];
    expect(told.map(({ atem_id }) => atem_id).sort()).toEqual(['far', 'near']);
    await reaches(back, far);
    far.send('"still here"');
    expect(await back.next()).toMatchObject({ atem_id: 'far', payload: 'still here' });

    // What was at the dead one is taken out of the rooms.
    expect(await event(back, RECOVERY_MS)).toMatchObject({ atem_id: 'near', relay_event: 'disconnected' });
    expect(await event(other, RECOVERY_MS)).toMatchObject({ atem_id: 'lost', relay_event: 'disconnected' });
    const status = async (room: string) => (await rest('GET', `${staying.url}/api/pair/${room}`)).status;
    await expect.poll(() => status(alone)).toBe(404);
    // A pairing code is nobody's.
    expect(await status(pairing)).toBe(200);
    await expect
      .poll(async () => (await rest('GET', `${staying.url}/health`)).body, { timeout: RECOVERY_MS })
      .toMatchObject({ redis: 'ok', replicas: 1 });
    await reaches(back, far);
  });

  test('leaves a room without an Astation, which another one can take', async () => {
    const dying = await start();
    const code = newCode();
    await openAstation(dying.url, code);
    const atem = await openAtem(staying.url, code, 'a');
    await dying.kill();
    await expect
      .poll(async () => (await rest('GET', `${staying.url}/api/pair/${code}`)).body, { timeout: RECOVERY_MS })
      .toMatchObject({ astation_connected: false, atem_count: 1 });
    const heir = await openAstation(staying.url, code);
    expect(await heir.next()).toMatchObject({ atem_id: 'a', relay_event: 'connected' });
    await reaches(heir, atem);
  });

  test('or is frozen for too long closes its sockets when it resumes', async () => {
    const frozen = await start();
    const code = newCode();
    const owner = await openAstation(frozen.url, code);
    const atem = await openAtem(staying.url, code, 'a');
    expect(await owner.next()).toMatchObject({ atem_id: 'a' });
    frozen.freeze();
    await expect
      .poll(async () => (await rest('GET', `${staying.url}/api/pair/${code}`)).body, { timeout: RECOVERY_MS })
      .toMatchObject({ astation_connected: false, atem_count: 1 });
    const heir = await openAstation(staying.url, code);
    expect(await heir.next()).toMatchObject({ atem_id: 'a' });
    owner.send('"of the one that was frozen"');
    frozen.thaw();
    expect(await owner.closed()).toEqual(LOST);
    await reaches(heir, atem);
    const again = await comeBack(frozen.url, newCode());
    await again.hearsNothing();
  });
});

describeWithRedis('Redis that is away', () => {
  const database = useDatabase();

  /** Two replicas over a Redis of the test's own. */
  async function withOwnRedis(
    work: (server: RelayServer, redis: RedisServer) => Promise<void>,
    config: Partial<Config> = {},
  ): Promise<void> {
    const redis = await RedisServer.start();
    try {
      const options = { databaseUrl: database.url, replicas: 2, redisUrl: redis.url(), config };
      await withRelayServer(options, (server) => work(server, redis));
    } finally {
      redis.thaw();
      await redis.kill();
    }
  }

  /** Shows that rooms wait, and that everything else goes on. */
  async function roomsWait(server: RelayServer, session: string): Promise<void> {
    for (const { url } of server.replicas) {
      expect(await refused(wsUrl(url, { role: 'astation', code: newCode() }))).toEqual(WAIT);
      expect(await refused(wsUrl(url, { role: 'atem', session }))).toEqual(WAIT);
      for (const [method, path] of [
        ['POST', '/api/pair'],
        ['GET', '/api/pair/ABCD-EFGH'],
        ['DELETE', '/api/pair/ABCD-EFGH'],
      ] as const) {
        const body = method === 'POST' ? { hostname: 'h' } : undefined;
        const answer = await rest(method, `${url}${path}`, body && { body });
        expect([answer.status, answer.body, answer.headers.get('retry-after')]).toEqual([
          503,
          WAIT.body,
          '1',
        ]);
      }
      expect((await fetch(`${url}/pair?code=ABCD-EFGH`)).status).toBe(503);
      const health = await rest('GET', `${url}/health`);
      expect([health.status, health.body]).toMatchObject([
        200,
        { status: 'ok', database: 'ok', redis: 'unreachable', replicas: 0 },
      ]);
      const vaults = new RestVaults(url, { session, clientId: 'a' });
      const { vault_id } = (await vaults.create('while Redis is away')).body;
      expect((await vaults.append(vault_id, 'text')).body).toMatchObject({ entry_no: 1, version: 1 });
      expect((await vaults.read(vault_id)).body).toHaveLength(1);
    }
  }

  async function newSession(astationId: string): Promise<string> {
    const session = randomUUID();
    await new SessionStore(database.db).createGranted(session, { hostname: 'h', astationId });
    return session;
  }

  test('pauses only rooms, and rooms come back with it', async () => {
    await withOwnRedis(async (server, redis) => {
      for (let round = 0; round < 2; round++) {
        const code = newCode();
        const [session, revoked] = [await newSession(code), await newSession(code)];
        const owner = await openAstation(server.url, code);
        const atem = await openAtem(server.url, code, 'a');
        expect(await owner.next()).toMatchObject({ atem_id: 'a' });
        for (const { url } of server.replicas) {
          expect((await new RestVaults(url, { session: revoked, clientId: 'a' }).list()).status).toBe(200);
        }

        await redis.kill();
        for (const socket of [owner, atem]) expect(await socket.closed()).toEqual(LOST);
        await roomsWait(server, session);
        await new SessionStore(database.db).revoke(revoked);
        for (const { url } of server.replicas) {
          const list = () => new RestVaults(url, { session: revoked, clientId: 'a' }).list();
          await expect.poll(async () => (await list()).status, { timeout: 5000 }).toBe(401);
        }

        await redis.start();
        const back = await comeBack(server.url, code);
        await comeBack(server.url, newCode());
        const again = await open(wsUrl(server.url, { role: 'atem', session, atem_id: 'a' }));
        expect(await back.next()).toMatchObject({ atem_id: 'a', relay_event: 'connected' });
        await reaches(back, again);
        expect((await refused(wsUrl(server.url, { role: 'atem', session: revoked }))).status).toBe(401);
      }
    });
  });

  test('or that does not answer is as good as away', async () => {
    await withOwnRedis(async (server, redis) => {
      const code = newCode();
      const session = await newSession(code);
      const owner = await openAstation(server.url, code);
      redis.freeze();
      expect(await owner.closed(RECOVERY_MS)).toEqual(LOST);
      for (const { url } of server.replicas) {
        await expect
          .poll(async () => (await rest('GET', `${url}/health`)).body, { timeout: RECOVERY_MS })
          .toMatchObject({ redis: 'unreachable' });
      }
      await roomsWait(server, session);
      redis.thaw();
      const back = await comeBack(server.url, code);
      await comeBack(server.url, newCode());
      const atem = await openAtem(server.url, code, 'a');
      expect(await back.next()).toMatchObject({ atem_id: 'a' });
      await reaches(back, atem);
    });
  });

  test('shows in the metrics of every replica', async () => {
    const metricsToken = 'a-token-for-prometheus';
    const headers = { authorization: `Bearer ${metricsToken}` };
    const counts = ({ replicas }: RelayServer) =>
      Promise.all(
        replicas.map(async ({ url }) => {
          const text = await (await fetch(`${url}/metrics`, { headers })).text();
          return readValue(parseExposition(text), 'vault_relay_replicas');
        }),
      );
    await withOwnRedis(
      async (server, redis) => {
        await expect.poll(() => counts(server), { timeout: RECOVERY_MS }).toEqual([2, 2]);
        await redis.kill();
        await expect.poll(() => counts(server), { timeout: RECOVERY_MS }).toEqual([0, 0]);
        await redis.start();
        await expect.poll(() => counts(server), { timeout: RECOVERY_MS }).toEqual([2, 2]);
      },
      { metricsToken },
    );
  });

  test('when the servers start does not hold them up', async () => {
    const redis = await RedisServer.start();
    await redis.kill();
    try {
      const options = { databaseUrl: database.url, replicas: 2, redisUrl: redis.url() };
      await withRelayServer(options, async (server) => {
        await roomsWait(server, await newSession(newCode()));
        await redis.start();
        await (await comeBack(server.url, newCode())).hearsNothing();
        await (await comeBack(server.url, newCode())).hearsNothing();
      });
    } finally {
      await redis.kill();
    }
  });

  test.each(['kill', 'freeze'] as const)('still leaves every limit in force (%s)', async (stop) => {
    const redis = await RedisServer.start();
    try {
      const config = { rateLimitPerMinute: 5 };
      await withRelayServer(
        { databaseUrl: database.url, replicas: 2, redisUrl: redis.url(), config },
        async (server) => {
          const { url } = server.one;
          const ask = async () => (await rest('GET', `${url}/api/pair/none`)).status;
          expect(await ask()).toBe(404);
          await redis[stop]();
          const statuses = [];
          for (let n = 0; n < 7; n++) statuses.push(await ask());
          expect(statuses).toEqual([503, 503, 503, 503, 503, 429, 429]);
        },
      );
    } finally {
      await redis.kill();
    }
  });

  test('makes each server count for itself until it is back; then they count together again', async () => {
    const redis = await RedisServer.start();
    try {
      const config = { rateLimitPerMinute: 5 };
      await withRelayServer(
        { databaseUrl: database.url, replicas: 2, redisUrl: redis.url(), config },
        async ({ replicas }) => {
          const ask = async (of: number) => (await rest('GET', `${replicas[of]?.url}/api/pair/none`)).status;
          await redis.kill();
          for (const of of [0, 1]) {
            const statuses = [];
            for (let n = 0; n < 6; n++) statuses.push(await ask(of));
            expect(statuses).toEqual([503, 503, 503, 503, 503, 429]);
          }
          await redis.start();
          await expect.poll(() => ask(0), { timeout: RECOVERY_MS }).toBe(404);
          await expect.poll(() => ask(1), { timeout: RECOVERY_MS }).toBe(404);
          const statuses = [];
          for (let n = 0; n < 6; n++) statuses.push(await ask(n % 2));
          expect(statuses).toEqual([404, 404, 404, 429, 429, 429]);
        },
      );
    } finally {
      await redis.kill();
    }
  });
});

describeWithRedis('a network between one replica and Redis', () => {
  const database = useDatabase();

  test('a cut connection moves its rooms to other replicas, and a repaired one gets new rooms', async () => {
    const direct = await takeRedisDatabase();
    const proxy = await TcpProxy.to(direct);
    try {
      const options = { databaseUrl: database.url, replicas: 2, redisUrl: [proxy.url, direct] };
      await withRelayServer(options, async (server) => {
        const [cut = '', whole = ''] = server.replicas.map(({ url }) => url);
        const [code, other] = [newCode(), newCode()];
        const key = new AstationKey();
        const owner = await openVerified(cut, code, key);
        const atem = await openAtem(whole, code, 'a');
        const neighbour = await openAstation(whole, other);
        await openAtem(cut, other, 'b');
        expect(await owner.next()).toMatchObject({ atem_id: 'a' });
        expect(await neighbour.next()).toMatchObject({ atem_id: 'b', relay_event: 'connected' });

        proxy.refuse();
        expect(await owner.closed()).toEqual(LOST);
        expect(await refused(wsUrl(cut, { role: 'astation', code }))).toEqual(WAIT);
        const heir = await openVerified(whole, code, key);
        expect(await heir.next()).toMatchObject({ atem_id: 'a', relay_event: 'connected' });
        await reaches(heir, atem);
        expect(await event(neighbour, RECOVERY_MS)).toMatchObject({
          atem_id: 'b',
          relay_event: 'disconnected',
        });
        await reaches(heir, atem);

        proxy.heal();
        await comeBack(cut, newCode());
        const late = await openAtem(cut, code, 'late');
        expect(await heir.next()).toMatchObject({ atem_id: 'late', relay_event: 'connected' });
        await reaches(heir, atem, late);
      });
    } finally {
      await proxy.stop();
    }
  });
});
