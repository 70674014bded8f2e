import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { migrate } from '../../src/db/migrate.ts';
import type { VaultEntry, WriteResult } from '../../src/vault/schema.ts';
import { type Answer, RestVaults, type WriteFields } from '../support/client.ts';
import { ask, eventually, isAlive, makeWorkshop, postmasterOf } from '../support/embedded.ts';
import { createSession } from '../support/process.ts';
import { describeWithRedis } from '../support/redis.ts';
import { RedisServer } from '../support/redis-server.ts';
import { startServerProcess } from '../support/server-process.ts';
import { openAstation, openAtem } from '../support/sockets.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const REPLICAS = [0, 1, 2];
/** The replica that is killed. */
const DYING = 0;
const WRITERS = 6;
/** Acknowledged writes before something is killed, in the middle of the others. */
const BEFORE_KILL = 40;
/** Within which everything has to work again. */
const RECOVERY_MS = 10_000;
/** How long somebody asks one replica after the other. */
const PATIENCE_MS = 30_000;
const LAST = 'last';

const workshop = makeWorkshop();
afterAll(() => workshop.cleanUp());

type Call<Body> = (vaults: RestVaults) => Promise<Answer<Body>>;
interface Where {
  turn: number;
  /** 0 to stay at this replica whatever happens. */
  step?: number;
  timeout?: number;
}

/** Replicas as processes of their own, with a PostgreSQL and a Redis that can be killed. */
async function startInstallation() {
  const folder = await workshop.folder();
  let database = await workshop.start(folder);
  await migrate(database.url);
  const proxy = await TcpProxy.to(database.url);
  const redis = await RedisServer.start();
  const session = await createSession({ DATABASE_URL: database.url }, 'st');
  const env = { DATABASE_URL: proxy.url, REDIS_URL: redis.url(), RATE_LIMIT_PER_MINUTE: '0', PORT: '0' };
  const replicas = await Promise.all(REPLICAS.map(() => startServerProcess(env)));
  const url = (turn: number) => replicas[turn % REPLICAS.length]?.url ?? '';

  return {
    url,
    /** Asks one replica after the other until one answers. */
    async untilAnswered<Body>(call: Call<Body>, { turn, step = 1, timeout = PATIENCE_MS }: Where) {
      let answer: Answer<Body> | undefined;
      const attempt = async () => {
        const vaults = new RestVaults(url(turn), { session, clientId: 'storm' });
        turn += step;
        answer = await call(vaults).catch((error: Error) => {
          if (error instanceof TypeError) return undefined; // the connection is lost
          throw error;
        });
        return answer?.status ?? 503;
      };
      await expect.poll(attempt, { timeout, interval: 20 }).not.toBe(503);
      expect(answer?.status).toBe(200);
      return answer as Answer<Body>;
    },
    /** @param meanwhile what has to hold while it is away */
    async killReplica(which: number, meanwhile: () => Promise<void>) {
      await replicas[which]?.kill();
      await meanwhile();
      replicas[which] = await startServerProcess(env);
    },
    async killDatabase() {
      const postmaster = await postmasterOf(database.clusterDir);
      process.kill(postmaster, 'SIGKILL');
      await eventually('the killed PostgreSQL has ended', () => !isAlive(postmaster));
      database = await workshop.start(folder);
      proxy.leadTo(database.url);
    },
    /** @param meanwhile what has to hold while it is away */
    async killRedis(meanwhile: () => Promise<void>) {
      await redis.kill();
      await meanwhile();
      await redis.start();
    },
    countRows: () => ask(database.url, 'SELECT count(*)::int AS rows FROM vault_entries'),
    async stop() {
      for (const replica of replicas) await replica.kill();
      await redis.kill();
      await proxy.stop();
    },
  };
}

/** An Astation at one replica and an atem at another come together in a room. */
async function meet(astationUrl: string, atemUrl: string): Promise<string> {
  const code = `st-${randomUUID()}`;
  const owner = await openAstation(astationUrl, code);
  const atem = await openAtem(atemUrl, code, 'a');
  expect(await owner.next()).toMatchObject({ atem_id: 'a', relay_event: 'connected' });
  owner.send('"there"');
  expect(await atem.nextText('what the Astation said')).toBe('"there"');
  atem.send('"back"');
  expect(await owner.next()).toMatchObject({ atem_id: 'a', payload: 'back' });
  await Promise.all([owner.leave(), atem.leave()]);
  return 'met';
}

