import { crc32 } from 'node:zlib';
import { describe, expect, test, vi } from 'vitest';
import { CredentialCache } from '../../src/access/credential-cache.ts';
import { makeKey } from '../../src/access/key-format.ts';
import { hashSessionId } from '../../src/access/session-id.ts';
import type { Io } from '../../src/api/operation.ts';
import { createCallerFactory, router } from '../../src/api/trpc.ts';
import { makeKeyProcedures } from '../../src/keys/operations.ts';
import { MAX_KEYS } from '../../src/keys/schema.ts';
import { KEY_USED_CHANNEL } from '../../src/keys/sql.ts';
import { KeyStore, type KeyWanted } from '../../src/keys/store.ts';
import { AstationStore } from '../../src/session/astation-store.ts';
import { SESSION_ENDED_CHANNEL, SessionStore } from '../../src/session/store.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { VaultWaiters } from '../../src/vault/follow/waiters.ts';
import { dump, useDatabase, withClient } from '../support/database.ts';
import { TestStore } from '../support/store.ts';

const database = useDatabase();

/** The last six digits of a key, in base 62. */
function checksumOf(body: string): string {
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  let text = '';
  for (let rest = crc32(body); text.length < 6; rest = Math.floor(rest / 62)) text = digits[rest % 62] + text;
  return text;
}

const store = () => new KeyStore(database.db);
const OPERATOR = { author: 'operator' };
const create = (wanted: Partial<KeyWanted> = {}) =>
  store().create(
    { workSessionId: 'st-1', name: 'a key', clientId: 'ci', scopes: ['read', 'write'], ...wanted },
    OPERATOR,
  );
const set = (id: string, assignments: string) =>
  database.admin.query(`UPDATE api_keys SET ${assignments} WHERE id = $1`, [id]);
const factsOf = async (id: string) =>
  (await database.admin.query('SELECT * FROM api_keys WHERE id = $1', [id])).rows[0];

describe('a key', () => {
  test('is found with its rights, and stored by its hash alone', async () => {
    const { key, id } = await create({ scopes: ['admin', 'read'] });
    expect(await store().use(key)).toEqual({
      kind: 'key',
      workSessionId: 'st-1',
      remainingMs: Number.POSITIVE_INFINITY,
      author: `key:${id}`,
      clientId: 'ci',
      scopes: ['admin', 'read'],
      vaults: undefined,
    });
    expect((await factsOf(id)).key_hash).toEqual(hashSessionId(key));
    const everything = await dump(database.admin);
    expect(everything).not.toContain(key);
    expect(everything).not.toContain(key.slice(16));
  });

  test('has the remaining time that it was given', async () => {
    const { key, expires_at, created_at } = await create({ expiresIn: 60 });
    expect(Date.parse(expires_at ?? '') - Date.parse(created_at)).toBe(60_000);
    const { remainingMs = 0 } = (await store().use(key)) ?? {};
    expect(remainingMs).toBeGreaterThan(50_000);
    expect(remainingMs).toBeLessThanOrEqual(60_000);
  });

  test.each([
    ['expired', `expires_at = now() - interval '1 second'`],
    ['revoked', 'revoked_at = now()'],
    ['revoked before it expired', `revoked_at = now(), expires_at = now() - interval '1 second'`],
  ])('is not found once it is %s, and its use is not noted', async (_, assignments) => {
    const { key, id } = await create();
    await set(id, assignments);
    expect(await store().use(key)).toBeUndefined();
    expect((await factsOf(id)).last_used_at).toBeNull();
  });

  test('is not found while its Astation is banned', async () => {
    const { key } = await create({ workSessionId: 'st-banned' });
    const astations = new AstationStore(database.db);
    await astations.ban('st-banned');
    expect(await store().use(key)).toBeUndefined();
    await astations.unban('st-banned');
    expect(await store().use(key)).toBeDefined();
  });

  test('is not looked up unless its checksum is right', async () => {
    const { key } = await create();
    const rows = vi.spyOn(database.db, 'rows');
    const last = key.endsWith('0') ? '1' : '0';
    for (const wrong of [key.slice(0, -1) + last, key.slice(0, -1), `${key}0`, 'vr_', 'vr_x_y'])
      expect(await store().use(wrong)).toBeUndefined();
    expect(rows).not.toHaveBeenCalled();
    expect(await store().use(makeKey().key)).toBeUndefined();
    expect(rows).toHaveBeenCalledOnce();
    rows.mockRestore();
  });

  test('takes as long to refuse wherever a guess differs: the database compares hashes of whole keys', async () => {
    const { key } = await create();
    const rows = vi.spyOn(database.db, 'rows');
    const asked = new Set<string>();
    for (let place = 16; place < 49; place++) {
      const body = `${key.slice(0, place)}${key[place] === 'x' ? 'y' : 'x'}${key.slice(place + 1, 49)}`;
      const guess = body + checksumOf(body);
      expect(await store().use(guess)).toBeUndefined();
      expect(rows.mock.lastCall?.slice(1)).toEqual([hashSessionId(guess)]);
      asked.add(hashSessionId(guess).toString('hex').slice(0, 8));
    }
    expect(rows).toHaveBeenCalledTimes(33);
    // Guesses that share 32 of 33 digits with the key share no beginning of its hash, nor of each other's.
    expect(asked.add(hashSessionId(key).toString('hex').slice(0, 8)).size).toBe(34);
    rows.mockRestore();
  });

  test('notes its use at most once a minute', async () => {
    const { key, id } = await create();
    await store().use(key);
    const first = await factsOf(id);
    expect(first.last_used_at).not.toBeNull();
    const version = async () =>
      (await database.admin.query('SELECT xmin FROM api_keys WHERE id = $1', [id])).rows[0];
    const before = await version();
    await Promise.all(Array.from({ length: 20 }, () => store().use(key)));
    expect(await version()).toEqual(before);
    await set(id, `last_used_at = now() - interval '61 seconds'`);
    await store().use(key);
    const { last_used_at } = await factsOf(id);
    expect(last_used_at.getTime()).toBeGreaterThan(first.last_used_at.getTime() - 1);
  });
});

