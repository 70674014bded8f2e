import { randomInt } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { Database } from '../../src/db/client.ts';
import { MIGRATIONS_DIR, migrate } from '../../src/db/migrate.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { WRITE } from '../../src/vault/write/batch-store.ts';
import { silent, useDatabase, withClient, withEmptyDatabase } from '../support/database.ts';
import { refusalOf } from '../support/refusal.ts';
import { TestStore } from '../support/store.ts';
import { verify } from '../support/verify.ts';
import { upTo } from '../support/ways.ts';

const database = useDatabase();
let store: TestStore;
beforeAll(() => {
  store = new TestStore(database.db, new VaultFeed());
});

const LISTED = 100;
const ann = { workSessionId: 'st-1', clientId: 'ann' };
const inside = (clientId: string) => ({ workSessionId: 'st-1', clientId });
const outside = (clientId: string) => ({ workSessionId: 'st-2', clientId });
const name = (n: number) => `run-${String(n).padStart(6, '0')}`;

/** Appends by so many writers that are new, from a number on, as one statement. */
const appends = (vaultId: string, from: number, count: number) =>
  JSON.stringify(
    upTo(count).map((n) => ({
      place: n,
      op: 'append',
      vault_id: vaultId,
      work_session_id: 'st-1',
      client_id: name(from + n - 1),
      reads_as: name(from + n - 1),
      text: 'x',
    })),
  );

async function makeVault(writers = 0): Promise<string> {
  const { vault_id: vaultId } = await store.create(ann, 'written by many');
  for (let n = 1; n <= writers; n += 1000) {
    await database.db.commit(WRITE, appends(vaultId, n, Math.min(1000, writers - n + 1)), 0, 0);
  }
  return vaultId;
}

/** What decides, and what readers of the relay design's schema see. */
async function writersOf(vaultId: string, url = database.url) {
  return withClient(url, async (client) => {
    const { rows } = await client.query(
      `SELECT writer_list AS listed, ARRAY(
         SELECT client_id FROM vault_writers AS w WHERE w.vault_id = v.vault_id ORDER BY client_id COLLATE "C"
       ) AS open FROM vaults AS v WHERE vault_id = $1`,
      [vaultId],
    );
    return rows[0] as { listed: string[]; open: string[] };
  });
}

const isOpenTo = async (clientId: string, vaultId: string) =>
  (await store.list(outside(clientId))).vaults.some(({ vault_id }) => vault_id === vaultId);

const foreign = (vaultId: string) => `FORBIDDEN: Vault ${vaultId} belongs to another work session.`;

describe('the cost of an append', () => {
  /** Bytes of WAL of each statement, and how many of its pages went there whole, as the first change after a checkpoint does. */
  async function walOf(statements: string[]): Promise<{ bytes: number; pages: number }[]> {
    const client = await database.admin.connect();
    try {
      const wal: { bytes: number; pages: number }[] = [];
      for (const writes of statements) {
        const { rows } = await client.query(
          'EXPLAIN (ANALYZE, WAL, FORMAT JSON) SELECT * FROM write_to_vaults($1::json, 0, 0)',
          [writes],
        );
        const plan = rows[0]['QUERY PLAN'][0].Plan;
        wal.push({ bytes: plan['WAL Bytes'], pages: plan['WAL FPI'] });
      }
      return wal;
    } finally {
      client.release();
    }
  }
  /** The least of several: the others may hold whole pages. */
  const leastOf = (wal: { bytes: number }[]) => Math.min(...wal.map(({ bytes }) => bytes));

  test('of a known writer, in WAL, is the same after 5,000 writers as after one', async () => {
    const [few, many] = [await makeVault(1), await makeVault(5000)];
    const wal = async (vaultId: string) => leastOf(await walOf(upTo(9).map(() => appends(vaultId, 1, 1))));
    expect(await wal(few)).toBeGreaterThan(200);
    expect(await wal(many)).toBeLessThan(1.5 * (await wal(few)));
  });

  test('of a new writer, in WAL, is the same after 5,000 writers as after one', async () => {
    const [few, many] = [await makeVault(1), await makeVault(5000)];
    const wal = async (vaultId: string, writers: number) =>
      leastOf(await walOf(upTo(9).map((n) => appends(vaultId, writers + n, 1))));
    const after = await wal(many, 5000);
    expect(after).toBeGreaterThan(200);
    expect(after).toBeLessThan(1.5 * (await wal(few, 1)));
  });

  test('of the first writers, in WAL, is bounded where their names are long', async () => {
    const vaultId = await makeVault();
    const statements = upTo(LISTED + 10).map((n) => appends(vaultId, n, 1).replaceAll(name(n), longest(128)));
    const wal = await walOf(statements);
    expect(leastOf(wal.slice(LISTED))).toBeLessThan(8 * 1024);
    // The list is at most 100 × 512 bytes.
    for (const { bytes, pages } of wal) expect(bytes - pages * 8192).toBeLessThan(96 * 1024);
  });
});

