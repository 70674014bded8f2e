import { TRPCClientError } from '@trpc/client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createVaultRelayClient, type Entry, type VaultRelayClient } from '../../src/client/index.ts';
import type { VaultListItem } from '../../src/vault/schema.ts';
import { RestVaults } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { Inbox } from '../support/inbox.ts';
import { makeLogKeeper } from '../support/log-lines.ts';
import { startRelayServer } from '../support/relay-server.ts';
import { useServer } from '../support/server.ts';
import { withoutTriggers } from '../support/tamper.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const database = useDatabase();
const keeper = makeLogKeeper();
const server = useServer(database, {}, keeper.log);

let session: string;
let vaults: RestVaults;
let proxy: TcpProxy;
/** Ends what a test began. */
const endings: (() => void)[] = [];

beforeAll(async () => {
  session = await server.login('st-1');
  vaults = new RestVaults(server.url, { session, clientId: 'ann' });
  proxy = await TcpProxy.to(server.url);
});
afterAll(() => proxy.stop());

afterEach(async () => {
  for (const end of endings.splice(0)) end();
  await expect.poll(() => server.vaults.followers.waiters.size).toBe(0);
});

const clientOf = (url: string, who: { session?: string; clientId?: string } = {}): VaultRelayClient =>
  createVaultRelayClient({ url, session, clientId: 'ann', ...who });

/** A reconnect takes three seconds by itself. */
const LONG_MS = 30_000;

type Following = Parameters<VaultRelayClient['vault']['watch']['subscribe']>[0];

/** Follows a vault. */
function watch(client: VaultRelayClient, following: Following) {
  const entries = new Inbox<Entry>();
  const errors = new Inbox<unknown>();
  const subscription = client.vault.watch.subscribe(following, {
    onData: ({ id, data }) => {
      expect(id).toBe(String(data.seq));
      entries.put(data);
    },
    onError: (error) => errors.put(error),
  });
  endings.push(() => subscription.unsubscribe());
  return { entries, errors, stop: () => subscription.unsubscribe() };
}

const waiting = (n: number) =>
  expect.poll(() => server.vaults.followers.waiters.size, { timeout: LONG_MS }).toBe(n);

