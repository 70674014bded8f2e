import { beforeAll, describe, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { demand, type Result, type Surface } from '../support/vault-surfaces.ts';
import { turn, upTo, useWays } from '../support/ways.ts';

const database = useDatabase();
const WAYS = useWays(database);

const WORK_SESSION = 'st-1';
const ROUNDS = 15;
const REPEATS = 20;

const statuses = (results: Result<unknown>[]) =>
  results.map(({ status }) => status).toSorted((a, b) => a - b);

describe.each(WAYS)('$title', ({ connect }) => {
  /** Ten clients, two neighbours of which never share a server or store, where there are two. */
  let clients: Surface[];
  /** One client as it is connected in ten ways: a key is a client's own. */
  let ann: Surface[];
  beforeAll(async () => {
    const connectTen = (nameOf: (i: number) => string) =>
      Promise.all(
        upTo(9, 0).map((i) => connect({ workSession: WORK_SESSION, clientId: nameOf(i), turn: i })),
      );
    clients = await connectTen((i) => `writer-${i}`);
    ann = await connectTen(() => 'ann');
  });

  const makeVault = async (): Promise<string> => (await demand(turn(ann, 0).create('raced'))).vault_id;
  const historyOf = async (vaultId: string, kind: 'content' | 'summary' = 'content') =>
    (await demand(turn(ann, 0).read(vaultId, { history: true, kind }))).entries;

  test(`two overrides that expect the same version: exactly one wins, and the other gets its version, ${ROUNDS} times`, async () => {
    const vaultId = await makeVault();
    await demand(turn(ann, 0).append(vaultId, 'version 1'));
    for (const version of upTo(ROUNDS)) {
      const results = await Promise.all(
        upTo(1, 0).map((i) =>
          turn(clients, version + i).override(vaultId, 1, { text: `${version} by ${i}`, expected: version }),
        ),
      );
      expect(statuses(results)).toEqual([200, 409]);
      const winner = results.findIndex(({ status }) => status === 200);
      const { current } = results[1 - winner] ?? {};
      expect(current).toMatchObject({
        ...results[winner]?.value,
        content: `${version} by ${winner}`,
        writer_id: `writer-${(version + winner) % 10}`,
      });
    }
    expect((await historyOf(vaultId)).map(({ version }) => version)).toEqual(upTo(ROUNDS + 1));
  });

  test('of ten summaries that expect one version exactly one wins, 8 times', async () => {
    const vaultId = await makeVault();
    for (const version of upTo(8)) {
      const results = await Promise.all(
        clients.map((client, i) => client.setSummary(vaultId, `${version} by ${i}`, { expected: version })),
      );
      expect(statuses(results)).toEqual([200, ...Array(9).fill(409)]);
      const winner = results.findIndex(({ status }) => status === 200);
      for (const { current } of results.filter(({ status }) => status === 409)) {
        expect(current).toMatchObject({
          entry_no: 0,
          version: version + 1,
          content: `${version} by ${winner}`,
        });
      }
    }
    expect((await historyOf(vaultId, 'summary')).map(({ version }) => version)).toEqual(upTo(9));
  });

  test('ten clients count together: a refused client merges with the current version, and no step is lost', async () => {
    const vaultId = await makeVault();
    await demand(turn(ann, 0).append(vaultId, '0'));
    const count = async (client: Surface) => {
      let seen = { version: 1, content: '0' };
      for (let steps = 0; steps < 2; ) {
        const text = String(Number(seen.content) + 1);
        const { value, current } = await client.override(vaultId, 1, { text, expected: seen.version });
        if (value) steps++;
        seen = value ? { version: value.version, content: text } : (current ?? seen);
      }
    };
    await Promise.all(clients.map(count));
    expect((await historyOf(vaultId)).map(({ content }) => content)).toEqual(upTo(20, 0).map(String));
  });

  describe(`${REPEATS} repeats at a time with one key write once`, () => {
    const repeats = <T>(call: (client: Surface, i: number) => Promise<Result<T>>) =>
      Promise.all(upTo(REPEATS, 1).map((i) => call(turn(ann, i), i)));

    /** Everybody got the same, and at most one was not told that it was a repeat. */
    function expectOneResult(results: Result<unknown>[]): void {
      expect(new Set(results.map(({ status }) => status))).toEqual(new Set([200]));
      expect(new Set(results.map(({ value }) => JSON.stringify(value))).size).toBe(1);
    }

    test('append', async () => {
      const vaultId = await makeVault();
      const results = await repeats((client) => client.append(vaultId, 'once', { key: 'k', tags: ['t'] }));
      expectOneResult(results);
      expect(await historyOf(vaultId)).toMatchObject([{ ...results[0]?.value, content: 'once' }]);
    });

    test('override', async () => {
      const vaultId = await makeVault();
      await demand(turn(ann, 0).append(vaultId, 'version 1'));
      // The first moves the entry on, and so the others would conflict if they were no repeats.
      const results = await repeats((client) =>
        client.override(vaultId, 1, { text: 'once', expected: 1, key: 'k' }),
      );
      expectOneResult(results);
      expect((await historyOf(vaultId)).slice(1)).toMatchObject([{ ...results[0]?.value, content: 'once' }]);
    });

    test('summary', async () => {
      const vaultId = await makeVault();
      expectOneResult(
        await repeats((client) => client.setSummary(vaultId, 'once', { expected: 1, key: 'k' })),
      );
      expect((await historyOf(vaultId, 'summary')).map(({ content }) => content)).toEqual(['raced', 'once']);
    });

    test('create', async () => {
      const key = `create ${expect.getState().currentTestName}`.replace(/[^!-~]/g, '-').slice(0, 255);
      const results = await repeats((client) => client.create('made once', { key }));
      expectOneResult(results);
      const { rows } = await database.admin.query(
        `SELECT vault_id FROM vaults JOIN vault_creation_keys USING (vault_id) WHERE key = $1`,
        [key],
      );
      expect(rows).toEqual([results[0]?.value]);
    });

    test('also when half of them send another request, which is refused', async () => {
      const vaultId = await makeVault();
      const results = await repeats((client, i) =>
        client.append(vaultId, i % 2 ? 'one' : 'other', { key: 'k' }),
      );
      expect(statuses(results)).toEqual([...Array(REPEATS / 2).fill(200), ...Array(REPEATS / 2).fill(409)]);
      expectOneResult(results.filter(({ status }) => status === 200));
      expect(await historyOf(vaultId)).toHaveLength(1);
    });
  });

  test('a removed writer stays removed while others write', async () => {
    const vaultId = await makeVault();
    for (const round of upTo(5)) {
      await demand(turn(ann, round).append(vaultId, 'by ann'));
      const [removed] = await Promise.all([
        demand(turn(clients, round).removeWriter(vaultId, 'ann')),
        ...clients.map((client, i) => demand(client.append(vaultId, `round ${round}, writer ${i}`))),
      ]);
      expect(removed).toEqual({ removed: true });
      const { writers } = await demand(turn(clients, 0).meta(vaultId));
      expect(writers.find(({ client_id }) => client_id === 'ann')).toMatchObject({ in_writer_list: false });
      expect(writers.filter(({ in_writer_list }) => in_writer_list)).toHaveLength(10);
    }
  });
});
