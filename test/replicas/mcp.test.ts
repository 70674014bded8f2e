import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { SessionStore } from '../../src/session/store.ts';
import { useDatabase } from '../support/database.ts';
import { callTool, connect, demandTool, ERAS, type EraName } from '../support/mcp.ts';
import { describeWithRedis } from '../support/redis.ts';
import { startRelayServer, useRelayServer } from '../support/relay-server.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const database = useDatabase();

async function login(): Promise<string> {
  const session = randomUUID();
  await new SessionStore(database.db).createGranted(session, { hostname: 'h', astationId: 'st-1' });
  return session;
}

describeWithRedis('two replicas behind a round-robin proxy', () => {
  const server = useRelayServer(database, { replicas: 2 });

  /** Sends each request over a new connection, and each connection to the next replica. */
  async function roundRobin() {
    const proxy = await TcpProxy.to(server.url);
    let turn = 0;
    const counts = [0, 0];
    const send: typeof fetch = (url, init) => {
      const at = turn++ % 2;
      counts[at] = (counts[at] ?? 0) + 1;
      proxy.leadTo(server.replicas[at]?.url ?? '');
      const headers = new Headers(init?.headers);
      headers.set('connection', 'close');
      return fetch(url, { ...init, headers });
    };
    return { proxy, counts, fetch: send };
  }

  test.each(ERAS)('a client needs no session of one of them: %s', async (era) => {
    const { proxy, counts, fetch } = await roundRobin();
    try {
      const access = { url: proxy.url, secret: await login(), clientId: 'a', fetch };
      const client = await connect(access, era);
      const { vault_id } = await demandTool<{ vault_id: string }>(client, 'vault_create');
      for (let i = 1; i <= 4; i++) {
        expect(await demandTool(client, 'vault_write', { vault_id, text: `${i}` })).toMatchObject({
          entry_no: i,
        });
        const { entries } = await demandTool<{ entries: object[] }>(client, 'vault_read', { vault_id });
        expect(entries).toHaveLength(i);
      }
      expect(Math.min(...counts)).toBeGreaterThan(3);
    } finally {
      await proxy.stop();
    }
  });

  test('a wait and a subscription at one replica end with a write at the other', async () => {
    const [one, two] = server.replicas.map(({ url }) => url);
    const secret = await login();
    const reader = await connect({ url: one ?? '', secret, clientId: 'a' });
    const writer = await connect({ url: two ?? '', secret, clientId: 'b' });
    const { vault_id } = await demandTool<{ vault_id: string }>(reader, 'vault_create');
    const changed: string[] = [];
    reader.setNotificationHandler('notifications/resources/updated', ({ params }) => {
      changed.push(params.uri);
    });
    await reader.listen({ resourceSubscriptions: [`vault://${vault_id}`] });
    const waiting = callTool(reader, 'vault_wait', { vault_id, since: 1 });
    await expect.poll(() => server.one.services.vaults.followers.waiters.size).toBe(2);
    await demandTool(writer, 'vault_write', { vault_id, text: 'over there' });
    expect((await waiting).structured).toMatchObject({ entries: [{ content: 'over there' }] });
    await expect.poll(() => changed).toEqual([`vault://${vault_id}`]);
  });
});

describe('a restart of the server', () => {
  test.each(ERAS)('a client continues without connecting again: %s', async (era: EraName) => {
    const first = await startRelayServer(database.url, { replicas: 1 });
    const proxy = await TcpProxy.to(first.url);
    try {
      const client = await connect({ url: proxy.url, secret: await login(), clientId: 'a' }, era);
      const { vault_id } = await demandTool<{ vault_id: string }>(client, 'vault_create');
      await first.stop();
      await expect(callTool(client, 'vault_read', { vault_id })).rejects.toThrow();
      const second = await startRelayServer(database.url, { replicas: 1 });
      proxy.leadTo(second.url);
      try {
        await demandTool(client, 'vault_write', { vault_id, text: 'after' });
        const { entries } = await demandTool<{ entries: object[] }>(client, 'vault_read', { vault_id });
        expect(entries).toHaveLength(1);
      } finally {
        await second.stop();
      }
    } finally {
      await proxy.stop();
    }
  });
});
