import { createHash, randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { hashSessionId, makeSessionId } from '../../src/access/session-id.ts';
import { SESSION_ENDED_CHANNEL, SessionStore } from '../../src/session/store.ts';
import { useDatabase, withClient } from '../support/database.ts';
import { refusalOf } from '../support/refusal.ts';
import { listSessions } from '../support/sessions.ts';

const database = useDatabase();
let sessions: SessionStore;
beforeAll(() => {
  sessions = new SessionStore(database.db);
});

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const WEEK_MS = 7 * 24 * 3600 * 1000;
const MINUTE_MS = 60 * 1000;
const NO_SUCH_SESSION = 'NOT_FOUND: There is no such session; `vault-relay session list` shows them all.';

async function login(astationId = 'st-1'): Promise<string> {
  const id = makeSessionId();
  await sessions.createGranted(id, { hostname: 'laptop', astationId });
  return id;
}

const fingerprintOf = (id: string) => createHash('sha256').update(id).digest('hex').slice(0, 12);

const listed = async (id: string) =>
  (await listSessions(database.url)).find((session) => session.fingerprint === fingerprintOf(id));

/** Changes the row of a session past the server's role. */
const alter = (id: string, set: string) =>
  database.admin.query(`UPDATE sessions SET ${set} WHERE id_hash = $1`, [hashSessionId(id)]);

const readRow = async (id: string) => {
  const { rows } = await database.admin.query(
    `SELECT xmin::text AS written_by, last_used_at, expires_at,
       round(extract(epoch FROM expires_at - now()))::int AS remaining_s
     FROM sessions WHERE id_hash = $1`,
    [hashSessionId(id)],
  );
  return rows[0];
};

/** A row as another way of login may leave it. @returns the id */
async function insert(status: string, astationId: string | null, expires = "now() + interval '1 hour'") {
  const id = randomUUID();
  await database.admin.query(
    `INSERT INTO sessions (id_hash, hostname, status, astation_id, expires_at) VALUES ($1, 'laptop', $2, $3, ${expires})`,
    [hashSessionId(id), status, astationId],
  );
  return id;
}

describe('using a session', () => {
  test('a granted one carries its work session and lives for a week', async () => {
    const session = await sessions.use(await login('st-7'));
    expect(session?.workSessionId).toBe('st-7');
    expect(session?.remainingMs).toBeGreaterThan(WEEK_MS - MINUTE_MS);
    expect(session?.remainingMs).toBeLessThanOrEqual(WEEK_MS);
  });

  test.each([
    ['unknown', async () => randomUUID()],
    ['pending', () => insert('pending', 'st-1')],
    ['denied', () => insert('denied', 'st-1')],
    ['revoked', () => insert('revoked', 'st-1')],
    ['granted but not bound', () => insert('granted', null)],
    ['expired', () => insert('granted', 'st-1', 'now()')],
    ['expired a week ago', () => insert('granted', 'st-1', "now() - interval '7 days'")],
  ])('a session that is %s has no access', async (_, make) => {
    const id = await make();
    expect(await sessions.use(id)).toBeUndefined();
    expect(await sessions.use(id)).toBeUndefined();
  });

  test('an id that differs in case or a space is another session', async () => {
    const id = await login();
    expect(await sessions.use(id.toUpperCase())).toBeUndefined();
    expect(await sessions.use(`${id} `)).toBeUndefined();
    expect(await sessions.use(hashSessionId(id).toString('hex'))).toBeUndefined();
    expect(await sessions.use(id)).toBeDefined();
  });

  test('use extends the life, and that is written at most once a minute', async () => {
    const id = await login();
    await alter(
      id,
      "last_used_at = now() - interval '61 seconds', expires_at = now() + interval '5 seconds'",
    );
    await sessions.use(id);
    const extended = await readRow(id);
    expect(extended.remaining_s).toBeGreaterThan(WEEK_MS / 1000 - 60);

    await sessions.use(id);
    expect(await readRow(id)).toMatchObject({ written_by: extended.written_by });
    await alter(
      id,
      "last_used_at = now() - interval '59 seconds', expires_at = now() + interval '5 seconds'",
    );
    const young = await readRow(id);
    expect((await sessions.use(id))?.remainingMs).toBeLessThanOrEqual(5000);
    expect(await readRow(id)).toMatchObject({ written_by: young.written_by, expires_at: young.expires_at });
  });

  test('of many uses at a time one is written', async () => {
    const id = await login();
    await alter(id, "last_used_at = now() - interval '1 hour'");
    await database.admin.query('CREATE TABLE writes (n INT); GRANT INSERT ON writes TO PUBLIC');
    await database.admin.query(
      `CREATE FUNCTION count_write() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN INSERT INTO writes VALUES (1); RETURN NULL; END';
       CREATE TRIGGER count_write AFTER UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION count_write()`,
    );
    const used = await Promise.all(Array.from({ length: 20 }, () => sessions.use(id)));
    expect(used.map((session) => session?.workSessionId)).toEqual(Array(20).fill('st-1'));
    expect((await database.admin.query('SELECT * FROM writes')).rowCount).toBe(1);
    await database.admin.query('DROP TRIGGER count_write ON sessions');
  });

  test('use does not revive an expired session', async () => {
    const id = await login();
    await alter(id, "expires_at = now(), last_used_at = now() - interval '8 days'");
    const expired = await readRow(id);
    await sessions.use(id);
    expect(await readRow(id)).toMatchObject({ written_by: expired.written_by });
  });
});

describe('listing', () => {
  test('shows each session by its fingerprint, oldest first', async () => {
    const first = await login('st-list');
    const second = await login('st-list');
    const mine = (await listSessions(database.url)).filter((session) => session.astation_id === 'st-list');
    expect(mine).toEqual(
      [first, second].map((id) => ({
        fingerprint: fingerprintOf(id),
        kind: 'session',
        person_id: null,
        name: null,
        hostname: 'laptop',
        status: 'granted',
        astation_id: 'st-list',
        created_at: expect.stringMatching(TIME),
        last_used_at: expect.stringMatching(TIME),
        expires_at: expect.stringMatching(TIME),
      })),
    );
  });

  test.each([
    ['pending', 'now()', 'expired'],
    ['granted', 'now()', 'expired'],
    ['denied', 'now()', 'denied'],
    ['revoked', 'now()', 'revoked'],
    ['pending', "now() + interval '1 minute'", 'pending'],
    ['granted', "now() + interval '1 minute'", 'granted'],
  ])('%s, expiring at %s, is shown as %s', async (status, expires, shown) => {
    const id = await insert(status, null, expires);
    expect(await listed(id)).toMatchObject({ status: shown, astation_id: null, last_used_at: null });
  });
});

describe('revoking', () => {
  test('by the id ends the session for good', async () => {
    const id = await login();
    await sessions.revoke(id);
    expect(await sessions.use(id)).toBeUndefined();
    expect(await listed(id)).toMatchObject({ status: 'revoked' });
    await sessions.revoke(id);
    expect(await listed(id)).toMatchObject({ status: 'revoked' });
  });

  test.each([8, 12, 64])('by the first %d digits of the fingerprint', async (digits) => {
    const id = await login();
    const other = await login();
    await sessions.revoke(hashSessionId(id).toString('hex').slice(0, digits));
    expect(await sessions.use(id)).toBeUndefined();
    expect(await sessions.use(other)).toBeDefined();
  });

  test('finds the first and the last fingerprint there can be', async () => {
    for (const digit of ['0', 'f']) {
      const hash = digit.repeat(64);
      await database.admin.query(
        `INSERT INTO sessions (id_hash, hostname, status, astation_id, expires_at)
         VALUES (decode($1, 'hex'), 'edge', 'granted', 'st-1', now() + interval '1 day')`,
        [hash],
      );
      await sessions.revoke(hash.slice(0, 8));
      const shown = (await listSessions(database.url)).find(
        (session) => session.fingerprint === hash.slice(0, 12),
      );
      expect(shown?.status).toBe('revoked');
    }
  });

  test('a fingerprint that fits two sessions ends neither', async () => {
    const hashes = ['00', '01'].map((end) => `abcdef123456${'0'.repeat(50)}${end}`);
    for (const hash of hashes) {
      await database.admin.query(
        `INSERT INTO sessions (id_hash, hostname, status, astation_id, expires_at)
         VALUES (decode($1, 'hex'), 'twin', 'granted', 'st-1', now() + interval '1 day')`,
        [hash],
      );
    }
    expect(await refusalOf(sessions.revoke('abcdef123456'))).toBe(
      'CONFLICT: Several sessions begin with abcdef123456; give more of the fingerprint.',
    );
    const twins = async () =>
      (await listSessions(database.url))
        .filter((session) => session.hostname === 'twin')
        .map(({ status }) => status);
    expect(await twins()).toEqual(['granted', 'granted']);
    await sessions.revoke(hashes[1] ?? '');
    expect((await twins()).toSorted()).toEqual(['granted', 'revoked']);
  });

  test.each(['', 'unknown', 'abcdef1', '99999999', '%%%%%%%%', '________', randomUUID()])(
    '%j fits none',
    async (id) => {
      // Others of this file may expire meanwhile.
      const revoked = async () =>
        (await listSessions(database.url)).filter(({ status }) => status === 'revoked');
      const before = await revoked();
      expect(await refusalOf(sessions.revoke(id))).toBe(NO_SUCH_SESSION);
      expect(await revoked()).toEqual(before);
    },
  );

  test('notifies every server once', async () => {
    const id = await login();
    const hash = hashSessionId(id).toString('hex');
    await withClient(database.url, async (listener) => {
      const heard: string[] = [];
      const end = new Promise<void>((resolve) => {
        listener.on('notification', ({ payload = '' }) =>
          payload === 'end' ? resolve() : heard.push(payload),
        );
      });
      await listener.query(`LISTEN ${SESSION_ENDED_CHANNEL}`);
      await sessions.revoke(id);
      await sessions.revoke(id);
      await database.admin.query('SELECT pg_notify($1, $2)', [SESSION_ENDED_CHANNEL, 'end']);
      await end;
      expect(heard).toEqual([hash]);
    });
  });
});

test('no id is stored, only its SHA-256', async () => {
  const id = await login();
  const { rows } = await database.admin.query('SELECT sessions::text AS row FROM sessions');
  const all = rows.map(({ row }) => row).join('\n');
  expect(all).toContain(hashSessionId(id).toString('hex'));
  expect(all).not.toContain(id);
  expect(all).not.toContain(Buffer.from(id).toString('hex'));
  await expect(
    database.admin.query(
      `INSERT INTO sessions (id_hash, hostname, status, expires_at) VALUES ($1, 'x', 'granted', now())`,
      [Buffer.from(id)],
    ),
  ).rejects.toThrow('sessions_id_hash_check');
});
