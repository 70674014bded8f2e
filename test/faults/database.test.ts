import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { statementName } from '../../src/db/statement-name.ts';
import { WRITE } from '../../src/vault/write/batch-store.ts';
import { CREATE } from '../../src/vault/write/create-store.ts';
import { BUSY } from '../support/busy.ts';
import { useDatabase } from '../support/database.ts';
import { withRelayServer } from '../support/relay-server.ts';
import { useServer } from '../support/server.ts';
import { type Credentials, callOn, SURFACE_NAMES, type Surface } from '../support/surfaces.ts';
import { useProxiedDatabase } from '../support/tcp-proxy.ts';

const database = useDatabase();
const proxied = useProxiedDatabase(database);
const server = useServer(proxied);
const { proxy } = proxied;

const UNAVAILABLE = {
  status: 503,
  code: 'SERVICE_UNAVAILABLE',
  message: 'The database cannot be reached at the moment; try again shortly.',
};
const UNKNOWN = {
  status: 503,
  code: 'SERVICE_UNAVAILABLE',
  message:
    'The connection to the database was lost before this write was confirmed, so it may have been written. Retry with the same Idempotency-Key, or read the vault first.',
  outcome: 'unknown',
};

let credentials: Credentials;
let vaultId: string;

const call = (procedure: string, json = '{}', surface: Surface = 'rest') =>
  callOn(surface, server.url, { procedure, json, vaultId, credentials });
const append = (text: string, surface?: Surface) => call('vault.append', JSON.stringify({ text }), surface);
const outcomeOf = ({ answer: _, ...outcome }: Awaited<ReturnType<typeof call>>) => outcome;

async function stored(): Promise<string[]> {
  const { rows } = await database.admin.query(
    `SELECT content FROM vault_entries WHERE vault_id = $1 AND kind = 'content' ORDER BY seq`,
    [vaultId],
  );
  return rows.map((row) => row.content);
}

/** Everything works again within ten seconds, without anybody's doing. */
const recovers = () =>
  expect
    .poll(async () => [(await append('again')).status, (await call('vault.read')).status], {
      timeout: 10_000,
    })
    .toEqual([200, 200]);

beforeAll(async () => {
  credentials = { session: await server.login('st-1'), clientId: 'atem-a' };
});
beforeEach(async () => {
  const created = await callOn('rest', server.url, { procedure: 'vault.create', credentials });
  vaultId = 'result' in created ? (created.result as { vault_id: string }).vault_id : '';
});
afterEach(async () => {
  proxy.heal();
  await recovers();
});

describe('a write that was sent and not confirmed', () => {
  test.each(SURFACE_NAMES)('reports the unknown outcome, and the row exists once: %s', async (surface) => {
    proxy.loseAnswers(statementName(WRITE));
    const { answer, ...outcome } = await append('kept', surface);
    expect(outcome).toEqual(UNKNOWN);
    expect(answer.headers['retry-after']).toBe('1');
    expect(await stored()).toEqual(['kept']);
  });

  test.each(['vault.create', 'vault.setSummary', 'vault.override'])(
    'for every write: %s',
    async (procedure) => {
      await append('first');
      proxy.loseAnswers(statementName(procedure === 'vault.create' ? CREATE : WRITE));
      const json = { 'vault.setSummary': '{"text":"s"}', 'vault.override': '{"text":"t","entry_id":1}' };
      const id = procedure === 'vault.create' ? {} : { vaultId };
      const { answer: _, ...outcome } = await callOn('rest', server.url, {
        procedure,
        json: json[procedure as keyof typeof json] ?? '{}',
        credentials,
        ...id,
      });
      expect(outcome).toEqual(UNKNOWN);
    },
  );

  test('also when the database is silent, within the time-out', async () => {
    proxy.freeze(statementName(WRITE));
    expect(outcomeOf(await append('swallowed'))).toEqual(UNKNOWN);
    expect(await stored()).toEqual([]);
  });

  test('also when the server of the database ends it', async () => {
    const holder = await database.admin.connect();
    try {
      await holder.query('BEGIN');
      await holder.query('SELECT 1 FROM vaults WHERE vault_id = $1 FOR UPDATE', [vaultId]);
      const answered = append('ended');
      await expect
        .poll(async () => {
          const { rowCount } = await holder.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'`,
          );
          return rowCount;
        })
        .toBe(1);
      expect(outcomeOf(await answered)).toEqual(UNKNOWN);
    } finally {
      await holder.query('ROLLBACK');
      holder.release();
    }
    expect(await stored()).toEqual([]);
  });
});

