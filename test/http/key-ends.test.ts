import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { SCOPES } from '../../src/access/credential.ts';
import { createVaultRelayClient } from '../../src/client/index.ts';
import { AstationStore } from '../../src/session/astation-store.ts';
import { rest } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';
import { open, openAstation, wsUrl } from '../support/sockets.ts';

const database = useDatabase();
const server = useServer(database);
/** Another server of the same database, which hears of a revocation by its announcement. */
const second = useServer(database);

const WORK_SESSION = 'st-ends';
/** Of a call that asks the database for nothing but the credential. */
const statusAt = async (url: string, key: string) =>
  (await fetch(`${url}/trpc/session.whoami`, { headers: { authorization: `Bearer ${key}` } })).status;
const admin = () => server.makeKey(WORK_SESSION, { scopes: SCOPES });

test('100 parallel revocations against uses: no call that begins after the answer succeeds', async () => {
  const { key: adminKey } = await admin();
  const revoke = (id: string) => rest('DELETE', `${server.url}/api/keys/${id}`, { session: adminKey });
  const race = async () => {
    const { key, id } = await server.makeKey(WORK_SESSION);
    // Cached on both servers, as a key in use is.
    expect([await statusAt(server.url, key), await statusAt(second.url, key)]).toEqual([200, 200]);
    let revoked = false;
    const late: number[] = [];
    const use = async () => {
      for (let done = false; !done; ) {
        done = revoked;
        const status = await statusAt(server.url, key);
        if (done) late.push(status);
        else expect([200, 401]).toContain(status);
      }
    };
    const users = Array.from({ length: 3 }, use);
    await setImmediate();
    const answers = await Promise.race([revoke(id), revoke(id)]);
    revoked = true;
    expect(answers.status).toBe(200);
    const after = Array.from({ length: 5 }, () => statusAt(server.url, key));
    await Promise.all(users);
    expect([...late, ...(await Promise.all(after))]).toEqual(Array.from({ length: 8 }, () => 401));
    // The other server hears of it a moment later, and then for good.
    await expect.poll(() => statusAt(second.url, key), { interval: 5 }).toBe(401);
    expect(await statusAt(second.url, key)).toBe(401);
  };
  // Ten at once, so that revocations of keys also race each other.
  for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 10 }, race));
});

const ROUTES = [
  ['the server that is asked', () => server],
  ['another server', () => second],
] as const;

test.each(ROUTES)(
  'a revocation ends the waits and streams of the key on %s, and no others',
  async (_, at) => {
    const [{ key, id }, kept] = [await server.makeKey(WORK_SESSION), await server.makeKey(WORK_SESSION)];
    const adminKey = (await admin()).key;
    const here = createVaultRelayClient({ url: server.url, session: adminKey });
    const { vault_id } = await here.vault.create.mutate({ summary: 'followed' });
    const { vault } = createVaultRelayClient({ url: at().url, session: key });
    const keptVault = createVaultRelayClient({ url: at().url, session: kept.key }).vault;
    const refusals: unknown[] = [];
    const onError = (error: unknown) => refusals.push(error);
    const keptErrors: unknown[] = [];
    const started = [
      new Promise<void>((onStarted) =>
        vault.watch.subscribe({ vault_id }, { onStarted: () => onStarted(), onError }),
      ),
      new Promise<void>((onStarted) =>
        vault.changes.subscribe(undefined, { onStarted: () => onStarted(), onError }),
      ),
    ];
    const keeping = keptVault.changes.subscribe(undefined, { onError: (error) => keptErrors.push(error) });
    await Promise.all(started);
    const wait = vault.readPage.query({ vault_id, wait: 25 }).catch(onError);
    const { waiters } = at().vaults.followers;
    await expect.poll(() => waiters.size, { timeout: 10_000 }).toBe(4);
    await here.key.revoke.mutate({ id });
    await wait;
    await expect.poll(() => refusals.length, { timeout: 10_000 }).toBe(3);
    for (const refusal of refusals)
      expect(refusal).toMatchObject({ data: { code: 'UNAUTHORIZED', httpStatus: 401 } });
    await expect.poll(() => waiters.size).toBe(1);
    expect(keptErrors).toEqual([]);
    keeping?.unsubscribe();
  },
);

test.each(ROUTES)('a revocation closes the sockets of the key on %s', async (_, at) => {
  const { key, id } = await server.makeKey(WORK_SESSION, { scopes: ['read'] });
  await openAstation(at().url, WORK_SESSION);
  const socket = await open(wsUrl(at().url, { role: 'atem', session: key, atem_id: 'ci' }));
  const { key: adminKey } = await admin();
  await rest('DELETE', `${server.url}/api/keys/${id}`, { session: adminKey });
  expect((await socket.closed()).code).toBe(1008);
});

test.each<[string, number, object]>([
  ['the scope read', 101, { scopes: ['read'] }],
  ['no scope read', 403, { scopes: ['write', 'admin'] }],
  ['a list of vaults', 403, { vaults: [] }],
])('a key with %s opens a socket, or not: %i', async (_, status, wanted) => {
  await openAstation(server.url, WORK_SESSION);
  const { key: adminKey } = await admin();
  const { vault } = createVaultRelayClient({ url: server.url, session: adminKey });
  const { vault_id } = await vault.create.mutate({ summary: 'a' });
  const { key } = await server.makeKey(WORK_SESSION, 'vaults' in wanted ? { vaults: [vault_id] } : wanted);
  const address = wsUrl(server.url, { role: 'atem', session: key, atem_id: 'ci' });
  if (status === 101) await (await open(address)).leave();
  else await expect(open(address)).rejects.toThrow(String(status));
});

test('a ban ends the keys of the Astation', async () => {
  const { key } = await server.makeKey('st-banned-later');
  expect(await statusAt(second.url, key)).toBe(200);
  await new AstationStore(database.db).ban('st-banned-later');
  await expect.poll(() => statusAt(second.url, key)).toBe(401);
});
