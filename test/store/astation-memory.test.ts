import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AstationStore } from '../../src/session/astation-store.ts';
import { AstationKey } from '../support/astation-key.ts';
import { useDatabase } from '../support/database.ts';
import { useRelayServer } from '../support/relay-server.ts';
import { openAstation } from '../support/sockets.ts';
import { useProxiedDatabase } from '../support/tcp-proxy.ts';

const database = useDatabase();
const proxied = useProxiedDatabase(database);

/** Beside the server, as the command line has it. */
let operator: AstationStore;
beforeAll(() => {
  operator = new AstationStore(database.db);
});

let began = 0;
/** A statement has run whose answer has not come: its session is idle again. */
const hasRun = (text: string) =>
  expect
    .poll(async () => {
      const { rows } = await database.admin.query(
        `SELECT count(*)::int AS n FROM pg_stat_activity
         WHERE datname = current_database() AND state = 'idle' AND position($1 IN query) > 0
           AND extract(epoch FROM query_start) * 1000 > $2`,
        [text, began],
      );
      return rows[0].n;
    })
    .toBe(1);

/** Holds the answers of the server under test while something else happens. */
async function whileInFlight<T>(
  look: () => Promise<T>,
  statement: string,
  news: () => Promise<void>,
): Promise<T> {
  const { rows } = await database.admin.query(
    'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now',
  );
  began = rows[0].now;
  proxied.proxy.hold('answers');
  try {
    const looking = look();
    await hasRun(statement);
    await news();
    proxied.proxy.heal();
    return await looking;
  } finally {
    proxied.proxy.heal();
  }
}

describe('C21, look-up in flight', () => {
  const key = new AstationKey().publicKeyHex;
  let store: AstationStore;
  beforeAll(async () => {
    store = new AstationStore(proxied.db);
    store.setListening(true);
    await store.findKey('warm-up');
  });

  const FIND = 'SELECT public_key FROM astations';

  test('a key that is forgotten during its look-up is not cached again', async () => {
    const id = `st-${randomUUID()}`;
    await operator.registerOrVerify(id, key);
    const found = await whileInFlight(
      () => store.findKey(id),
      FIND,
      async () => {
        await operator.forget(id);
        store.dropFromMemory(id); // as the announcement does
      },
    );
    expect(found).toBe(key);
    expect(await store.findKey(id)).toBeUndefined();
    expect(await store.registerOrVerify(id, new AstationKey().publicKeyHex)).toBe('registered');
  });

  test('nor a key that is forgotten while it is registered, or while all keys are loaded', async () => {
    const [first, second] = [`st-${randomUUID()}`, `st-${randomUUID()}`];
    const standing = await whileInFlight(
      () => store.registerOrVerify(first, key),
      'INSERT INTO astations',
      async () => {
        await operator.forget(first);
        store.dropFromMemory(first);
      },
    );
    expect(standing).toBe('registered');
    expect(await store.findKey(first)).toBeUndefined();

    await operator.registerOrVerify(second, key);
    await whileInFlight(
      () => store.load(),
      'astation_bans',
      async () => {
        await operator.forget(second);
        store.dropFromMemory(second);
      },
    );
    expect(await store.findKey(second)).toBeUndefined();
  });

  test('a ban that is set while all are loaded applies, and a lifted one does not', async () => {
    const [set, lifted] = [`st-${randomUUID()}`, `st-${randomUUID()}`];
    await operator.ban(lifted);
    await whileInFlight(
      () => store.load(),
      'astation_bans',
      async () => {
        await operator.ban(set);
        store.banAnnounced(set, true);
        await operator.unban(lifted);
        store.banAnnounced(lifted, false);
      },
    );
    expect([await store.isBanned(set), await store.isBanned(lifted)]).toEqual([true, false]);
  });
});

describe('C21, look-up in flight, at a server', () => {
  const server = useRelayServer(proxied, { replicas: 1 });

  test.each([
    ['forgets its key', (id: string) => operator.forget(id)],
    ['bans it', (id: string) => operator.ban(id)],
  ])('an Astation that is just registering when the operator %s does not stay', async (what, act) => {
    const code = `st-${randomUUID()}`;
    const socket = await openAstation(server.url, code);
    const result = await whileInFlight(
      () => socket.prove(new AstationKey()),
      'INSERT INTO astations',
      async () => {
        await act(code);
        if (what === 'bans it')
          await expect.poll(() => server.one.services.astations.isBanned(code)).toBe(true);
      },
    );
    expect(result).toMatchObject({ status: 'registered' });
    expect(await socket.closed()).toEqual({ code: 1008, reason: 'the key of this Astation was forgotten' });
  });

  test('a ban whose announcement was missed holds once the server has caught up', async () => {
    const [proved, unproved] = [`st-${randomUUID()}`, `st-${randomUUID()}`];
    const sockets = [await openAstation(server.url, proved), await openAstation(server.url, unproved)];
    expect(await sockets[0]?.prove(new AstationKey())).toMatchObject({ status: 'registered' });
    // Nothing announces a row that is put there by hand.
    await database.admin.query('INSERT INTO astation_bans (astation_id) VALUES ($1), ($2)', [
      proved,
      unproved,
    ]);
    await server.one.services.sockets.catchUp();
    expect(await sockets[0]?.closed()).toMatchObject({ code: 1008 });
    expect((await server.room(unproved))?.owner).toBeUndefined();
  });
});

afterAll(() => proxied.proxy.heal());
