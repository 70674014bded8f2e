import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { hashSessionId } from '../../src/access/session-id.ts';
import { readAstations } from '../../src/cli/astation.ts';
import { readAudit } from '../../src/cli/audit.ts';
import { Database } from '../../src/db/client.ts';
import { withConnection, withPrismaSnapshot } from '../../src/db/connection.ts';
import type { AppendOnlyClient } from '../../src/db/prisma.ts';
import { CURRENT_SCHEMA } from '../../src/db/settle.ts';
import { noTracing } from '../../src/observability/tracing.ts';
import { LoginStore } from '../../src/session/login-store.ts';
import { SessionStore } from '../../src/session/store.ts';
import { BUSY } from '../support/busy.ts';
import { collect } from '../support/collect.ts';
import { silent, useDatabase } from '../support/database.ts';
import { listSessions } from '../support/sessions.ts';
import { useProxiedDatabase } from '../support/tcp-proxy.ts';

const database = useDatabase();
const proxied = useProxiedDatabase(database);

/** Runs work on a database of its settings. */
async function withDatabase(
  options: Partial<ConstructorParameters<typeof Database>[0]>,
  work: (db: Database) => Promise<void>,
): Promise<void> {
  const db = new Database({ url: database.url, poolSize: 2, log: silent, ...options });
  await work(db).finally(() => db.close());
}

describe('a query of the client fails as a statement of the stores does', () => {
  const UNREACHABLE = {
    code: 'SERVICE_UNAVAILABLE',
    refusal: 'SERVICE_UNAVAILABLE',
    details: {},
    message: 'The database cannot be reached at the moment; try again shortly.',
  };
  const UNKNOWN = { code: 'SERVICE_UNAVAILABLE', details: { outcome: 'unknown' } };
  let client: AppendOnlyClient;
  beforeAll(async () => {
    client = await proxied.db.prisma();
  });
  afterEach(async () => {
    proxied.proxy.heal();
    await expect.poll(() => client.session.count().catch(() => undefined)).toBe(0);
  });

  let statements = 0;
  /** A read of the client, one of the stores, and a change of the client. */
  const failAll = async () => {
    const stored = `SELECT ${++statements} FROM sessions`;
    const all = [client.session.count(), proxied.db.rows(stored), client.session.deleteMany()];
    return (await Promise.allSettled(all)).map((it) => 'reason' in it && it.reason);
  };

  test('a lock that is held', async () => {
    const holder = await database.admin.connect();
    await holder.query('BEGIN; LOCK TABLE sessions');
    const thrown = await failAll();
    await holder.query('ROLLBACK');
    holder.release();
    const locked = { refusal: 'LOCK_TIMEOUT', retryAfter: 1, message: BUSY.locked.message };
    expect(thrown).toMatchObject([locked, locked, locked]);
  });

  test('a pool whose connections are all at work', async () => {
    await withDatabase({}, async (db) => {
      const { session } = await db.prisma();
      const atWork = Promise.all([1, 2].map(() => db.rows('SELECT pg_sleep(3)::text')));
      const busy = { refusal: 'POOL_BUSY', retryAfter: 2, message: BUSY.poolFull.message };
      await expect(session.count()).rejects.toMatchObject(busy);
      await atWork;
    });
  });

  test('a database that refuses connections', async () => {
    proxied.proxy.refuse();
    expect(await failAll()).toMatchObject([UNREACHABLE, UNREACHABLE, UNREACHABLE]);
  });

  test('a connection that is reset before the answer: a change may have been made', async () => {
    proxied.proxy.loseAnswers('sessions');
    expect(await failAll()).toMatchObject([UNREACHABLE, UNREACHABLE, UNKNOWN]);
  });

  test('an answer that does not come: the same', async () => {
    proxied.proxy.freeze('sessions');
    expect(await failAll()).toMatchObject([UNREACHABLE, UNREACHABLE, UNKNOWN]);
  });

  test('a right that the role has not, with the sentence of PostgreSQL', async () => {
    await expect(client.vault.deleteMany()).rejects.toMatchObject({
      code: '42501',
      message: 'permission denied for table vaults',
    });
  });
});