/** Holds a vault's history against what was acknowledged: the same writes, once each, with the same numbers. */
function judge(history: VaultEntry[], acknowledged: Map<string, WriteResult>): void {
  expect(history.map(({ content }) => content).toSorted()).toEqual([...acknowledged.keys()].toSorted());
  const versions = new Map<number, number>();
  for (const { content, entry_no, version, seq } of history) {
    expect(acknowledged.get(content)).toEqual({ entry_no, version, seq });
    expect(version).toBe((versions.get(entry_no) ?? 0) + 1);
    versions.set(entry_no, version);
  }
  // Maps keep the order in which keys came.
  expect([...versions.keys()]).toEqual([...versions.keys()].map((_, i) => i + 1));
  const seqs = history.map(({ seq }) => seq);
  expect(seqs).toEqual([...new Set(seqs)].toSorted((a, b) => a - b));
}

describeWithRedis('kill -9 in the middle of load', () => {
  test('in turn of a replica, of PostgreSQL and of Redis: every write is there once, and every row is followed once', async () => {
    const parts = await startInstallation();
    const acknowledged = new Map<string, WriteResult>();
    let ended = false;
    try {
      const { vault_id } = (await parts.untilAnswered((vaults) => vaults.create('storm'), { turn: 0 })).body;
      /** Writes under a key of its own, the text. */
      const write = async (fields: WriteFields, where: Where) => {
        const call: Call<WriteResult> = (vaults) => vaults.write(vault_id, { ...fields, key: fields.text });
        acknowledged.set(fields.text, (await parts.untilAnswered(call, where)).body);
      };
      /** Every row from the first to the last, as one sees them who goes on elsewhere when a replica is lost. */
      const follow = async (turn: number) => {
        const rows: VaultEntry[] = [];
        for (let since = '0'; rows.at(-1)?.content !== LAST; ) {
          const read: Call<VaultEntry[]> = (vaults) =>
            vaults.read(vault_id, `&history=true&since=${since}&wait=5`);
          const { body, headers } = await parts.untilAnswered(read, { turn });
          rows.push(...body);
          since = headers.get('x-vault-head') ?? 'none';
        }
        return rows;
      };
      const allWrite = async (name: string, turns: number[]) => {
        const where = { step: 0, timeout: RECOVERY_MS };
        await Promise.all(turns.map((turn) => write({ text: `${name}-${turn}` }, { ...where, turn })));
      };

      await write({ text: 'first' }, { turn: 0 });
      const followers = Promise.all(REPLICAS.map(follow));
      const keepWriting = async (_: unknown, writer: number) => {
        for (let n = 0; !ended; n++) {
          // Half the writers override.
          const fields = { text: `${writer}.${n}`, ...(writer % 2 === 0 && { entry_id: 1 }) };
          await write(fields, { turn: writer + n });
        }
      };
      const writers = Promise.all(Array.from({ length: WRITERS }, keepWriting));

      const others = REPLICAS.filter((replica) => replica !== DYING);
      const kills: [name: string, kill: () => Promise<void>][] = [
        ['replica', () => parts.killReplica(DYING, () => allWrite('one-away', others))],
        ['postgresql', () => parts.killDatabase()],
        ['redis', () => parts.killRedis(() => allWrite('without-redis', REPLICAS))],
      ];
      for (const [turn, [name, kill]] of kills.entries()) {
        const enough = acknowledged.size + BEFORE_KILL;
        await expect.poll(() => acknowledged.size, { timeout: PATIENCE_MS }).toBeGreaterThan(enough);
        await kill();
        const rooms = () => meet(parts.url(turn), parts.url(turn + 1));
        const inRooms = expect.poll(rooms, { timeout: RECOVERY_MS }).toBe('met');
        await Promise.all([allWrite(`${name}-back`, REPLICAS), inRooms]);
      }
      ended = true;
      await writers;
      await write({ text: LAST }, { turn: 0 });

      const history = await follow(1);
      judge(history, acknowledged);
      for (const followed of await followers) expect(followed).toEqual(history);
      // Beside them there is the summary.
      expect(await parts.countRows()).toEqual({ rows: history.length + 1 });
    } finally {
      ended = true;
      await parts.stop();
    }
  }, 240_000);
});
