import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Database } from '../../src/db/client.ts';
import { VaultFeed } from '../../src/vault/feed.ts';
import type { VaultEntry, WriteResult } from '../../src/vault/schema.ts';
import { silent, type TestDatabase, useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';
import { TestStore } from '../support/store.ts';
import { type Result, restSurface, trpcSurface } from '../support/vault-surfaces.ts';

const database = useDatabase();
/** The same database over a pool of its own, as a second server has it. */
const second = {} as TestDatabase;
beforeAll(() => {
  Object.assign(second, { ...database, db: new Database({ url: database.url, poolSize: 10, log: silent }) });
});
const serverOne = useServer(database);
const serverTwo = useServer(second);
afterAll(() => second.db.close());

const WORK_SESSION = 'st-1';
const WRITERS = Array.from({ length: 10 }, (_, i) => `writer-${i}`);

/** One client's calls that are to race; a refusal rejects. */
interface Client {
  create(summary: string): Promise<{ vault_id: string }>;
  append(vaultId: string, text: string): Promise<WriteResult>;
  override(vaultId: string, entryNo: number, text: string): Promise<WriteResult>;
  read(vaultId: string, options: { since?: number; history?: boolean }): Promise<VaultEntry[]>;
}

function storeClient(db: Database, clientId: string): Client {
  const store = new TestStore(db, new VaultFeed());
  const caller = { workSessionId: WORK_SESSION, clientId };
  return {
    create: (summary) => store.create(caller, summary),
    append: (vaultId, text) => store.append(caller, vaultId, text),
    override: (vaultId, no, text) => store.override(caller, vaultId, { no, text }),
    read: (vaultId, options) => store.read(caller, vaultId, options),
  };
}

async function demand<T>(call: Promise<Result<T>>): Promise<T> {
  const { status, value } = await call;
  if (value === undefined) throw new Error(`Refused with ${status}`);
  return value;
}

function httpClient(
  url: string,
  who: { session: string; clientId: string },
  makeSurface = restSurface,
): Client {
  const surface = makeSurface(url, who);
  return {
    create: (summary) => demand(surface.create(summary)),
    append: (vaultId, text) => demand(surface.append(vaultId, text)),
    override: (vaultId, no, text) => demand(surface.override(vaultId, no, text)),
    read: (vaultId, options) => demand(surface.read(vaultId, options)),
  };
}

const overServers = async (urls: string[]): Promise<Client[]> => {
  const session = await serverOne.login(WORK_SESSION);
  return WRITERS.map((clientId, i) => {
    const surface = i % 4 < 2 ? restSurface : trpcSurface;
    return httpClient(urls[i % urls.length] ?? '', { session, clientId }, surface);
  });
};

/** Ways to the same vaults, each with a client for each writer. */
const WAYS: [string, () => Promise<Client[]>][] = [
  ['straight on the store', async () => WRITERS.map((clientId) => storeClient(database.db, clientId))],
  [
    'on two stores with a pool each',
    async () => WRITERS.map((clientId, i) => storeClient((i % 2 ? second : database).db, clientId)),
  ],
  ['through a server', () => overServers([serverOne.url])],
  ['through two servers', () => overServers([serverOne.url, serverTwo.url])],
];

/** Takes turns, so that neighbours in a race are different clients. */
const turn = <T>(clients: T[], i: number): T => {
  const client = clients[i % clients.length];
  if (client === undefined) throw new Error('Nobody to call');
  return client;
};

const upTo = (n: number, from = 1) => Array.from({ length: n - from + 1 }, (_, i) => i + from);
const ascending = (numbers: number[]) => numbers.toSorted((a, b) => a - b);

const writerListOf = async (vaultId: string): Promise<string[]> => {
  const { rows } = await database.admin.query('SELECT writer_list FROM vaults WHERE vault_id = $1', [
    vaultId,
  ]);
  return rows[0].writer_list;
};

describe.each(WAYS)('%s', (_, connect) => {
  test('50 appends at a time get the numbers 1 to 50', async () => {
    const clients = await connect();
    const { vault_id: vaultId } = await turn(clients, 0).create('appends');
    const texts = upTo(50).map((i) => `text ${i}`);
    const written = await Promise.all(texts.map((text, i) => turn(clients, i).append(vaultId, text)));

    expect(ascending(written.map((write) => write.entry_no))).toEqual(upTo(50));
    expect(new Set(written.map((write) => write.version))).toEqual(new Set([1]));
    const history = await turn(clients, 1).read(vaultId, { history: true });
    expect(history.map((entry) => entry.entry_no)).toEqual(upTo(50));
    expect(history.map((entry) => entry.content).toSorted()).toEqual(texts.toSorted());
    expect((await writerListOf(vaultId)).toSorted()).toEqual(WRITERS);
    for (const [i, write] of written.entries()) {
      const row = history.find((entry) => entry.seq === write.seq);
      expect(row).toMatchObject({ ...write, content: texts[i], writer_id: turn(WRITERS, i) });
    }
  });

  test('50 overrides at a time get the versions 2 to 51', async () => {
    const clients = await connect();
    const { vault_id: vaultId } = await turn(clients, 0).create('overrides');
    await turn(clients, 0).append(vaultId, 'text 1');
    const texts = upTo(51, 2).map((i) => `text ${i}`);
    const written = await Promise.all(texts.map((text, i) => turn(clients, i).override(vaultId, 1, text)));

    expect(ascending(written.map((write) => write.version))).toEqual(upTo(51, 2));
    const history = await turn(clients, 1).read(vaultId, { history: true });
    expect(history.map((entry) => [entry.entry_no, entry.version])).toEqual(upTo(51).map((v) => [1, v]));
    expect(await turn(clients, 1).read(vaultId, {})).toEqual(history.slice(-1));
    expect((await writerListOf(vaultId)).toSorted()).toEqual(WRITERS);
  });

  test('appends and overrides of several entries at a time', async () => {
    const clients = await connect();
    const { vault_id: vaultId } = await turn(clients, 0).create('both');
    for (const text of ['one', 'two', 'three']) await turn(clients, 0).append(vaultId, text);
    await Promise.all(
      upTo(60).map((i) =>
        i % 3 === 0
          ? turn(clients, i).append(vaultId, `append ${i}`)
          : turn(clients, i).override(vaultId, ((i % 4) % 3) + 1, `override ${i}`),
      ),
    );
    const history = await turn(clients, 1).read(vaultId, { history: true });
    expect(history).toHaveLength(63);
    const entryNos = new Set(history.map((entry) => entry.entry_no));
    expect([...entryNos]).toEqual(upTo(23));
    for (const entryNo of entryNos) {
      const versions = history.filter((entry) => entry.entry_no === entryNo).map((entry) => entry.version);
      expect(versions).toEqual(upTo(versions.length));
    }
  });

  test('vaults created at a time get an id each', async () => {
    const clients = await connect();
    const made = await Promise.all(upTo(50).map((i) => turn(clients, i).create(`vault ${i}`)));
    expect(new Set(made.map((vault) => vault.vault_id)).size).toBe(50);
  });
});

/** Polls until the writing has ended, and once more. @returns all it was given, poll by poll */
async function follow(
  read: (since: number) => Promise<VaultEntry[]>,
  writing: Promise<unknown>,
): Promise<VaultEntry[][]> {
  let ended = false;
  const end = () => {
    ended = true;
  };
  writing.then(end, end);
  const polls: VaultEntry[][] = [];
  let since = 0;
  for (let last = false; !last; ) {
    last = ended;
    const rows = await read(since);
    polls.push(rows);
    since = Math.max(since, ...rows.map((row) => row.seq));
  }
  return polls;
}

describe.each([
  // Straight on the store a race has most chances; over HTTP it is what clients do.
  ['straight on the store', 100, WAYS[1]?.[1]],
  ['through two servers', 40, WAYS[3]?.[1]],
] as const)('a follower while 8 writers append and override, %s', (_, writesEach, connect) => {
  test('sees every row once, in order', async () => {
    const clients = (await connect?.()) ?? [];
    const { vault_id: vaultId } = await turn(clients, 0).create('followed');
    for (const text of ['one', 'two', 'three']) await turn(clients, 0).append(vaultId, text);

    const writers = clients.slice(0, 8).map(async (client, writer) => {
      for (const i of upTo(writesEach)) {
        const text = `writer ${writer}, write ${i}`;
        if (i % 4 === 0) await client.append(vaultId, text);
        else await client.override(vaultId, (i % 3) + 1, text);
      }
    });
    const writing = Promise.all(writers);
    const [historyPolls, currentPolls] = await Promise.all([
      follow((since) => turn(clients, 8).read(vaultId, { since, history: true }), writing),
      follow((since) => turn(clients, 9).read(vaultId, { since }), writing),
      writing,
    ]);

    const history = await turn(clients, 0).read(vaultId, { history: true });
    expect(history).toHaveLength(3 + 8 * writesEach);
    expect(historyPolls.flat().map((row) => row.seq)).toEqual(history.map((row) => row.seq));
    expect(historyPolls.flat()).toEqual(history);
    // Reading in one go at the end would prove nothing.
    expect(historyPolls.filter((rows) => rows.length > 0).length).toBeGreaterThan(10);

    const seen = currentPolls.flat();
    expect(new Set(seen.map((row) => row.seq)).size).toBe(seen.length);
    const put = new Map(seen.map((row) => [row.entry_no, row]));
    const current = await turn(clients, 0).read(vaultId, {});
    expect([...put.values()].toSorted((a, b) => a.entry_no - b.entry_no)).toEqual(current);
  });
});
