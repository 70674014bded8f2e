import { randomUUID } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { hashSessionId } from '../../src/access/session-id.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';
import { callOn, SURFACE_NAMES } from '../support/surfaces.ts';

const database = useDatabase();
const server = useServer(database);

interface Row {
  status?: 'pending' | 'granted' | 'denied' | 'revoked';
  astationId?: string | null;
  /** SQL for a moment. */
  lastUsedAt?: string;
  expiresAt?: string;
}

/** Puts a session into the table as it may have become. @returns its id */
async function insert({
  status = 'granted',
  astationId = 'st-1',
  lastUsedAt = 'now()',
  expiresAt = `now() + interval '1 day'`,
}: Row): Promise<string> {
  const sessionId = randomUUID();
  await database.admin.query(
    `INSERT INTO sessions (id_hash, hostname, status, astation_id, last_used_at, expires_at)
     VALUES ($1, 'test-host', $2, $3, ${lastUsedAt}, ${expiresAt})`,
    [hashSessionId(sessionId), status, astationId],
  );
  return sessionId;
}

const change = (sessionId: string, assignments: string) =>
  database.admin.query(`UPDATE sessions SET ${assignments} WHERE id_hash = $1`, [hashSessionId(sessionId)]);

async function look(sessionId: string): Promise<{ used: string; unused_for: number; left: number }> {
  const { rows } = await database.admin.query(
    `SELECT last_used_at::text AS used, extract(epoch FROM now() - last_used_at)::float8 AS unused_for,
       extract(epoch FROM expires_at - now())::float8 AS left
     FROM sessions WHERE id_hash = $1`,
    [hashSessionId(sessionId)],
  );
  return rows[0];
}

const DAYS_7 = 7 * 24 * 3600;

const list = (sessionId: string, surface: 'rest' | 'trpc' = 'rest') =>
  callOn(surface, server.url, {
    procedure: 'vault.list',
    credentials: { session: sessionId, clientId: 'atem-a' },
  });
const statusOf = async (sessionId: string) => (await list(sessionId)).status;

/** Forgets what the server knows of every session, so that the next call asks the database. */
function forgetAll() {
  server.cache.setListening(false);
  server.cache.setListening(true);
}

describe('a session that may not act', () => {
  test.each<[string, Row]>([
    ['expired', { expiresAt: `now() - interval '1 second'` }],
    ['expired at this moment', { expiresAt: 'now()' }],
    ['expired, though used lately', { expiresAt: `now() - interval '1 ms'`, lastUsedAt: 'now()' }],
    ['expired and never used', { expiresAt: `now() - interval '1 second'`, lastUsedAt: 'NULL' }],
    ['denied', { status: 'denied' }],
    ['pending', { status: 'pending' }],
    ['pending and unbound', { status: 'pending', astationId: null }],
    ['revoked', { status: 'revoked' }],
    ['granted, not bound to an Astation', { astationId: null }],
  ])('is refused on both surfaces, and stays as it is: %s', async (_, row) => {
    const sessionId = await insert(row);
    const before = await look(sessionId);
    for (const surface of SURFACE_NAMES) {
      expect(await list(sessionId, surface)).toMatchObject({
        status: 401,
        code: 'UNAUTHORIZED',
        message: 'This session is unknown, expired, denied, revoked, or not bound to an Astation.',
      });
    }
    const after = await look(sessionId);
    expect(after.used).toBe(before.used);
    expect(after.left).toBeLessThanOrEqual(before.left);
  });

  test('gets the same answer as an unknown one', async () => {
    const [unknown, denied] = [await list(randomUUID()), await list(await insert({ status: 'denied' }))];
    expect(unknown.answer.text).toBe(denied.answer.text);
  });

  test('the hash of an id, which a reader of the table has, is refused', async () => {
    const sessionId = await server.login('st-1');
    const hash = hashSessionId(sessionId);
    expect(await statusOf(hash.toString('hex'))).toBe(401);
    expect(await statusOf(hash.toString('hex').slice(0, 12))).toBe(401);
    expect(await statusOf(sessionId)).toBe(200);
  });
});