/** Characters of 4 bytes each, which nothing compresses. */
const longest = (characters: number) =>
  Array.from({ length: characters }, () => String.fromCodePoint(randomInt(0x10000, 0x110000))).join('');

describe('the column writer_list', () => {
  test('has the first hundred, and every writer may read from outside all the same', async () => {
    const vaultId = await makeVault(250);
    const { listed, open } = await writersOf(vaultId);
    expect(listed).toEqual(upTo(LISTED).map(name));
    expect(open).toEqual(upTo(250).map(name));
    for (const n of [1, 100, 101, 250]) {
      expect(await store.read(outside(name(n)), vaultId, { since: 1 })).toHaveLength(250);
      expect(await isOpenTo(name(n), vaultId)).toBe(true);
    }
    expect(await refusalOf(store.read(outside(name(251)), vaultId))).toBe(foreign(vaultId));
    const { writers } = await store.meta(ann, vaultId);
    expect(writers.map(({ in_writer_list }) => in_writer_list)).toEqual(upTo(250).map(() => true));
  });

  test('loses a removed writer, and adds the next one', async () => {
    const vaultId = await makeVault(150);
    for (const n of [7, 120]) {
      expect(await store.removeWriter(ann, vaultId, name(n))).toBe(true);
      expect(await store.removeWriter(ann, vaultId, name(n))).toBe(false);
      expect(await isOpenTo(name(n), vaultId)).toBe(false);
      expect(await refusalOf(store.read(outside(name(n)), vaultId))).toBe(foreign(vaultId));
    }
    await store.append(inside('late'), vaultId, 'x');
    await store.append(inside('later'), vaultId, 'x');
    await store.append(inside(name(7)), vaultId, 'x');
    const { listed, open } = await writersOf(vaultId);
    const first = upTo(LISTED).map(name);
    expect(listed).toEqual([...first.filter((one) => one !== name(7)), 'late']);
    expect(open).toEqual(['late', 'later', ...upTo(150).map(name)].filter((one) => one !== name(120)));
  });

  test('has no effect', async () => {
    const vaultId = await makeVault(1);
    await database.admin.query(`UPDATE vaults SET writer_list = '{eve}' WHERE vault_id = $1`, [vaultId]);
    expect(await isOpenTo('eve', vaultId)).toBe(false);
    expect(await refusalOf(store.read(outside('eve'), vaultId))).toBe(foreign(vaultId));
    expect(await store.read(outside(name(1)), vaultId)).toHaveLength(1);
  });
});

describe('a removal at the same time as', () => {
  const ROUNDS = 25;
  const gone = async (vaultId: string) => {
    const { listed, open } = await writersOf(vaultId);
    expect(open).toEqual(listed);
    return !open.includes('bob');
  };

  test(`the first write races with a removal: the last one decides, ${ROUNDS} times`, async () => {
    const seen = new Set<boolean>();
    for (const _ of upTo(ROUNDS)) {
      const vaultId = await makeVault();
      const [removed] = await Promise.all([
        store.removeWriter(ann, vaultId, 'bob'),
        store.append(inside('bob'), vaultId, 'x'),
      ]);
      expect(await gone(vaultId)).toBe(removed);
      expect(await isOpenTo('bob', vaultId)).toBe(!removed);
      seen.add(removed);
    }
    expect(seen.size).toBeGreaterThan(0);
  });

  test(`a later write races with a removal: the removal applies, and only a write after it opens the vault again, ${ROUNDS} times`, async () => {
    const vaultId = await makeVault();
    for (const _ of upTo(ROUNDS)) {
      await store.append(inside('bob'), vaultId, 'x');
      const [removed] = await Promise.all([
        store.removeWriter(ann, vaultId, 'bob'),
        store.append(inside('bob'), vaultId, 'x'),
      ]);
      expect(removed).toBe(true);
      expect(await isOpenTo('bob', vaultId)).toBe(!(await gone(vaultId)));
    }
  });

  test(`other removals: one of them removes, ${ROUNDS} times`, async () => {
    const vaultId = await makeVault();
    for (const _ of upTo(ROUNDS)) {
      await store.append(inside('bob'), vaultId, 'x');
      const removals = await Promise.all(upTo(5).map(() => store.removeWriter(ann, vaultId, 'bob')));
      expect(removals.filter(Boolean)).toHaveLength(1);
      expect(await gone(vaultId)).toBe(true);
    }
  });
});