describe('vault.watch', () => {
  test('yields existing rows and then new ones, in the order of seq', async () => {
    const vaultId = (await vaults.create('watched')).body.vault_id;
    await vaults.append(vaultId, 'one');
    const all = watch(clientOf(server.url), { vault_id: vaultId, kind: 'all' });
    const content = watch(clientOf(server.url), { vault_id: vaultId });
    await waiting(2);
    await vaults.append(vaultId, 'two');
    await vaults.override(vaultId, 1, 'one, again');
    await vaults.setSummary(vaultId, 'described');
    const seen: string[] = [];
    while (seen.length < 5) seen.push((await all.entries.next('a row')).content);
    expect(seen).toEqual(['watched', 'one', 'two', 'one, again', 'described']);
    const contents: string[] = [];
    while (contents.length < 3) contents.push((await content.entries.next('a row')).content);
    expect(contents).toEqual(['one', 'two', 'one, again']);
    expect([all.errors.size, content.errors.size]).toEqual([0, 0]);
  });

  test('begins after since, and gives more rows than one portion has', async () => {
    const vaultId = (await vaults.create('long')).body.vault_id;
    const first = (await vaults.append(vaultId, 'unseen')).body.seq;
    await Promise.all(Array.from({ length: 450 }, (_, i) => vaults.append(vaultId, String(i))));
    const { entries } = watch(clientOf(server.url), { vault_id: vaultId, since: first });
    const seqs: number[] = [];
    while (seqs.length < 450) seqs.push((await entries.next('a row')).seq);
    const expected = (await vaults.read(vaultId, `&since=${first}&history=true`)).body;
    expect(seqs).toEqual(expected.map((entry) => entry.seq));
  });

  test('is forgotten when its client leaves', async () => {
    const vaultId = (await vaults.create('left')).body.vault_id;
    const { stop } = watch(clientOf(server.url), { vault_id: vaultId });
    await waiting(1);
    stop();
    await waiting(0);
  });

  test('resumes without loss or repetition when the connection is cut among concurrent writers', async () => {
    const vaultId = (await vaults.create('cut')).body.vault_id;
    const { entries, errors } = watch(clientOf(proxy.url), { vault_id: vaultId });
    await waiting(1);
    const WRITES = 60;
    const write = async (clientId: string) => {
      const mine = new RestVaults(server.url, { session, clientId });
      for (let i = 0; i < WRITES; i++) await mine.append(vaultId, `${clientId} ${i}`);
    };
    const written = Promise.all(['a', 'b', 'c'].map(write));
    const seen: Entry[] = [];
    for (const cutAt of [20, 70]) {
      while (seen.length < cutAt) seen.push(await entries.next('a row', LONG_MS));
      proxy.cut();
    }
    while (seen.length < 3 * WRITES) seen.push(await entries.next('a row', LONG_MS));
    await written;
    const history = (await vaults.read(vaultId, '&history=true&details=true')).body;
    expect(seen).toEqual(history);
    await waiting(1);
    expect([entries.size, errors.size]).toEqual([0, 0]);
  });

  test('ends with UNAUTHORIZED when the session is revoked, at once', async () => {
    const vaultId = (await vaults.create('revoked')).body.vault_id;
    const mine = await server.login('st-1');
    const { errors } = watch(clientOf(server.url, { session: mine }), { vault_id: vaultId });
    await waiting(1);
    await server.sessions.revoke(mine);
    const error = await errors.next('the end', 2500);
    expect(error).toBeInstanceOf(TRPCClientError);
    expect(error).toMatchObject({
      message: 'This session, key or sign-in ended while the request was waiting.',
      data: { code: 'UNAUTHORIZED', httpStatus: 401 },
    });
  });

  test.each([
    ['UNAUTHORIZED', { session: 'unknown' }, 'own'],
    ['NOT_FOUND', {}, 'v-nowhere'],
    ['FORBIDDEN', { session: 'st-2' }, 'own'],
    ['BAD_REQUEST', { clientId: '' }, 'own'],
  ])(
    'is refused with %s',
    async (code, { session: work, ...who }: { session?: string; clientId?: string }, which) => {
      const own = (await vaults.create('refused')).body.vault_id;
      const theirs = work === 'st-2' ? await server.login('st-2') : work;
      const client = clientOf(server.url, { ...who, ...(theirs === undefined ? {} : { session: theirs }) });
      const { errors } = watch(client, { vault_id: which === 'own' ? own : which });
      expect(await errors.next('the refusal')).toMatchObject({ data: { code } });
    },
  );

  test('reconnects to a restarted server, and resumes', async () => {
    const vaultId = (await vaults.create('restarted')).body.vault_id;
    const { one: before } = await startRelayServer(database.url, { replicas: 1 });
    const { entries, errors } = watch(clientOf(before.url), { vault_id: vaultId });
    await vaults.append(vaultId, 'before');
    await expect.poll(() => before.services.vaults.followers.waiters.size).toBe(1);
    // By this server itself, so that its follower is told.
    await new RestVaults(before.url, { session, clientId: 'ann' }).append(vaultId, 'told');
    expect((await entries.next('a row')).content).toBe('before');
    expect((await entries.next('a row')).content).toBe('told');
    await before.stop();
    await vaults.append(vaultId, 'while it was away');
    const config = { port: Number(new URL(before.url).port) };
    const { one: after } = await startRelayServer(database.url, { config, replicas: 1 });
    try {
      expect((await entries.next('a row', LONG_MS)).content).toBe('while it was away');
      await expect.poll(() => after.services.vaults.followers.waiters.size).toBe(1);
      await new RestVaults(after.url, { session, clientId: 'ann' }).append(vaultId, 'afterwards');
      expect((await entries.next('a row')).content).toBe('afterwards');
      expect([entries.size, errors.size]).toEqual([0, 0]);
    } finally {
      for (const end of endings.splice(0)) end();
      await after.stop();
    }
  });
});