describe('the client', () => {
  test('is made once, at the first call, after one that failed too', async () => {
    proxied.proxy.refuse();
    await withDatabase({ url: proxied.url }, async (db) => {
      await expect(db.prisma()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
      proxied.proxy.heal();
      const [one, other] = await Promise.all([db.prisma(), db.prisma()]);
      expect(other).toBe(one);
      expect(await one.session.count()).toBe(0);
    });
  });

  /** Runs work on a database, and says which statements had a span. */
  async function spansOf(work: (db: Database) => Promise<void>): Promise<string[]> {
    const spans: string[] = [];
    const statement: (typeof noTracing)['statement'] = (sql, ask) => {
      spans.push(sql);
      return ask();
    };
    await withDatabase({ tracing: { ...noTracing, statement } }, work);
    return spans;
  }

  test('has a span for each statement', async () => {
    const spans = await spansOf(async (db) => {
      await (await db.prisma()).astation.count();
    });
    expect(spans).toEqual([CURRENT_SCHEMA, expect.stringMatching(/^SELECT COUNT.*"astations"/)]);
  });

  test('finds a session by its primary key', async () => {
    const spans = await spansOf(async (db) => {
      await expect(new SessionStore(db).revoke('no-session')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });
    const admin = await database.admin.connect();
    await admin.query('SET enable_seqscan = off');
    const { rows } = await admin.query(`EXPLAIN ${spans.at(-1)}`, [hashSessionId('no-session'), 1, 0]);
    admin.release(true);
    expect(JSON.stringify(rows)).toMatch(/Index (Only )?Scan using sessions_pkey/);
  });
});

describe('lists have every row once, in order, over more than a page', () => {
  const prisma = <T>(work: (client: AppendOnlyClient) => AsyncIterable<T>): Promise<T[]> =>
    withConnection(database.url, (client) => withPrismaSnapshot(client, (prisma) => collect(work(prisma))));

  test('sessions', async () => {
    await database.admin.query(`
      INSERT INTO sessions (id_hash, hostname, status, created_at, expires_at)
      SELECT sha256(n::text::bytea), n::text, 'pending', '2026-01-01Z'::timestamptz + n / 5002 * interval '1 us', now()
      FROM generate_series(1, 5003) AS n`);
    const sessions = await listSessions(database.url);
    expect(new Set(sessions.map(({ hostname }) => hostname)).size).toBe(5003);
    expect(sessions.slice(-2).map(({ created_at }) => created_at)).toEqual([
      '2026-01-01T00:00:00.000001Z',
      '2026-01-01T00:00:00.000001Z',
    ]);
    const prints = sessions.slice(0, 5001).map(({ fingerprint }) => fingerprint);
    expect(prints).toEqual(prints.toSorted());
    expect(await listSessions(database.url, 5001)).toEqual(sessions.slice(0, 5001));
    await database.admin.query('DELETE FROM sessions');
  });

  test('Astations: those with a key first, by time and id, then those with a ban only', async () => {
    await database.admin.query(`
      INSERT INTO astations (astation_id, public_key, registered_at)
      SELECT CASE n % 2 WHEN 0 THEN 'a' ELSE 'B' END || n, '04' || repeat('ab', 64), '2026-01-01Z'::timestamptz
      FROM generate_series(1, 4000) AS n;
      INSERT INTO astation_bans SELECT 'b' || n FROM generate_series(1, 2000) AS n`);
    const ids = (await prisma(readAstations)).map(({ astation_id }) => astation_id);
    expect(ids).toHaveLength(6000);
    expect(ids.slice(0, 4000)).toEqual(ids.slice(0, 4000).toSorted());
    expect(ids.slice(4000)).toEqual(ids.slice(4000).toSorted());
    await database.admin.query('DELETE FROM astations; DELETE FROM astation_bans');
  });

  test('the audit log: rows of one microsecond, rows close together, and rows after years', async () => {
    await database.admin.query(`
      INSERT INTO audit_log (at, action, outcome)
      SELECT at, 'a', 'b' FROM (
        SELECT '2001-01-01T00:00:00.000001Z'::timestamptz AS at FROM generate_series(1, 2001)
        UNION ALL SELECT '2001-01-01Z'::timestamptz + (1500 - n) * interval '7 us' FROM generate_series(1, 1500) AS n
        UNION ALL SELECT '2020-01-01Z'::timestamptz + n * interval '1 minute' FROM generate_series(1, 3000) AS n
      ) AS rows`);
    const since = (time: string, until?: string) =>
      prisma((client) => readAudit(client, { since: time, until }));
    const all = await since('1970-01-01T00:00:00.000000Z');
    expect(all).toHaveLength(6501);
    expect(all.map(({ at }) => at)).toEqual(all.map(({ at }) => at).toSorted());
    // To the microsecond.
    expect(await since('2001-01-01T00:00:00.000002Z', '2001-01-01T00:00:00.000008Z')).toHaveLength(1);
    expect(await since('2001-01-01T00:00:00.000001Z', '2001-01-01T00:00:00.000007Z')).toHaveLength(2001);
  });
});

test('a session is swept and counted by the clock of the database, with any clock of the machine', async () => {
  const logins = new LoginStore(database.db);
  const sessions = new SessionStore(database.db);
  await database.admin.query(`
    INSERT INTO sessions (id_hash, hostname, status, astation_id, expires_at)
    SELECT sha256(n::text::bytea), 'h', 'granted', CASE n WHEN 1 THEN 'a' ELSE 'B' END, now() + (n - 3) * interval '20 days'
    FROM generate_series(1, 5) AS n`);
  await database.admin.query(`INSERT INTO astation_bans VALUES ('a')`);
  expect(await sessions.listWorkSessions()).toEqual([{ workSessionId: 'B', sessions: 2 }]);
  await logins.sweep();
  const { session } = await database.db.prisma();
  // Of those that ended 40 and 20 days ago and now, and of two that live.
  expect(await session.count()).toBe(4);
});
