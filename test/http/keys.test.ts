import { describe, expect, test } from 'vitest';
import { SCOPES } from '../../src/access/credential.ts';
import { createVaultRelayClient } from '../../src/client/index.ts';
import type { CreatedKey, KeyInfo } from '../../src/keys/schema.ts';
import { nextLink, RestVaults, rest, trpcRefusal } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { EventStream } from '../support/event-stream.ts';
import { makeLogKeeper } from '../support/log-lines.ts';
import { useServer } from '../support/server.ts';

const database = useDatabase();
const ADMIN_TOKEN = 'an-admin-token-of-the-tests-of-keys';
const log = makeLogKeeper();
const server = useServer(database, { adminToken: ADMIN_TOKEN }, log.log);
/** Another server over the same database. */
const other = useServer(database);
const limited = useServer(database, { rateLimitPerMinute: 5, rateLimitPerAddress: 0 });

const client = (key: string) => createVaultRelayClient({ url: server.url, session: key });
const asOperator = { headers: { authorization: `dashboard ${ADMIN_TOKEN}` } };
let workSessions = 0;
const freshWorkSession = () => `st-keys-${++workSessions}`;
const adminOf = async (workSession: string) =>
  server.makeKey(workSession, { scopes: SCOPES, clientId: 'admin' });

