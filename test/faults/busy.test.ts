import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SessionStore } from '../../src/session/store.ts';
import { BUSY } from '../support/busy.ts';
import { type Answer, RestVaults } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { parseExposition, readValue } from '../support/exposition.ts';
import { useRelayServer } from '../support/relay-server.ts';

const TOKEN = 'a-token-for-prometheus';
const database = useDatabase();
const server = useRelayServer(database, { config: { metricsToken: TOKEN, databasePoolSize: 2 } });

let vaults: RestVaults;
let vaultId: string;
beforeAll(async () => {
  await new SessionStore(database.db).createGranted('a-session', { hostname: 'h', astationId: 'st' });
  vaults = new RestVaults(server.url, { session: 'a-session', clientId: 'ann' });
});
beforeEach(async () => {
  vaultId = (await vaults.create('busy')).body.vault_id;
  await vaults.append(vaultId, 'text');
});

async function refusals(cause: string): Promise<number> {
  const answer = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } });
  const samples = parseExposition(await answer.text());
  return readValue(samples, 'vault_relay_refusals_total', { cause }) ?? 0;
}

/** Has a call refused, and finds out how metrics counted that. */
async function expectRefused(
  call: () => Promise<Answer>,
  { as, cause }: { as: { message: string; retryAfter: string }; cause: string },
): Promise<void> {
  const before = { unreachable: await refusals('SERVICE_UNAVAILABLE'), busy: await refusals(cause) };
  const { status, headers, body } = await call();
  expect({ status, body }).toEqual({
    status: 503,
    body: { error: as.message, code: 'SERVICE_UNAVAILABLE' },
  });
  expect(headers.get('retry-after')).toBe(as.retryAfter);
  expect(await refusals(cause)).toBe(before.busy + 1);
  expect(await refusals('SERVICE_UNAVAILABLE')).toBe(before.unreachable);
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
}

/** Runs work while a lock is held, or whatever else a statement does that is open. */
async function whileHolding(sql: string, work: () => Promise<void>): Promise<void> {
  const holder = await database.admin.connect();
  try {
    await holder.query('BEGIN');
    await holder.query(sql);
    await work();
  } finally {
    await holder.query('ROLLBACK');
    holder.release();
  }
}

/** Runs work while every read of an entry takes some seconds. */
async function whileReadsTake(seconds: number, work: () => Promise<void>): Promise<void> {
  const name = 'wire_time(TIMESTAMPTZ)';
  await database.admin.query(`
    ALTER FUNCTION ${name} RENAME TO wire_time_as_it_was;
    CREATE FUNCTION wire_time(value TIMESTAMPTZ) RETURNS TEXT LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_sleep(${seconds}); RETURN wire_time_as_it_was(value); END $$`);
  try {
    await work();
  } finally {
    await database.admin.query(`
      DROP FUNCTION ${name};
      ALTER FUNCTION wire_time_as_it_was(TIMESTAMPTZ) RENAME TO wire_time`);
  }
}

describe('a held lock is not reported as an unreachable database', () => {
  const locked = { as: BUSY.locked, cause: 'LOCK_TIMEOUT' };

  test.each<[string, () => Promise<Answer>]>([
    ['an append', () => vaults.append(vaultId, 'text')],
    ['an override', () => vaults.write(vaultId, { text: 'text', entry_id: 1 })],
    ['a summary', () => vaults.setSummary(vaultId, 'text', {})],
    ['a removal', () => vaults.removeWriter(vaultId, 'ann')],
  ])('by another write: %s', async (_, call) => {
    await whileHolding(`SELECT FROM vaults WHERE vault_id = '${vaultId}' FOR UPDATE`, () =>
      expectRefused(call, locked),
    );
    expect((await call()).status).toBe(200);
  });

  test.each<[string, () => Promise<Answer>]>([
    ['a read', () => vaults.read(vaultId)],
    ['a list', () => vaults.list()],
    ['a search', () => vaults.read(vaultId, '&q=text')],
    ['a making', () => vaults.create('text')],
  ])('by maintenance: %s', async (_, call) => {
    await whileHolding('LOCK TABLE vaults', () => expectRefused(call, locked));
    expect((await call()).status).toBe(200);
  });
});

describe('a statement time-out is not reported as an unreachable database', () => {
  const stopped = { as: BUSY.stopped, cause: 'STATEMENT_TIMEOUT' };

  test('a read', async () => {
    await whileReadsTake(20, () => expectRefused(() => vaults.read(vaultId), stopped));
    expect((await vaults.read(vaultId)).status).toBe(200);
  });

  test('a write, which leaves nothing behind', async () => {
    await database.admin.query(`
      CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(20); RETURN NEW; END $$;
      CREATE TRIGGER dawdle BEFORE INSERT ON vault_entries FOR EACH ROW EXECUTE FUNCTION dawdle()`);
    try {
      await expectRefused(() => vaults.append(vaultId, 'slow'), stopped);
    } finally {
      await database.admin.query('DROP TRIGGER dawdle ON vault_entries; DROP FUNCTION dawdle()');
    }
    expect((await vaults.read(vaultId)).body).toHaveLength(1);
  });
});

test('a full pool is not reported as an unreachable database', async () => {
  await whileReadsTake(4, async () => {
    // Of two connections, one is for scans, and the other one for reads too.
    const slow = [vaults.read(vaultId), vaults.read(vaultId, '&history=true')];
    const others = Promise.all(slow);
    await expect
      .poll(async () => {
        const { rows } = await database.admin.query(
          `SELECT count(*)::int AS n FROM pg_stat_activity
           WHERE datname = current_database() AND wait_event = 'PgSleep'`,
        );
        return rows[0].n;
      })
      .toBe(2);
    await expectRefused(() => vaults.append(vaultId, 'no place'), { as: BUSY.poolFull, cause: 'POOL_BUSY' });
    expect((await others).map(({ status }) => status)).toEqual([200, 200]);
  });
  expect((await vaults.read(vaultId)).body).toHaveLength(1);
});

test('two conflicting writes are not reported as an unreachable database', async () => {
  await database.admin.query(`
    CREATE FUNCTION collide() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'collided' USING ERRCODE = '40P01'; END $$;
    CREATE TRIGGER collide BEFORE INSERT ON vault_entries FOR EACH ROW EXECUTE FUNCTION collide()`);
  try {
    await expectRefused(() => vaults.append(vaultId, 'text'), { as: BUSY.collided, cause: 'COLLISION' });
  } finally {
    await database.admin.query('DROP TRIGGER collide ON vault_entries; DROP FUNCTION collide()');
  }
});