test('statements with new writers of the same vaults never wait for each other in a ring', async () => {
  const vaults = await Promise.all(upTo(4).map(() => makeVault()));
  const batch = (round: number, turned: boolean) => {
    const writes = vaults.flatMap((vault_id, v) =>
      upTo(5).map((n) => ({ vault_id, client_id: `r${round}-${(n * (v + 1)) % 5}` })),
    );
    return (turned ? writes.toReversed() : writes).map((write, place) => ({
      ...write,
      place,
      op: 'append',
      work_session_id: 'st-1',
      reads_as: write.client_id,
      text: 'x',
    }));
  };
  for (const round of upTo(20)) {
    const statements = [false, true, false, true].map((turned) =>
      database.db.commit<{ outcome: string }>(WRITE, JSON.stringify(batch(round, turned)), 0, 0),
    );
    const rows = (await Promise.all(statements)).flat();
    expect(new Set(rows.map(({ outcome }) => outcome))).toEqual(new Set(['written']));
  }
});

describe('a setting that the start accepts works with the longest texts', () => {
  const MAX = 400;

  test('MAX_CLIENT_ID_CHARACTERS', async () => {
    expect(readConfig({ MAX_CLIENT_ID_CHARACTERS: String(MAX) }).limits.clientIdCharacters).toBe(MAX);
    expect(() => readConfig({ MAX_CLIENT_ID_CHARACTERS: String(MAX + 1) })).toThrow(`at most ${MAX}`);
    // An Astation's id has at most 255 bytes; adopted vaults have ids of up to 128 characters.
    const workSessionId = `abc${longest(63)}`;
    const key = 'K'.repeat(255);
    for (const vault_id of [undefined, longest(128)]) {
      const caller = { workSessionId, clientId: longest(MAX) };
      const { vault_id: made } = await store.create(caller, 'made', vault_id === undefined ? key : undefined);
      const vaultId = vault_id ?? made;
      if (vault_id !== undefined) {
        const fields = 'summary, work_session_id, created_by, head_seq, head_hash';
        await database.admin.query(
          `INSERT INTO vaults (bucket, vault_id, ${fields})
           SELECT vault_bucket($1), $1, ${fields} FROM vaults WHERE vault_id = $2`,
          [vaultId, made],
        );
      }
      expect(await store.append(caller, vaultId, 'x', { key })).toMatchObject({ entry_no: 1 });
      expect(await store.append(caller, vaultId, 'x', { key })).toMatchObject({ entry_no: 1 });
      const elsewhere = { ...caller, workSessionId: longest(63) };
      expect(await store.read(elsewhere, vaultId)).toMatchObject([{ writer_id: caller.clientId }]);
      expect((await store.list(elsewhere)).vaults.map((vault) => vault.vault_id)).toEqual([vaultId]);
      expect(await store.removeWriter(caller, vaultId, caller.clientId)).toBe(true);
    }
  });
});

