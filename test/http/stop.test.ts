import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { SessionStore } from '../../src/session/store.ts';
import { RestVaults } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { startRelayServer } from '../support/relay-server.ts';
import { openAstation } from '../support/sockets.ts';

const database = useDatabase();
const TEXT = 'x'.repeat(60_000);
/** Far more than the network buffers between the two hold. */
const ENTRIES = 300;

test('an answer that is on its way when the server stops arrives whole, also at a slow reader', async () => {
  const server = await startRelayServer(database.url);
  const session = 'a-session-for-a-slow-reader';
  await new SessionStore(database.db).createGranted(session, { hostname: 'h', astationId: 'st' });
  const vaults = new RestVaults(server.url, { session, clientId: 'a' });
  const vaultId = (await vaults.create('large')).body.vault_id;
  await database.admin.query(
    `INSERT INTO vault_entries (bucket, vault_id, seq, entry_no, version, kind, writer_id, content, hash)
     SELECT vault_bucket($1), $1, n + 1, n, 1, 'content', 'a', $2, sha256('') FROM generate_series(1, ${ENTRIES}) AS n`,
    [vaultId, TEXT],
  );
  await database.admin.query(
    `UPDATE vaults SET head_seq = (SELECT max(seq) FROM vault_entries WHERE vault_id = $1) WHERE vault_id = $1`,
    [vaultId],
  );
  const request = get(`${server.url}/api/vault/${vaultId}?id=a&history=true`, {
    headers: { authorization: `session ${session}` },
  });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  await once(answer, 'readable');
  const stopped = server.stop();
  expect(JSON.parse(await text(answer))).toHaveLength(ENTRIES);
  await stopped;
});

test('followers and waiting reads do not delay a stop', async () => {
  const server = await startRelayServer(database.url);
  const session = 'a-session-for-a-follower';
  await new SessionStore(database.db).createGranted(session, { hostname: 'h', astationId: 'st' });
  const vaults = new RestVaults(server.url, { session, clientId: 'a' });
  const vaultId = (await vaults.create('followed')).body.vault_id;
  const ask = (path: string) =>
    fetch(`${server.url}${path}`, { headers: { authorization: `session ${session}` } });
  const input = encodeURIComponent(JSON.stringify({ vault_id: vaultId }));
  const following = await ask(`/trpc/vault.watch?id=a&input=${input}`);
  const waiting = ask(`/api/vault/${vaultId}?id=a&wait=25`);
  await expect.poll(() => server.one.services.vaults.followers.waiters.size).toBe(2);
  await server.stop();
  expect(await (await waiting).json()).toEqual([]);
  await following.text();
});

test.each([
  ['says nothing', ''],
  ['has not ended its head', 'GET / HTTP/1.1\r\nhost: 127.0.0.1'],
])('a connection that %s does not keep the server from stopping', async (_, bytes) => {
  const server = await startRelayServer(database.url);
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  await once(socket, 'connect');
  if (bytes !== '') socket.write(bytes);
  const closed = once(socket, 'close');
  socket.resume();
  // Whatever came before this has arrived too.
  expect((await fetch(`${server.url}/health/live`)).status).toBe(200);
  await server.stop();
  await closed;
});

test('a stop fails health first, ends sockets, and lets requests in flight finish', async () => {
  const server = await startRelayServer(database.url);
  const session = 'a-session-for-a-slow-write';
  await new SessionStore(database.db).createGranted(session, { hostname: 'h', astationId: 'st' });
  const vaults = new RestVaults(server.url, { session, clientId: 'a' });
  const vaultId = (await vaults.create('slow')).body.vault_id;
  const astation = await openAstation(server.url, 'st');
  const health = async (path: string) => {
    const answer = await fetch(server.url + path);
    return [answer.status, ((await answer.json()) as { status: string }).status];
  };
  expect(await health('/health/ready')).toEqual([200, 'ok']);
  expect(await health('/health/live')).toEqual([200, 'ok']);

  const order: string[] = [];
  const holder = await database.admin.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT 1 FROM vaults WHERE vault_id = $1 FOR UPDATE', [vaultId]);
  const writing = vaults.append(vaultId, 'in flight').finally(() => order.push('write answered'));
  await expect.poll(() => waitingForLock()).toBe(1);

  const stopped = server.stop().finally(() => order.push('stopped'));
  expect(await astation.closed()).toMatchObject({ code: 1012 });
  order.push('socket closed');
  expect(await health('/health/ready')).toEqual([503, 'stopping']);
  expect(await health('/health')).toEqual([503, 'stopping']);
  expect(await health('/health/live')).toEqual([200, 'ok']);
  // As long as somebody is waited for, others are served too.
  expect((await vaults.list()).status).toBe(200);

  await holder.query('COMMIT');
  holder.release();
  expect((await writing).status).toBe(200);
  await stopped;
  expect(order).toEqual(['socket closed', 'write answered', 'stopped']);
  await expect(fetch(`${server.url}/health/live`)).rejects.toThrow();
});

test('a stop answers waiting reads, and ends subscriptions cleanly', async () => {
  const server = await startRelayServer(database.url);
  const session = 'a-session-that-waits';
  await new SessionStore(database.db).createGranted(session, { hostname: 'h', astationId: 'st' });
  const vaults = new RestVaults(server.url, { session, clientId: 'a' });
  const vaultId = (await vaults.create('waits')).body.vault_id;
  const { seq } = (await vaults.append(vaultId, 'before')).body;
  const input = encodeURIComponent(JSON.stringify({ vault_id: vaultId }));
  const watching = await fetch(`${server.url}/trpc/vault.watch?id=a&input=${input}`, {
    headers: { authorization: `session ${session}`, accept: 'text/event-stream' },
  });
  expect(watching.status).toBe(200);
  const watched = watching.text();
  const reading = vaults.read(vaultId, `&since=${seq}&wait=25`);
  await expect.poll(() => server.replicas[0]?.services.vaults.followers.waiters.size).toBe(2);

  const stopped = server.stop();
  const read = await reading;
  expect([read.status, read.body]).toEqual([200, []]);
  // A stream that is cut would reject.
  expect(await watched).toContain('"content":"before"');
  await stopped;
});

async function waitingForLock(): Promise<number> {
  const { rows } = await database.admin.query(
    `SELECT count(*)::int AS n FROM pg_stat_activity
     WHERE wait_event_type = 'Lock' AND datname = current_database()`,
  );
  return rows[0].n;
}