describe('an administrator', () => {
  test('makes a key, lists it without its secret, and revokes it: REST', async () => {
    const workSession = freshWorkSession();
    const admin = await adminOf(workSession);
    const keys = `${server.url}/api/keys`;
    const body = { name: 'nightly build', client_id: 'ci', expires_in: 3600 };
    const made = await rest<CreatedKey>('POST', keys, { session: admin.key, body });
    expect(made.status).toBe(201);
    const { key, ...facts } = made.body;
    expect(facts).toMatchObject({
      name: 'nightly build',
      client_id: 'ci',
      work_session_id: workSession,
      scopes: ['read', 'write'],
      vaults: null,
      created_by: `key:${admin.id}`,
    });
    const listed = await rest<KeyInfo[]>('GET', keys, { session: admin.key });
    expect(listed.body.map(({ id }) => id)).toEqual([admin.id, facts.id]);
    expect(listed.body[1]).toEqual({ ...facts, state: 'live', last_used_at: null, revoked_at: null });
    expect(JSON.stringify(listed.body)).not.toContain(key.slice(16));

    const page = await rest<KeyInfo[]>('GET', `${keys}?limit=1`, { session: admin.key });
    const next = await rest<KeyInfo[]>('GET', new URL(nextLink(page.headers) ?? '', keys).href, {
      session: admin.key,
    });
    expect([...page.body, ...next.body].map(({ id }) => id)).toEqual([admin.id, facts.id]);
    expect(nextLink(next.headers)).toBeNull();

    const url = `${server.url}/api/vault`;
    expect((await rest('GET', url, { session: key })).status).toBe(200);
    for (let repeat = 0; repeat < 2; repeat++) {
      const revoked = await rest('DELETE', `${keys}/${facts.id}`, { session: admin.key });
      expect(revoked).toMatchObject({ status: 200, body: { id: facts.id, revoked: true } });
    }
    expect(await rest('GET', url, { session: key })).toMatchObject({
      status: 401,
      body: { error: 'This key is unknown, misspelt, expired, revoked, or of a banned Astation.' },
    });
    expect((await rest<KeyInfo[]>('GET', keys, { session: admin.key })).body[1]).toMatchObject({
      state: 'revoked',
    });
  });

  test('does the same over tRPC, where a page has its cursor', async () => {
    const admin = await adminOf(freshWorkSession());
    const { key } = client(admin.key);
    const made = await key.create.mutate({ name: 'a', client_id: 'a', scopes: ['read'] });
    expect(made.scopes).toEqual(['read']);
    const first = await key.listPage.query({ limit: 1 });
    const second = await key.listPage.query({ limit: 1, cursor: first.next_cursor ?? '' });
    expect([first, second].flatMap(({ keys }) => keys)).toEqual(await key.list.query());
    expect(second.next_cursor).toBeNull();
    expect(await key.revoke.mutate({ id: made.id })).toEqual({ id: made.id, revoked: true });
  });

  test('cannot give a scope that it lacks', async () => {
    const admin = await server.makeKey(freshWorkSession(), { scopes: ['admin', 'read'] });
    const create = (scopes: KeyInfo['scopes']) =>
      client(admin.key).key.create.mutate({ name: 'a', client_id: 'a', scopes });
    expect(await trpcRefusal(create(['read', 'write']))).toMatchObject({
      code: 'FORBIDDEN',
      message: 'You lack the scope write, so you cannot create a key with it.',
    });
    expect((await create(['read', 'admin'])).scopes).toEqual(['read', 'admin']);
  });

  test.each(['create', 'admin'] as const)('cannot limit a key with %s to vaults', async (scope) => {
    const admin = await adminOf(freshWorkSession());
    const { vault_id } = await client(admin.key).vault.create.mutate({ summary: 'a' });
    const wanted = { name: 'a', client_id: 'a', scopes: ['read', scope], vaults: [vault_id] };
    expect(await trpcRefusal(client(admin.key).key.create.mutate(wanted as never))).toMatchObject({
      code: 'FORBIDDEN',
      message: `A key that is limited to vaults cannot have the scope ${scope}.`,
    });
  });

  test('reaches the keys of its own work session only', async () => {
    const [mine, theirs] = [await adminOf(freshWorkSession()), await adminOf(freshWorkSession())];
    const { key } = client(mine.key);
    const work_session_id = theirs.work_session_id;
    const foreign = 'You can administer your own work session only; leave out work_session_id.';
    for (const call of [
      key.list.query({ work_session_id }),
      key.create.mutate({ name: 'a', client_id: 'a', work_session_id }),
    ])
      expect(await trpcRefusal(call)).toMatchObject({ code: 'FORBIDDEN', message: foreign });
    expect(await trpcRefusal(key.revoke.mutate({ id: theirs.id }))).toMatchObject({ code: 'NOT_FOUND' });
    expect(await key.list.query()).toHaveLength(1);
  });

  test('an operator names the work session, and revokes any key', async () => {
    const work_session_id = freshWorkSession();
    const keys = `${server.url}/api/keys`;
    const body = { name: 'a', client_id: 'a' };
    expect(await rest('POST', keys, { ...asOperator, body })).toMatchObject({
      status: 400,
      body: { error: 'Field work_session_id is missing; an operator must name the work session.' },
    });
    const made = await rest<CreatedKey>('POST', keys, { ...asOperator, body: { ...body, work_session_id } });
    expect(made.body.created_by).toBe('operator');
    const listed = await rest<KeyInfo[]>('GET', `${keys}?work_session_id=${work_session_id}`, asOperator);
    expect(listed.body.map(({ id }) => id)).toEqual([made.body.id]);
    expect((await rest('DELETE', `${keys}/${made.body.id}`, asOperator)).status).toBe(200);
    const { rows } = await database.admin.query(
      `SELECT action, client_id, address FROM audit_log WHERE session = $1 ORDER BY id`,
      [`key:${made.body.id}`],
    );
    expect(rows).toEqual(
      ['key_create', 'key_revoke'].map((action) => ({ action, client_id: 'operator', address: '127.0.0.1' })),
    );
  });
});

