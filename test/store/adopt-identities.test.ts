import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { Database } from '../../src/db/client.ts';
import { migrate } from '../../src/db/migrate.ts';
import { AstationStore } from '../../src/session/astation-store.ts';
import { SessionStore } from '../../src/session/store.ts';
import { silent, withClient, withEmptyDatabase } from '../support/database.ts';

const DUMP = await readFile('test/fixtures/relay-of-2026-05-29.sql', 'utf8');

/** The tables that a newer relay server has beside its vaults. */
const TABLES = `
  CREATE TABLE public.astation_keys (
    astation_id TEXT PRIMARY KEY, public_key TEXT NOT NULL, registered_at BIGINT NOT NULL, last_verified_at BIGINT NOT NULL);
  CREATE TABLE public.session_bindings (
    session_id TEXT PRIMARY KEY, astation_id TEXT NOT NULL, created_at BIGINT NOT NULL, last_used_at BIGINT NOT NULL);`;

const KEY = `04${'0123456789ABCDEF'.repeat(8)}`;
const DAY = 24 * 60 * 60;
const now = Math.floor(Date.now() / 1000);

interface Binding {
  id: string;
  astation?: string;
  /** Seconds ago. */
  used: number;
}

async function withAdopted(
  { keys = [], bindings = [] }: { keys?: [string, string][]; bindings?: Binding[] },
  work: (db: Database, url: string) => Promise<void>,
  tables = TABLES,
): Promise<void> {
  await withEmptyDatabase(async (url) => {
    await withClient(url, async (client) => {
      await client.query(`${DUMP}${tables}`);
      for (const [id, key] of keys) {
        await client.query('INSERT INTO public.astation_keys VALUES ($1, $2, 1780000000, 1780000001)', [
          id,
          key,
        ]);
      }
      for (const { id, astation = 'astation-7f3a', used } of bindings) {
        await client.query('INSERT INTO public.session_bindings VALUES ($1, $2, $3, $3)', [
          id,
          astation,
          now - used,
        ]);
      }
    });
    await migrate(url);
    const db = new Database({ url, poolSize: 2, log: silent });
    await work(db, url).finally(() => db.close());
  });
}

test('E6: a registered key of the other server is the registered key here, and stays', async () => {
  const keys: [string, string][] = [
    ['astation-7f3a', KEY],
    ['a key that is none', '04zz'],
    ['bell\u0007', KEY],
    ['x'.repeat(256), KEY],
  ];
  await withAdopted({ keys }, async (db) => {
    const astations = new AstationStore(db);
    const { astation } = await db.prisma();
    expect(await astation.findMany()).toMatchObject([
      {
        astationId: 'astation-7f3a',
        publicKey: KEY.toLowerCase(),
        registeredAt: new Date(1_780_000_000_000),
      },
    ]);
    expect(await astations.registerOrVerify('astation-7f3a', KEY.toLowerCase())).toBe('verified');
    expect(await astations.registerOrVerify('astation-7f3a', `04${'ab'.repeat(64)}`)).toBe('rejected');
    // Provisional keys are forgotten after 30 days.
    const rows = await db.rows(`SELECT provisional FROM astations WHERE astation_id = 'astation-7f3a'`);
    expect(rows).toEqual([{ provisional: false }]);
  });
});

test('E6: a session that was bound there is bound here, until the same expiry', async () => {
  const bindings: Binding[] = [
    { id: 'used-a-moment-ago', used: 5 },
    { id: 'used-six-days-ago', used: 6 * DAY },
    { id: 'of-the-future-', astation: 'astation-b0b0', used: -3600 },
    { id: 'of-the-future-too', astation: 'astation-b0b0', used: -3600 },
    { id: 'used-a-week-ago-', used: 7 * DAY + 60 },
    { id: 'too-short', used: 5 },
    { id: 'with a blank in it', used: 5 },
    { id: 'x'.repeat(129), used: 5 },
  ];
  await withAdopted({ bindings }, async (db) => {
    const sessions = new SessionStore(db);
    const bound = await Promise.all(
      bindings.map(async ({ id }) => [id, (await sessions.use(id))?.workSessionId]),
    );
    expect(bound.filter(([, astation]) => astation !== undefined)).toEqual([
      ['used-a-moment-ago', 'astation-7f3a'],
      ['used-six-days-ago', 'astation-7f3a'],
      ['of-the-future-too', 'astation-b0b0'],
    ]);
    const ends = await db.rows<{ ends: boolean }>(
      `SELECT bool_and(expires_at <= now() + interval '7 days') AS ends FROM sessions`,
    );
    expect(ends).toEqual([{ ends: true }]);
  });
});

test('E6: of more than 1,000 sessions of one Astation, the most recently used are bound', async () => {
  const bindings = Array.from({ length: 1005 }, (_, n) => ({
    id: `session-number-${10_000 + n}`,
    used: n + 10,
  }));
  await withAdopted({ bindings }, async (db) => {
    const sessions = new SessionStore(db);
    expect((await sessions.listWorkSessions())[0]).toMatchObject({ sessions: 1000 });
    expect(await sessions.use('session-number-10999')).toBeDefined();
    expect(await sessions.use('session-number-11000')).toBeUndefined();
  });
});

test.each([
  ['there are no such tables', ''],
  [
    'their columns are others',
    'CREATE TABLE public.astation_keys (id INT); CREATE TABLE public.session_bindings (id INT);',
  ],
  [
    'their times are no seconds',
    `CREATE TABLE public.astation_keys (astation_id TEXT, public_key TEXT, registered_at TIMESTAMPTZ);
     CREATE TABLE public.session_bindings (session_id TEXT, astation_id TEXT, created_at TIMESTAMPTZ, last_used_at TIMESTAMPTZ);`,
  ],
])('E6: the database migrates where %s', async (_, tables) => {
  await withAdopted(
    {},
    async (db) => {
      expect(await (await db.prisma()).astation.count()).toBe(0);
    },
    tables,
  );
});