describe('use extends the life of a session', () => {
  beforeAll(async () => {
    await database.admin.query(`
      CREATE TABLE session_writes (id_hash BYTEA);
      CREATE FUNCTION note_session_write() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
        $$ BEGIN INSERT INTO session_writes VALUES (NEW.id_hash); RETURN NULL; END $$;
      CREATE TRIGGER note_session_write AFTER UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION note_session_write()`);
  });

  test.each([
    ['that was never used', 'NULL'],
    ['that was used a minute ago', `now() - interval '61 seconds'`],
    ['that was used days ago', `now() - interval '6 days'`],
  ])('%s', async (_, lastUsedAt) => {
    const sessionId = await insert({ lastUsedAt, expiresAt: `now() + interval '1 hour'` });
    const from = performance.now();
    expect(await statusOf(sessionId)).toBe(200);
    const { unused_for, left } = await look(sessionId);
    expect(unused_for).toBeLessThanOrEqual((performance.now() - from) / 1000);
    expect(left + unused_for).toBeCloseTo(DAYS_7, 3);
  });

  test('but is written at most once a minute', async () => {
    const sessionId = await insert({
      lastUsedAt: `now() - interval '20 seconds'`,
      expiresAt: `now() + interval '1 hour'`,
    });
    const before = await look(sessionId);
    for (let i = 0; i < 3; i++) {
      expect(await statusOf(sessionId)).toBe(200);
      forgetAll();
    }
    expect((await look(sessionId)).used).toBe(before.used);
    expect((await look(sessionId)).left).toBeLessThanOrEqual(3600);

    await change(sessionId, `last_used_at = now() - interval '2 minutes'`);
    expect(await statusOf(sessionId)).toBe(200);
    const after = await look(sessionId);
    expect(after.used).not.toBe(before.used);
    expect(after.left + after.unused_for).toBeCloseTo(DAYS_7, 3);
    forgetAll();
    expect(await statusOf(sessionId)).toBe(200);
    expect((await look(sessionId)).used).toBe(after.used);
  });

  test('also with many concurrent calls', async () => {
    const sessionId = await insert({ lastUsedAt: `now() - interval '1 hour'` });
    const statuses = await Promise.all(Array.from({ length: 20 }, () => statusOf(sessionId)));
    expect(new Set(statuses)).toEqual(new Set([200]));
    const { rows } = await database.admin.query('SELECT 1 FROM session_writes WHERE id_hash = $1', [
      hashSessionId(sessionId),
    ]);
    expect(rows).toHaveLength(1);
  });

  test('not for a session that has expired', async () => {
    const sessionId = await server.login('st-1');
    expect(await statusOf(sessionId)).toBe(200);
    await change(sessionId, `expires_at = now()`);
    forgetAll();
    expect(await statusOf(sessionId)).toBe(401);
    expect((await look(sessionId)).left).toBeLessThanOrEqual(0);
  });
});

describe('expiry follows the clock of the database', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test.each([
    ['behind', -30],
    ['ahead', 30],
  ])('with any clock of the server: %s', async (_, days) => {
    const alive = await insert({ expiresAt: `now() + interval '1 day'` });
    const over = await insert({ expiresAt: `now() - interval '1 day'` });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + days * 24 * 3_600_000 });
    expect(await statusOf(alive)).toBe(200);
    expect(await statusOf(over)).toBe(401);
    await change(alive, `last_used_at = now() - interval '1 hour'`);
    forgetAll();
    expect(await statusOf(alive)).toBe(200);
    const { left, unused_for } = await look(alive);
    expect(left + unused_for).toBeCloseTo(DAYS_7, 3);
  });

  test('also for a cached session', async () => {
    const sessionId = await insert({ expiresAt: `now() + interval '2 seconds'` });
    expect(await statusOf(sessionId)).toBe(200);
    await expect.poll(() => statusOf(sessionId), { interval: 50, timeout: 4000 }).toBe(401);
    expect((await look(sessionId)).left).toBeLessThanOrEqual(0);
  });
});

describe('the session cache', () => {
  test('avoids a second look-up', async () => {
    const sessionId = await server.login('st-1');
    expect(await statusOf(sessionId)).toBe(200);
    // Nobody announces this change, as nobody may make it this way.
    await change(sessionId, `status = 'denied'`);
    expect(await statusOf(sessionId)).toBe(200);
    forgetAll();
    expect(await statusOf(sessionId)).toBe(401);
  });

  test('ends with the announcement of a revocation, on both surfaces', async () => {
    const sessionId = await server.login('st-1');
    for (const surface of SURFACE_NAMES) expect((await list(sessionId, surface)).status).toBe(200);
    await server.sessions.revoke(sessionId);
    await expect.poll(() => statusOf(sessionId), { interval: 10, timeout: 2000 }).toBe(401);
    for (const surface of SURFACE_NAMES) expect((await list(sessionId, surface)).status).toBe(401);
  });

  test('ends by the fingerprint too, and for this session alone', async () => {
    const [one, other] = [await server.login('st-1'), await server.login('st-1')];
    for (const sessionId of [one, other]) expect(await statusOf(sessionId)).toBe(200);
    await server.sessions.revoke(hashSessionId(one).toString('hex').slice(0, 12));
    await expect.poll(() => statusOf(one), { interval: 10, timeout: 2000 }).toBe(401);
    expect(await statusOf(other)).toBe(200);
  });

  test('the cache is off while the listening connection is down, and on again afterwards', async () => {
    const sessionId = await server.login('st-1');
    expect(await statusOf(sessionId)).toBe(200);

    const { rowCount } = await database.admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name = 'vault-relay listener' AND datname = current_database()`,
    );
    expect(rowCount).toBe(1);
    // From here on nothing is believed; a silent change is seen with the next call.
    await change(sessionId, `status = 'denied'`);
    await expect.poll(() => statusOf(sessionId), { interval: 5, timeout: 2000 }).toBe(401);
    await change(sessionId, `status = 'granted'`);
    expect(await statusOf(sessionId)).toBe(200);

    await expect
      .poll(
        async () => {
          const { rows } = await database.admin.query(
            `SELECT count(*)::int AS listeners FROM pg_stat_activity
           WHERE application_name = 'vault-relay listener' AND datname = current_database() AND query LIKE 'LISTEN%'`,
          );
          return rows[0].listeners;
        },
        { timeout: 5000 },
      )
      .toBe(1);
    await expect
      .poll(
        async () => {
          await change(sessionId, `status = 'granted'`);
          await statusOf(sessionId);
          await change(sessionId, `status = 'denied'`);
          return statusOf(sessionId);
        },
        { timeout: 5000 },
      )
      .toBe(200);
    // And announcements are heard again.
    await server.sessions.revoke(sessionId);
    await expect.poll(() => statusOf(sessionId), { interval: 10, timeout: 2000 }).toBe(401);
  });
});