describe('a list of vaults', () => {
  test('names vaults of the work session only', async () => {
    const vaults = new TestStore(database.db, new VaultFeed());
    const mine = await vaults.create({ workSessionId: 'st-1', clientId: 'a' }, 'mine');
    const theirs = await vaults.create({ workSessionId: 'st-2', clientId: 'a' }, 'theirs');
    const { key } = await create({ vaults: [mine.vault_id] });
    expect(await store().use(key)).toMatchObject({ vaults: [mine.vault_id] });
    for (const stranger of [theirs.vault_id, 'v-none']) {
      await expect(create({ vaults: [mine.vault_id, stranger] })).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: `Your work session has no vault ${stranger}.`,
      });
    }
  });

  test('excludes the rights over other vaults, also for the database', async () => {
    const { id } = await create();
    for (const scopes of ["'{create}'", "'{read,admin}'"])
      await expect(set(id, `vaults = '{v-1}', scopes = ${scopes}`)).rejects.toThrow(
        'api_keys_vaults_scopes_check',
      );
  });
});

test('a work session has at most 1,000 live keys, however many are made at once', async () => {
  await database.admin.query(
    `INSERT INTO api_keys (id, key_hash, work_session_id, name, client_id, scopes, created_by, revoked_at, expires_at)
     SELECT lpad(n::text, 12, '0'), sha256(n::text::bytea), 'st-full', 'k', 'c', '{read}', 'operator',
       CASE WHEN n > $1 THEN now() END, CASE WHEN n > $1 + 500 THEN now() END FROM generate_series(1, $1 + 1000) AS n`,
    [MAX_KEYS - 5],
  );
  const made = await Promise.allSettled(
    Array.from({ length: 20 }, () => create({ workSessionId: 'st-full' })),
  );
  expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
  await expect(create({ workSessionId: 'st-full' })).rejects.toMatchObject({
    code: 'FORBIDDEN',
    message: 'Your work session has 1000 live keys already; revoke one, then create another.',
  });
  await store().revoke('000000000001', 'st-full', OPERATOR);
  expect(await create({ workSessionId: 'st-full' })).toBeDefined();
  // Pages go through all of them, each once.
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await store().list({ workSessionId: 'st-full', limit: 300, cursor });
    seen.push(...page.keys.map(({ id }) => id));
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  expect(seen).toHaveLength(MAX_KEYS + 1001);
  expect(new Set(seen).size).toBe(seen.length);
});