describe('vaults of the version before', () => {
  const THIS = '20261129000000_vault_writers';

  /** A database as the version before left it, with a vault of 250 writers. */
  const withBefore = (work: (url: string, vaultId: string) => Promise<void>): Promise<void> =>
    withEmptyDatabase(async (url) => {
      const dir = await mkdtemp(path.join(tmpdir(), 'vault-relay-before-'));
      try {
        const filter = (source: string) =>
          !(path.basename(source) >= THIS && /^\d/.test(path.basename(source)));
        await cp(MIGRATIONS_DIR, dir, { recursive: true, filter });
        expect((await migrate(url, dir)).at(-1)).toBe('20261124200000_rows_stored_together');
      } finally {
        await rm(dir, { recursive: true });
      }
      await withClient(url, async (client) => {
        const creation = { vault_id: 'v-before', summary: '', work_session_id: 'st-1', client_id: 'ann' };
        await client.query('SELECT * FROM create_vault($1, 0)', [JSON.stringify(creation)]);
        await client.query(WRITE, [appends('v-before', 1, 250), 0, 0]);
      });
      await work(url, 'v-before');
    });

  async function withStore(url: string, work: (store: TestStore) => Promise<void>): Promise<void> {
    const db = new Database({ url, poolSize: 2, log: silent });
    await work(new TestStore(db, new VaultFeed())).finally(() => db.close());
  }

  test('stay open to each of their writers, and their lists are cut to the first hundred', async () => {
    await withBefore(async (url, vaultId) => {
      await migrate(url);
      const { listed, open } = await writersOf(vaultId, url);
      expect(listed).toEqual(upTo(LISTED).map(name));
      expect(open).toEqual(upTo(250).map(name));
      await withStore(url, async (now) => {
        for (const n of upTo(250)) {
          const { vaults } = await now.list(outside(name(n)));
          expect(vaults.map(({ vault_id }) => vault_id)).toEqual([vaultId]);
        }
        expect(await refusalOf(now.read(outside(name(251)), vaultId))).toBe(foreign(vaultId));
      });
      expect(await verify(url)).toMatchObject({ vaults: 1, rows: 251, misfits: [] });
    });
  });

  /** What servers of the version before send. */
  const OLD = {
    WRITE: 'SELECT place, outcome, entry_no, version, seq, current FROM write_to_vaults($1::json, $2, $3)',
    MAY_READ: `SELECT 1 FROM vaults AS v WHERE vault_id = $1 AND v.writer_list @> ARRAY[$2]::text[]`,
    REMOVE_WRITER: `
      UPDATE vaults AS v SET writer_list = array_remove(v.writer_list, $2)
      FROM (SELECT vault_id, $2 = ANY (writer_list) AS was_in FROM vaults WHERE vault_id = $1 FOR NO KEY UPDATE) AS old
      WHERE v.vault_id = old.vault_id RETURNING old.was_in AS removed`,
  };

  test('are served by the old program and the new one side by side', async () => {
    await withBefore(async (url, vaultId) => {
      await withClient(url, async (old) => {
        const write = (clientId: string) => old.query(OLD.WRITE, [oldAppend(vaultId, clientId), 0, 0]);
        // Prepared before the migration, as the statements of a server that runs on are.
        await write('old-1');
        await migrate(url);
        await old.query('SET ROLE vault_relay_app');
        await withStore(url, async (now) => {
          expect((await write('old-2')).rows).toMatchObject([
            { outcome: 'written', entry_no: 252, version: 1 },
          ]);
          expect((await now.list(outside('old-2'))).vaults).toHaveLength(1);
          // What the old program closes is closed, for the new one too.
          expect((await old.query(OLD.MAY_READ, [vaultId, name(7)])).rowCount).toBe(1);
          expect((await old.query(OLD.REMOVE_WRITER, [vaultId, name(7)])).rows).toEqual([{ removed: true }]);
          expect(await refusalOf(now.read(outside(name(7)), vaultId))).toBe(foreign(vaultId));
          // And the other way round.
          await now.removeWriter(ann, vaultId, name(8));
          expect((await old.query(OLD.MAY_READ, [vaultId, name(8)])).rowCount).toBe(0);
          await write(name(7));
          expect(await now.read(outside(name(7)), vaultId, { since: 250 })).not.toEqual([]);
          expect((await old.query(OLD.MAY_READ, [vaultId, name(7)])).rowCount).toBe(1);
        });
      });
    });
  });

  const oldAppend = (vault_id: string, client_id: string) =>
    JSON.stringify([
      {
        place: 0,
        op: 'append',
        vault_id,
        work_session_id: 'st-1',
        client_id,
        reads_as: client_id,
        text: 'x',
      },
    ]);
});