describe('what a key writes', () => {
  test('has its pinned client id, and the key as its author', async () => {
    const { key, id } = await server.makeKey(freshWorkSession(), { scopes: SCOPES, clientId: 'ci' });
    const { vault } = client(key);
    const { vault_id } = await vault.create.mutate({ summary: 'a' });
    await vault.append.mutate({ vault_id, text: 'one' });
    const rows = await vault.read.query({ vault_id, kind: 'all', history: true, details: true });
    expect(rows.map(({ writer_id, author }) => [writer_id, author])).toEqual([
      ['ci', `key:${id}`],
      ['ci', `key:${id}`],
    ]);
    const { rows: audited } = await database.admin.query(
      'SELECT DISTINCT session, client_id FROM audit_log WHERE vault_id = $1',
      [vault_id],
    );
    expect(audited).toEqual([{ session: `key:${id}`, client_id: 'ci' }]);
  });

  test('opens the vault to a session of that name, but to no key, even where both ask at once', async () => {
    const inside = freshWorkSession();
    const writer = await server.makeKey(inside, { scopes: SCOPES, clientId: 'ci' });
    const { vault_id } = await client(writer.key).vault.create.mutate({ summary: 'a' });
    await client(writer.key).vault.append.mutate({ vault_id, text: 'one' });
    const outside = freshWorkSession();
    const key = await server.makeKey(outside, { scopes: SCOPES, clientId: 'ci' });
    const session = new RestVaults(server.url, { session: await server.login(outside), clientId: 'ci' });
    const asked = await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        n % 2 === 0
          ? session.read(vault_id).then(({ status }) => ['session', status])
          : rest('GET', `${server.url}/api/vault/${vault_id}`, { session: key.key }).then(({ status }) => [
              'key',
              status,
            ]),
      ),
    );
    expect(new Set(asked.map(String))).toEqual(new Set(['session,200', 'key,403']));
    expect(await client(key.key).vault.list.query()).toEqual([]);
  });
});

describe('a key for some vaults', () => {
  test('lists these alone, however it asks, and follows their changes alone', async () => {
    const workSession = freshWorkSession();
    const all = client((await server.makeKey(workSession, { scopes: SCOPES })).key).vault;
    const ids: string[] = [];
    for (const summary of ['first', 'second', 'third'])
      ids.push((await all.create.mutate({ summary })).vault_id);
    const [hidden = '', ...vaults] = ids;
    const { key } = await server.makeKey(workSession, { vaults });
    const { vault } = client(key);
    const idsOf = (list: { vault_id: string }[]) => list.map(({ vault_id }) => vault_id);
    expect(idsOf(await vault.list.query())).toEqual(vaults);
    for (const options of [{ details: true }, { q: 'r' }, { details: true, q: 'ir' }]) {
      const seen = idsOf(await vault.list.query(options));
      expect(seen).toEqual(idsOf(await all.list.query(options)).filter((id) => id !== hidden));
    }
    const first = await vault.listPage.query({ limit: 1 });
    const second = await vault.listPage.query({ limit: 1, cursor: first.next_cursor ?? '' });
    expect(idsOf([...first.vaults, ...second.vaults])).toEqual(vaults);

    const changed: string[] = [];
    await new Promise<void>((resolve, reject) => {
      const following = vault.changes.subscribe(undefined, {
        onStarted: () => {
          const write = async () => {
            for (const vault_id of [hidden, vaults[1] ?? '', vaults[0] ?? ''])
              await all.append.mutate({ vault_id, text: 'x' });
          };
          write().catch(reject);
        },
        onData: ({ vault_id }) => {
          changed.push(vault_id);
          if (vault_id !== vaults[0]) return;
          following.unsubscribe();
          resolve();
        },
        onError: reject,
      });
    });
    expect(new Set(changed)).toEqual(new Set(vaults));
  });

  test('follows none of the others', async () => {
    const workSession = freshWorkSession();
    const all = client((await server.makeKey(workSession, { scopes: SCOPES })).key).vault;
    const [mine, other] = [
      await all.create.mutate({ summary: 'a' }),
      await all.create.mutate({ summary: 'b' }),
    ];
    const { key } = await server.makeKey(workSession, { vaults: [mine.vault_id] });
    const input = encodeURIComponent(JSON.stringify({ vault_id: other.vault_id }));
    const stream = await EventStream.open(`${server.url}/trpc/vault.watch?input=${input}`, {
      authorization: `Bearer ${key}`,
    });
    await expect(stream.next('a row')).rejects.toThrow('the stream has ended');
  });
});

