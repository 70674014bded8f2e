import { describe, expect, test } from 'vitest';
import type { VaultEntry, WriteResult } from '../../src/vault/schema.ts';
import { useDatabase } from '../support/database.ts';
import { demand } from '../support/vault-surfaces.ts';
import { turn, upTo, useWays, type Way } from '../support/ways.ts';

const database = useDatabase();
const WAYS = useWays(database);

const WORK_SESSION = 'st-1';
const WRITERS = Array.from({ length: 10 }, (_, i) => `writer-${i}`);

/** One client's calls that are to race; a refusal rejects. */
interface Client {
  create(summary: string): Promise<{ vault_id: string }>;
  append(vaultId: string, text: string): Promise<WriteResult>;
  override(vaultId: string, entryNo: number, text: string): Promise<WriteResult>;
  read(vaultId: string, options: { since?: number; history?: boolean }): Promise<VaultEntry[]>;
}

/** A client for each writer. */
const connectAll = ({ connect }: Way): Promise<Client[]> =>
  Promise.all(
    WRITERS.map(async (clientId, i) => {
      const surface = await connect({ workSession: WORK_SESSION, clientId, turn: i });
      return {
        create: (summary: string) => demand(surface.create(summary)),
        append: (vaultId: string, text: string) => demand(surface.append(vaultId, text)),
        override: (vaultId: string, no: number, text: string) =>
          demand(surface.override(vaultId, no, { text })),
        read: async (vaultId: string, options: { since?: number; history?: boolean }) =>
          (await demand(surface.read(vaultId, options))).entries,
      };
    }),
  );

const ascending = (numbers: number[]) => numbers.toSorted((a, b) => a - b);

const writerListOf = async (vaultId: string): Promise<string[]> => {
  const { rows } = await database.admin.query('SELECT writer_list FROM vaults WHERE vault_id = $1', [
    vaultId,
  ]);
  return rows[0].writer_list;
};

describe.each(WAYS)('$title', (way) => {
  test('50 appends at a time get the numbers 1 to 50', async () => {
    const clients = await connectAll(way);
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
    const clients = await connectAll(way);
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
    const clients = await connectAll(way);
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
    const clients = await connectAll(way);
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

// Straight on the store a race has most chances; over HTTP it is what clients do.
const FOLLOWED = WAYS.filter(({ title }) => /^on two stores|^through two servers/.test(title));

describe.each(FOLLOWED)('a follower while 8 writers append and override, $title', (way) => {
  const writesEach = way.title.startsWith('on two stores') ? 100 : 40;

  test('sees every row once, in order', async () => {
    const clients = await connectAll(way);
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
