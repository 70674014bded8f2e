import { beforeAll, expect, test } from 'vitest';
import { hashSessionId } from '../../src/access/session-id.ts';
import { SessionStore } from '../../src/session/store.ts';
import { RestVaults } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { EventStream } from '../support/event-stream.ts';
import { useRelayServer } from '../support/relay-server.ts';
import { open, openAstation, wsUrl } from '../support/sockets.ts';

const database = useDatabase();
const server = useRelayServer(database);

let vaultId: string;
beforeAll(async () => {
  const session = 'session-that-makes-the-vault';
  await new SessionStore(database.db).createGranted(session, { hostname: 'h', astationId: 'st' });
  vaultId = (await new RestVaults(server.url, { session, clientId: 'ann' }).create('followed')).body.vault_id;
});

let sessions = 0;
async function makeSession(): Promise<string> {
  const session = `session-that-expires-${++sessions}`;
  await new SessionStore(database.db).createGranted(session, { hostname: 'h', astationId: 'st' });
  return session;
}

/** The session's time is up, by the database's clock; nobody announces it. */
const expire = (session: string) =>
  database.admin.query(`UPDATE sessions SET expires_at = now() - interval '1 second' WHERE id_hash = $1`, [
    hashSessionId(session),
  ]);

async function waiting(n: number): Promise<void> {
  await expect.poll(() => server.one.services.vaults.followers.waiters.size).toBe(n);
}

const follow = (session: string, procedure: string, input?: object) => {
  const query = input ? `&input=${encodeURIComponent(JSON.stringify(input))}` : '';
  return EventStream.open(`${server.url}/trpc/${procedure}?id=ann${query}`, {
    authorization: `session ${session}`,
  });
};

test('checked at the start only: a wait of an expired session ends with 401', async () => {
  const session = await makeSession();
  const vaults = new RestVaults(server.url, { session, clientId: 'ann' });
  const answer = vaults.read(vaultId, '&wait=25');
  await waiting(1);
  await expire(session);
  await server.one.services.checkCredentials();
  expect((await answer).status).toBe(401);
});

test.each<[string, () => object | undefined]>([
  ['vault.watch', () => ({ vault_id: vaultId, kind: 'content' })],
  ['vault.changes', () => undefined],
])('checked at the start only: %s of an expired session ends', async (procedure, input) => {
  const session = await makeSession();
  const stream = await follow(session, procedure, input());
  await waiting(1);
  await expire(session);
  await server.one.services.checkCredentials();
  await expect(stream.next('the end of the stream')).rejects.toThrow('the stream has ended');
  await waiting(0);
});

test('checked only at the start: a relay socket of an expired session is closed, other sockets stay', async () => {
  const [expiring, staying] = [await makeSession(), await makeSession()];
  await openAstation(server.url, 'st');
  const gone = await open(wsUrl(server.url, { role: 'atem', session: expiring, atem_id: 'gone' }));
  const kept = await open(wsUrl(server.url, { role: 'atem', session: staying, atem_id: 'kept' }));
  await expire(expiring);
  await server.one.services.checkCredentials();
  expect(await gone.closed()).toEqual({ code: 1008, reason: 'this session has ended' });
  await kept.leave();
});