describe('the first use of a key', () => {
  /** Follows the first use at a server. @returns the times that arrive, and what ends the stream */
  function follow(url: string, admin: CreatedKey, id: string) {
    const uses: string[] = [];
    const { key } = createVaultRelayClient({ url, session: admin.key });
    const ended = new Promise<unknown>((resolve) => {
      key.firstUse.subscribe(
        { id },
        {
          onData: ({ used_at }) => uses.push(used_at),
          onComplete: () => resolve('complete'),
          onError: resolve,
        },
      );
    });
    return { uses, ended };
  }
  /** Connections whose last statement asked for the last use of a key, and was answered. */
  const countLooks = async () => {
    const { rows } = await database.admin.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle'
       AND query LIKE 'SELECT%last_used_at%api_key_states%' AND query NOT LIKE '%client_id%'`,
    );
    return rows.length;
  };
  const waiting = (n: number) =>
    expect.poll(() => other.vaults.followers.waiters.size, { timeout: 10_000 }).toBe(n);

  test('is streamed once by another server as it happens, and the stream ends', async () => {
    const workSession = freshWorkSession();
    const [admin, made, unused] = [
      await adminOf(workSession),
      await server.makeKey(workSession),
      await server.makeKey(workSession),
    ];
    const used = follow(other.url, admin, made.id);
    await waiting(1);
    // The key was looked at and was not used: only an announcement ends this wait.
    await expect.poll(countLooks, { timeout: 10_000 }).toBe(1);
    const never = follow(other.url, admin, unused.id);
    await waiting(2);
    expect(used.uses).toEqual([]);
    await client(made.key).vault.list.query();
    expect(await used.ended).toBe('complete');
    const { body } = await rest<KeyInfo[]>('GET', `${server.url}/api/keys`, { session: admin.key });
    expect(used.uses).toEqual([body.find(({ id }) => id === made.id)?.last_used_at]);
    // A key that was used before is answered at once, and the other one still waits.
    const late = follow(server.url, admin, made.id);
    expect([await late.ended, late.uses]).toEqual(['complete', used.uses]);
    expect(never.uses).toEqual([]);
    await server.keys.revoke(admin.id, undefined, { author: 'operator' });
    expect(await never.ended).toMatchObject({ data: { code: 'UNAUTHORIZED' } });
    await waiting(0);
  });

  test('is found after a time in which no announcement arrived', async () => {
    const workSession = freshWorkSession();
    const [admin, made] = [await adminOf(workSession), await server.makeKey(workSession)];
    const { uses, ended } = follow(other.url, admin, made.id);
    await waiting(1);
    await database.admin.query('UPDATE api_keys SET last_used_at = now() WHERE id = $1', [made.id]);
    other.vaults.followers.waiters.lookAgain();
    expect(await ended).toBe('complete');
    expect(uses).toHaveLength(1);
  });

  test('of a key of another work session is not found', async () => {
    const { id } = await server.makeKey(freshWorkSession());
    const { ended } = follow(server.url, await adminOf(freshWorkSession()), id);
    expect(await ended).toMatchObject({ data: { code: 'NOT_FOUND' } });
  });
});

test('each key has its own budget of requests', async () => {
  const workSession = freshWorkSession();
  const [one, other] = [await server.makeKey(workSession), await server.makeKey(workSession)];
  const ask = async ({ key }: CreatedKey) =>
    (await fetch(`${limited.url}/api/vault`, { headers: { authorization: `Bearer ${key}` } })).status;
  const statuses = [];
  for (let n = 0; n < 6; n++) statuses.push(await ask(one));
  expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
  expect(await ask(other)).toBe(200);
});

test('no key comes into the log, wherever it was sent', async () => {
  const { key } = await server.makeKey(freshWorkSession(), { scopes: SCOPES });
  for (const path of [
    '/api/vault',
    `/api/vault?id=${key}`,
    `/trpc/vault.list?key=${key}`,
    `/api/keys/${key}`,
    `/ws?role=atem&session=${key}`,
  ])
    await (await fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${key}` } })).text();
  await rest('DELETE', `${server.url}/api/keys/${key}`, { session: key });
  const text = JSON.stringify(log.lines);
  expect(text).toContain('/api/vault');
  expect(text).not.toContain(key.slice(16));
});