describe('vault.changes', () => {
  function watchChanges(client: VaultRelayClient) {
    const changes = new Inbox<{ vault_id: string; head: number; item?: VaultListItem }>();
    const errors = new Inbox<unknown>();
    const subscription = client.vault.changes.subscribe(undefined, {
      onData: (change) => changes.put(change),
      onError: (error) => errors.put(error),
    });
    endings.push(() => subscription.unsubscribe());
    return { changes, errors };
  }

  test('reports vaults that are created or changed in the own work session only, as the list shows them', async () => {
    const mine = watchChanges(clientOf(server.url));
    const elsewhere = { session: await server.login('st-2'), clientId: 'eve' };
    const theirs = watchChanges(clientOf(server.url, elsewhere));
    await waiting(2);
    const vaultId = (await vaults.create('made')).body.vault_id;
    const made = await mine.changes.next('the vault that was made');
    expect(made).toMatchObject({
      vault_id: vaultId,
      item: { vault_id: vaultId, summary: 'made', entries: 0 },
    });
    const { seq } = (await vaults.append(vaultId, 'one')).body;
    const listed = async () =>
      (await vaults.list('&details=true')).body.find(({ vault_id }) => vault_id === vaultId);
    expect(await mine.changes.next('a change')).toEqual({
      vault_id: vaultId,
      head: seq,
      item: await listed(),
    });
    await vaults.setSummary(vaultId, 'described');
    expect((await mine.changes.next('a change')).item).toEqual(await listed());
    const other = (await new RestVaults(server.url, elsewhere).create('theirs')).body.vault_id;
    expect((await theirs.changes.next('their vault')).vault_id).toBe(other);
    expect([mine.changes.size, theirs.changes.size]).toEqual([0, 0]);
  });

  test('ends with UNAUTHORIZED when the session is revoked', async () => {
    const session = await server.login('st-1');
    const { errors } = watchChanges(clientOf(server.url, { session }));
    await waiting(1);
    await server.sessions.revoke(session);
    expect(await errors.next('the end', 2500)).toMatchObject({ data: { code: 'UNAUTHORIZED' } });
  });

  test('ends with UNAUTHORIZED when the credential ends after the next change has arrived', async () => {
    const { vaults: store } = server;
    const caller = { workSessionId: 'st-busy', clientId: 'ann' };
    const reader = { ...caller, origin: { requestId: 'r', address: '::1', credentialHash: 'the hash' } };
    const followed = [store.changeFeed.changes(reader), store.changeFeed.listed(reader)];
    const first = Promise.all(followed.map((changes) => changes.next()));
    const { vault_id } = await store.writer.create({ caller, summary: 'busy' });
    expect(await first).toMatchObject([{ value: { vault_id } }, { value: { vault_id, item: {} } }]);
    await store.writer.submit(caller, { op: 'append', vaultId: vault_id, text: 'one' });
    store.followers.waiters.credentialEnded('the hash');
    for (const changes of followed)
      await expect(changes.next()).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });
});

test('the log contains nothing that a follower sends', async () => {
  const vaultId = (await vaults.create('logged')).body.vault_id;
  const { seq } = (await vaults.append(vaultId, 'one')).body;
  keeper.lines.length = 0;
  const clientId = 'client-word';
  const { stop } = watch(clientOf(proxy.url, { clientId }), {
    vault_id: vaultId,
    lastEventId: seq,
  });
  await waiting(1);
  proxy.cut();
  await waiting(0);
  await waiting(1);
  stop();
  await waiting(0);
  const log = keeper.lines.join('');
  expect(log).toContain('/trpc/vault.watch?id=[redacted]&input=[redacted]');
  for (const secret of [session, clientId, encodeURIComponent(`"${vaultId}"`)])
    expect(log).not.toContain(secret);
});

describe('a follower sees that nothing is missing', () => {
  test('a row that was taken out ends the subscription with its number', async () => {
    const vaultId = (await vaults.create('with a gap')).body.vault_id;
    for (const text of ['one', 'two', 'three']) await vaults.append(vaultId, text);
    await withoutTriggers(
      database.admin,
      `DELETE FROM vault_entries WHERE vault_id = '${vaultId}' AND seq = 3`,
    );
    const { entries, errors } = watch(clientOf(server.url), { vault_id: vaultId });
    expect((await entries.next('the first')).content).toBe('one');
    expect(String(await errors.next('the gap'))).toContain(
      `Row 4 of vault ${vaultId} arrived after row 2, so rows are missing.`,
    );
    const after = watch(clientOf(server.url), { vault_id: vaultId, since: 3 });
    expect(await after.entries.next('the rest')).toMatchObject({
      content: 'three',
      author: expect.any(String),
    });
  });

  test('numbers from before vaults counted by themselves may have holes', async () => {
    const vaultId = (await vaults.create('from before')).body.vault_id;
    await withoutTriggers(
      database.admin,
      `UPDATE vault_entries SET seq = 7, author = NULL, addressees = NULL, salt = NULL WHERE vault_id = '${vaultId}';
       UPDATE vaults SET head_seq = 7 WHERE vault_id = '${vaultId}'`,
    );
    await vaults.append(vaultId, 'one');
    const { entries } = watch(clientOf(server.url), { vault_id: vaultId, kind: 'all' });
    expect([await entries.next('old'), await entries.next('new')]).toMatchObject([{ seq: 7 }, { seq: 8 }]);
  });
});
