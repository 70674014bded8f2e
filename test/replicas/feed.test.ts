import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { SessionStore } from '../../src/session/store.ts';
import { RestVaults } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { EventStream } from '../support/event-stream.ts';
import { within } from '../support/inbox.ts';
import { describeWithRedis, takeRedisDatabase } from '../support/redis.ts';
import { RedisServer } from '../support/redis-server.ts';
import { type RelayServer, useRelayServer, withRelayServer } from '../support/relay-server.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

describeWithRedis('what is written at one replica', () => {
  const database = useDatabase();
  const server = useRelayServer(database, { replicas: 3 });

  /** A vault, and a way to it by each replica. */
  async function newVault(at: RelayServer = server) {
    const session = randomUUID();
    await new SessionStore(database.db).createGranted(session, {
      hostname: 'h',
      astationId: `st-${session}`,
    });
    const callers = at.replicas.map(({ url }) => new RestVaults(url, { session, clientId: 'a' }));
    const [writer, ...readers] = callers;
    if (!writer) throw new Error('No server was started');
    const { vault_id: vaultId } = (await writer.create('notes')).body;
    return { session, vaultId, writer, readers };
  }

  const watch = (url: string, { session, vaultId }: { session: string; vaultId: string }) =>
    EventStream.open(
      `${url}/trpc/vault.watch?id=a&input=${encodeURIComponent(JSON.stringify({ vault_id: vaultId }))}`,
      { authorization: `session ${session}` },
    );

  const waiting = (at: RelayServer) =>
    at.replicas.reduce((sum, { services }) => sum + services.vaults.followers.waiters.size, 0);

  test('what goes on: rows, reads from outside and writers of all servers, callers of this one', async () => {
    const { session, vaultId, writer } = await newVault();
    const [, second, third] = server.replicas;
    if (!second || !third) throw new Error('No server was started');
    const stream = await EventStream.open(`${second.url}/trpc/activity.watch?id=a&input=%7B%7D`, {
      authorization: `session ${session}`,
    });
    type Told = { type: string; rows?: { what: string; n: number }[]; present?: object };
    const next = async (type: string): Promise<Told> => {
      const told = (await stream.next(type)) as Told;
      return told.type === type ? told : next(type);
    };
    expect(await next('present')).toMatchObject({ present: { servers: 'this' } });
    const { seq } = (await writer.append(vaultId, 'at the first')).body;
    expect((await next('rows')).rows).toMatchObject([{ what: 'wrote', n: seq }]);
    const away = randomUUID();
    await new SessionStore(database.db).createGranted(away, { hostname: 'h', astationId: `st-${away}` });
    await new RestVaults(third.url, { session: away, clientId: 'a' }).read(vaultId);
    expect((await next('rows')).rows).toMatchObject([{ what: 'read', n: expect.any(Number) }]);
    await expect
      .poll(() => second.services.callers.of(`st-${session}`))
      .toMatchObject([
        { client_id: 'a', via: ['trpc'], connected: true, wrote: { vault_id: vaultId, entry_no: 1 } },
      ]);
    stream.close();
  });

  test('C21, unknown message: a message of a newer server that this one does not understand is ignored and counted', async () => {
    const redisUrl = await takeRedisDatabase();
    const token = 'a-token-for-metrics';
    const options = { databaseUrl: database.url, redisUrl, replicas: 2, config: { metricsToken: token } };
    await withRelayServer(options, async (own) => {
      const { session, vaultId, writer, readers } = await newVault(own);
      const [write, read] = [writer, readers[0] ?? writer];
      const { seq: since } = (await write.append(vaultId, 'before')).body;
      const waiter = read.read(vaultId, `&since=${since}&wait=25`);
      await expect.poll(() => waiting(own)).toBe(1);
      const publisher = new Redis(redisUrl);
      const prefix = `vault-relay:${new URL(redisUrl).pathname.slice(1)}:`;
      const known = { workSessionId: 'x', vaultId, seq: 1, kind: 'content' };
      const unknown = [
        '',
        'garbage',
        'null',
        '[]',
        '{"from":"x"}',
        '{"from":7,"writes":[]}',
        '{"from":"x","writes":{}}',
      ];
      for (const message of unknown) await publisher.publish(`${prefix}writes`, message);
      for (const odd of [
        { ...known, kind: 'redaction' },
        { ...known, seq: '1' },
        { kind: 'content' },
        null,
        7,
      ]) {
        await publisher.publish(`${prefix}writes`, JSON.stringify({ from: 'x', writes: [odd] }));
      }
      // A read of a newer form takes no write of its message with it.
      const heard = new Promise((resolve) =>
        own.replicas[1]?.services.feed.listen((write) => write.workSessionId === 'x' && resolve(write)),
      );
      const oddRead = { from: 'x', writes: [known], reads: [{ ...known, id: 'new' }] };
      await publisher.publish(`${prefix}writes`, JSON.stringify(oddRead));
      expect(await within(heard, () => 'the write', 2000)).toEqual(known);
      const inbox = `${prefix}inbox:${own.replicas[1]?.services.replica?.id() ?? ''}`;
      for (const message of ['', 'z', 'x1 y', 'c1 99 no', `c${randomUUID()}`, 'c1 1005 x', 's'])
        await publisher.publish(inbox, message);
      const countOf = async (url: string) => {
        const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
        return Number(/^vault_relay_unknown_messages_total (\d+)$/m.exec(await answer.text())?.[1]);
      };
      await expect.poll(() => countOf(own.replicas[1]?.url ?? '')).toBe(unknown.length + 5 + 1 + 7);
      await publisher.quit();
      // Whoever waits has looked again meanwhile, and nothing was lost or invented.
      const { seq } = (await write.append(vaultId, 'after')).body;
      expect((await waiter).body.map((entry) => entry.seq)).toEqual([seq]);
      expect((await new RestVaults(own.url, { session, clientId: 'b' }).read(vaultId)).status).toBe(200);
    });
  });

  test('ends the waiting reads at the others at once', async () => {
    const { vaultId, writer, readers } = await newVault();
    for (let round = 0; round < 10; round++) {
      const { seq: since } = (await writer.append(vaultId, 'before')).body;
      const reads = readers.map((reader) => reader.read(vaultId, `&since=${since}&wait=25`));
      await expect.poll(() => waiting(server)).toBe(readers.length);
      const { seq } = (await writer.append(vaultId, `news ${round}`)).body;
      for (const read of reads) {
        const { body } = await within(read, () => 'the waiting read', 2000);
        expect(body.map((entry) => [entry.seq, entry.content])).toEqual([[seq, `news ${round}`]]);
      }
    }
  });

  test('reaches watchers at the other replicas, in order', async () => {
    const { session, vaultId, writer, readers } = await newVault();
    const streams = await Promise.all(server.replicas.map(({ url }) => watch(url, { session, vaultId })));
    await expect.poll(() => waiting(server)).toBe(streams.length);
    for (let n = 0; n < 20; n++) await [writer, ...readers][n % 3]?.append(vaultId, String(n));
    for (const stream of streams) {
      for (let n = 0; n < 20; n++) expect(await stream.next('a row')).toMatchObject({ content: String(n) });
      stream.close();
    }
  });

  test('is announced once, and does not circulate', async () => {
    const { vaultId, writer } = await newVault();
    const heard = server.replicas.map(() => [] as number[]);
    const ends = server.replicas.map(({ services }, n) =>
      services.feed.listen(({ kind, seq }) => {
        if (kind === 'content') heard[n]?.push(seq);
      }),
    );
    const seqs = [];
    for (let n = 0; n < 5; n++) seqs.push((await writer.append(vaultId, String(n))).body.seq);
    await expect.poll(() => heard.map((each) => each.length)).toEqual([5, 5, 5]);
    // Whatever went round would be here when a later write is.
    seqs.push((await writer.append(vaultId, 'last')).body.seq);
    await expect.poll(() => heard).toEqual([seqs, seqs, seqs]);
    for (const end of ends) end();
  });

  /** A watcher at the second of two replicas, and a writer at the first. */
  async function watched(own: RelayServer) {
    const { session, vaultId, writer, readers } = await newVault(own);
    const stream = await watch(own.replicas[1]?.url ?? '', { session, vaultId });
    return { vaultId, writer, reader: readers[0], stream };
  }

  test('is found within seconds by waiting reads while Redis is unreachable', async () => {
    const redis = await RedisServer.start();
    try {
      const options = { databaseUrl: database.url, replicas: 2, redisUrl: redis.url() };
      await withRelayServer(options, async (own) => {
        const { vaultId, writer, reader, stream } = await watched(own);
        const read = reader?.read(vaultId, '&since=0&wait=25');
        await expect.poll(() => waiting(own)).toBe(2);
        await redis.kill();
        await writer.append(vaultId, 'while Redis is away');
        expect(await stream.next('a row')).toMatchObject({ content: 'while Redis is away' });
        expect((await within(Promise.resolve(read), () => 'the read', 1000))?.body).toHaveLength(1);
        await redis.start();
        // Whichever of the two has found Redis first.
        for (let n = 0; n < 10; n++) {
          await writer.append(vaultId, `again ${n}`);
          expect(await stream.next('a row')).toMatchObject({ content: `again ${n}` });
        }
        stream.close();
      });
    } finally {
      await redis.kill();
    }
  });

  test('is found by the other replicas also when only this one cannot reach Redis', async () => {
    const direct = await takeRedisDatabase();
    const proxy = await TcpProxy.to(direct);
    try {
      const options = { databaseUrl: database.url, replicas: 2, redisUrl: [proxy.url, direct] };
      await withRelayServer(options, async (own) => {
        const { vaultId, writer, stream } = await watched(own);
        proxy.refuse();
        for (let n = 0; n < 3; n++) {
          await writer.append(vaultId, `past Redis ${n}`);
          expect(await stream.next('a row')).toMatchObject({ content: `past Redis ${n}` });
        }
        stream.close();
      });
    } finally {
      await proxy.stop();
    }
  });
});