test('the first use of a key is announced, and later ones are not', async () => {
  const { id, key } = await create();
  await withClient(database.url, async (listener) => {
    const heard: (string | undefined)[] = [];
    listener.on('notification', ({ payload }) => heard.push(payload));
    await listener.query(`LISTEN ${KEY_USED_CHANNEL}`);
    expect(await store().lastUse(id, 'st-1')).toBeNull();
    await store().use(key);
    const used = await store().lastUse(id, undefined);
    expect(Date.parse(used ?? '')).toBe((await factsOf(id)).last_used_at.getTime());
    await set(id, `last_used_at = now() - interval '2 minutes'`);
    await store().use(key);
    await database.admin.query('SELECT pg_notify($1, $2)', [KEY_USED_CHANNEL, 'end']);
    await expect.poll(() => heard).toEqual([id, 'end']);
  });
});

describe('a revocation', () => {
  test('is announced once, and repeats change nothing', async () => {
    const { id, key } = await create();
    await withClient(database.url, async (listener) => {
      const heard: (string | undefined)[] = [];
      listener.on('notification', ({ payload }) => heard.push(payload));
      await listener.query(`LISTEN ${SESSION_ENDED_CHANNEL}`);
      const hash = hashSessionId(key).toString('hex');
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => store().revoke(id, 'st-1', { author: 'person:x' })),
      );
      expect(new Set(answers)).toEqual(new Set([hash]));
      const { revoked_at } = await factsOf(id);
      expect(await store().revoke(id, undefined, OPERATOR)).toBe(hash);
      expect((await factsOf(id)).revoked_at).toEqual(revoked_at);
      await database.admin.query('SELECT pg_notify($1, $2)', [SESSION_ENDED_CHANNEL, 'end']);
      await expect.poll(() => heard).toEqual([hash, 'end']);
    });
    const { rows } = await database.admin.query(
      `SELECT action, outcome, work_session_id, client_id FROM audit_log WHERE session = $1 ORDER BY id`,
      [`key:${id}`],
    );
    expect(rows).toEqual([
      { action: 'key_create', outcome: 'done', work_session_id: 'st-1', client_id: 'operator' },
      { action: 'key_revoke', outcome: 'done', work_session_id: 'st-1', client_id: 'person:x' },
    ]);
    expect(await new SessionStore(database.db).findEnded([hashSessionId(key).toString('hex')])).toHaveLength(
      1,
    );
  });

  test('of a key of another work session, or of none, is 404', async () => {
    const { id, key } = await create();
    for (const [other, workSession] of [
      [id, 'st-2'],
      ['000000000000', undefined],
      ['\0', undefined],
      [key, undefined],
    ] as const) {
      await expect(store().revoke(other, workSession, OPERATOR)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    }
    expect(await store().use(key)).toBeDefined();
  });
});

test('the check of open streams finds keys that have ended, and no other', async () => {
  const [live, expired, banned] = [
    await create(),
    await create({ expiresIn: 60 }),
    await create({ workSessionId: 'st-check' }),
  ];
  const hashes = [live, expired, banned].map(({ key }) => hashSessionId(key).toString('hex'));
  const ended = () => new SessionStore(database.db).findEnded(hashes);
  expect(await ended()).toEqual([]);
  await set(expired.id, `expires_at = now() - interval '1 second'`);
  await new AstationStore(database.db).ban('st-check');
  expect((await ended()).toSorted()).toEqual(hashes.slice(1).toSorted());
});

test('the server that revokes forgets the key before it answers, and does not wait for the announcement', async () => {
  const credentials = new CredentialCache((secret) => store().use(secret));
  credentials.setListening(true);
  const { key, id } = await create();
  await credentials.resolve(key);
  expect(credentials.find(key)).toMatchObject({ author: `key:${id}` });
  const deps = { keys: store(), credentials, maxClientIdCharacters: 128, waiters: new VaultWaiters() };
  const context = {
    identify: () => ({ operator: true, administers: true }) as never,
    io: () => ({ source: { requestId: 'r', address: '::1' } }) as Io,
    settle: () => undefined,
  };
  const calls = createCallerFactory(router(makeKeyProcedures(deps)))(context);
  await calls.revoke({ id });
  expect(await credentials.resolve(key)).toBeUndefined();
});