describe('a write that was not sent does not report an unknown outcome', () => {
  test('a read whose answer is lost', async () => {
    proxy.loseAnswers();
    expect(outcomeOf(await call('vault.read'))).toEqual(UNAVAILABLE);
  });

  test('a write without a free connection', async () => {
    proxy.refuse();
    // What finds its connection broken may have been sent.
    await expect.poll(async () => outcomeOf(await append('unsent'))).toEqual(UNAVAILABLE);
    expect(outcomeOf(await append('unsent'))).toEqual(UNAVAILABLE);
    expect(await stored()).toEqual([]);
  });

  test('a write whose connection a silent host does not accept', async () => {
    proxy.refuse();
    await expect.poll(async () => outcomeOf(await append('unsent'))).toEqual(UNAVAILABLE);
    proxy.heal();
    proxy.freeze();
    expect(outcomeOf(await append('unsent'))).toEqual(UNAVAILABLE);
    expect(await stored()).toEqual([]);
  });

  const { exhausted, stopped, locked, collided } = BUSY;
  test.each([
    ['53100', 'the disk is full', exhausted],
    ['53200', 'out of memory', exhausted],
    ['57014', 'the statement took too long', stopped],
    ['55P03', 'a lock took too long', locked],
    ['40P01', 'a deadlock', collided],
    ['40001', 'a serialization failure', collided],
    ['58030', 'a disk that fails', { message: UNAVAILABLE.message, retryAfter: '1' }],
  ])('a write that PostgreSQL gave up: %s, %s', async (sqlState, _, { message, retryAfter }) => {
    await database.admin.query(`
      CREATE FUNCTION give_up() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'given up' USING ERRCODE = '${sqlState}'; END $$;
      CREATE TRIGGER give_up BEFORE INSERT ON vault_entries FOR EACH ROW EXECUTE FUNCTION give_up()`);
    try {
      for (const surface of SURFACE_NAMES) {
        const { answer, ...outcome } = await append('given up', surface);
        expect(outcome).toEqual({ ...UNAVAILABLE, message });
        expect(answer.headers['retry-after']).toBe(retryAfter);
        expect(answer.text).not.toContain('given up');
      }
      expect((await call('vault.read')).status).toBe(200);
    } finally {
      await database.admin.query('DROP TRIGGER give_up ON vault_entries; DROP FUNCTION give_up()');
    }
    expect(await stored()).toEqual([]);
  });
});

const endConnections = () =>
  database.admin.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name LIKE 'vault-relay%'`,
  );

test('a primary that became a standby: writes fail, and recover with a new primary', async () => {
  const setReadOnly = (how: string) =>
    database.admin.query(
      `SET default_transaction_read_only = off;
       DO $$ BEGIN EXECUTE format('ALTER DATABASE %I ${how}', current_database()); END $$`,
    );
  await setReadOnly('SET default_transaction_read_only = on');
  try {
    await endConnections();
    // A connection that was ended may be found broken first.
    await expect.poll(async () => outcomeOf(await append('to a standby'))).toEqual(UNAVAILABLE);
    // Opens as many connections to the standby as reads may have.
    const callers = Array.from({ length: 20 }, (_, n) => ({ workSessionId: `st-${n}`, clientId: 'a' }));
    await Promise.all(
      callers.map((caller) => server.vaults.reader.list(caller, {}, { maxBytes: 1_000_000, streams: false })),
    );
  } finally {
    await setReadOnly('RESET default_transaction_read_only');
  }
  expect(outcomeOf(await append('to a standby'))).toEqual(UNAVAILABLE);
  // That one failure has dropped them all.
  const after = await Promise.all(Array.from({ length: 20 }, (_, n) => append(`after ${n}`)));
  expect(new Set(after.map(({ status }) => status))).toEqual(new Set([200]));
  expect(await stored()).toHaveLength(20);
});

test('more connections than PostgreSQL allows are 503, until there are fewer', async () => {
  const role = `vault_relay_limited_${process.pid}`;
  await database.admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'limited' IN ROLE vault_relay_app`);
  const url = new URL(database.url);
  [url.username, url.password] = [role, 'limited'];
  try {
    await withRelayServer({ databaseUrl: url.href }, async (limited) => {
      const append = () =>
        callOn('rest', limited.url, {
          procedure: 'vault.append',
          json: '{"text":"a"}',
          vaultId,
          credentials,
        });
      expect((await append()).status).toBe(200);
      await database.admin.query(`ALTER ROLE ${role} CONNECTION LIMIT 0`);
      await database.admin.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${role}'`,
      );
      await expect
        .poll(async () => outcomeOf(await append()))
        .toEqual({ ...UNAVAILABLE, message: BUSY.exhausted.message });
      await expect.poll(async () => (await fetch(`${limited.url}/health`)).status).toBe(503);
      await database.admin.query(`ALTER ROLE ${role} CONNECTION LIMIT -1`);
      expect((await append()).status).toBe(200);
    });
  } finally {
    await database.admin.query(`DROP ROLE ${role}`);
  }
});

test('when one silently broken connection is detected, all are dropped', async () => {
  await Promise.all(Array.from({ length: 20 }, () => call('vault.read')));
  proxy.freeze();
  const lost = await Promise.all([call('vault.read'), call('vault.read')]);
  expect(lost.map(({ status }) => status)).toEqual([503, 503]);
  proxy.heal();
  const after = await Promise.all(Array.from({ length: 20 }, () => call('vault.read')));
  expect(new Set(after.map(({ status }) => status))).toEqual(new Set([200]));
});

test('a slow network causes no failure', async () => {
  proxy.delay(150);
  try {
    expect(outcomeOf(await append('slowly')).status).toBe(200);
  } finally {
    proxy.delay(0);
  }
});
