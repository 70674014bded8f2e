import fc from 'fast-check';
import type pg from 'pg';
import { beforeAll, expect, test } from 'vitest';
import { withConnection, withSnapshot } from '../../src/db/connection.ts';
import { formatLine, type Line, parseLine } from '../../src/transfer/format.ts';
import { importVaults } from '../../src/transfer/import.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { CHAIN_START, type ChainRow, hashRow } from '../../src/vault/proof/chain.ts';
import { useDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';
import { withoutTriggers } from '../support/tamper.ts';
import { exported } from '../support/transfer.ts';
import { verifyWithin } from '../support/verify.ts';

/** `GENERATIVE_SEED` and `GENERATIVE_RUNS` try others, as `npm run soak:generative` does. A failure prints its seed. */
const SEED = Number(process.env.GENERATIVE_SEED ?? 20_261_129);
/** Enough that many files are accepted and many refused, as the test checks at its end. */
const CASES = Number(process.env.GENERATIVE_RUNS ?? 700);

const source = useDatabase();
const target = useDatabase();
const ann = { workSessionId: 'st-1', clientId: 'ann' };

type Fields = Record<string, unknown>;
let genuine: Fields[];

beforeAll(async () => {
  const store = new TestStore(source.db, new VaultFeed());
  const { vault_id } = await store.create(ann, 'made', 'made-1');
  await store.append(ann, vault_id, 'one', { tags: ['fact'], key: 'write-1' });
  await store.append({ ...ann, clientId: '團隊' }, vault_id, 'two 🎉');
  await store.override(ann, vault_id, { no: 1, text: 'one, again' });
  await store.setSummary(ann, vault_id, 'made, and kept');
  genuine = (await exported(source.url)).map((text) => parseLine(text.trimEnd()) as unknown as Fields);
});

/** Every field of a file by the line and the names that lead to it. */
function placesOf(lines: Fields[]): [line: number, ...names: string[]][] {
  return lines.flatMap((line, no) =>
    Object.entries(line).flatMap(([name, value]) => {
      const inner = value !== null && typeof value === 'object' && !Array.isArray(value);
      const below = inner ? Object.keys(value).map((each) => [no, name, each] as [number, ...string[]]) : [];
      return [[no, name] as [number, ...string[]], ...below];
    }),
  );
}

const NUMBERS = [
  0,
  1,
  2,
  3,
  4,
  5,
  6,
  7,
  1.5,
  -1,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 53 - 2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
];
const TIMES = [
  '2026-11-24T12:00:00.000001Z',
  '2026-11-24T24:00:00.000000Z',
  '2026-11-24T23:59:60.000000Z',
  '2026-02-30T12:00:00.000000Z',
  '2026-11-24T12:00:00.000Z',
  '2026-11-24 12:00:00.000000+00',
  '0000-01-01T00:00:00.000000Z',
  'infinity',
];
const TEXTS = [
  '',
  'ann',
  'bob',
  '團隊',
  'content',
  'summary',
  'banana',
  '0'.repeat(64),
  '\0',
  '\ud800',
  '"',
  "'--",
];
const other = fc.constantFrom<unknown>(
  ...NUMBERS,
  ...TIMES,
  ...TEXTS,
  null,
  true,
  {},
  [],
  ['ann'],
  ['ann', '團隊'],
  ['ann', 'eve'],
  ['fact', null],
  [['fact']],
);

/** The hash that is right for what a row says now, as a forger would make it. */
function rechain(lines: Fields[]): void {
  let hash = CHAIN_START;
  const vault = lines.find(({ type }) => type === 'vault');
  for (const row of lines.filter(({ type }) => type === 'row')) {
    hash = hashRow(hash, String(row.vault_id), {
      ...(row as unknown as ChainRow),
      content: String(row.content),
    });
    row.hash = hash;
    if (vault) vault.head = { seq: row.seq, hash };
  }
}

function mutate(lines: Fields[], [no, name, inner]: [number, ...string[]], value: unknown): void {
  const line = lines[no] as Record<string, Fields>;
  if (inner === undefined) (line as Fields)[name as string] = value;
  else (line[name as string] as Fields)[inner] = value;
}

/** @returns why a file was refused, or undefined */
function imported(client: pg.Client, lines: Fields[]): Promise<string | undefined> {
  async function* numbered() {
    for (const [i, line] of lines.entries()) {
      yield { no: i + 1, text: formatLine(line as unknown as Line).trimEnd(), whole: true };
    }
  }
  return importVaults(client, numbered()).then(
    () => undefined,
    (error: Error) => error.message,
  );
}

const verified = (client: pg.Client) => withSnapshot(client, () => verifyWithin(client, {}));

const TABLES = ['vault_write_keys', 'vault_creation_keys', 'vault_entries', 'vault_writers', 'vaults'];
const COUNT = {
  name: 'count-all',
  text: `SELECT ${TABLES.map((table) => `(SELECT count(*) FROM ${table})`).join(' + ')} AS rows`,
};
/** @returns how many rows the target has, of whatever kind */
const countRows = async (client: pg.Client) => Number((await client.query(COUNT)).rows[0].rows);

const wipe = () => withoutTriggers(target.admin, TABLES.map((table) => `DELETE FROM ${table}`).join('; '));

/** A vault that was taken in can be written into. */
async function expectGoingOn(): Promise<void> {
  const { rows } = await target.admin.query('SELECT vault_id, work_session_id FROM vaults');
  const [{ vault_id, work_session_id }] = rows;
  const caller = { workSessionId: work_session_id, clientId: 'later' };
  const store = new TestStore(target.db, new VaultFeed());
  await store.override(caller, vault_id, { no: 1, text: 'after the move' });
  await store.setSummary(caller, vault_id, 'after the move');
}

test(`of ${CASES} exports with one changed field, import accepts exactly those that verify accepts`, async () => {
  const places = placesOf(genuine);
  const outcomes = { taken: 0, refused: 0 };
  const cases = fc.record({ place: fc.constantFrom(...places), value: other, forged: fc.boolean() });
  const check = (client: pg.Client) =>
    fc.asyncProperty(cases, async ({ place, value, forged }) => {
      const lines = structuredClone(genuine);
      mutate(lines, place, value);
      try {
        if (forged && lines[place[0]]?.type === 'row') rechain(lines);
      } catch {
        // What has no hash cannot be forged.
      }
      const refusal = await imported(client, lines);
      outcomes[refusal === undefined ? 'taken' : 'refused']++;
      const rows = await countRows(client);
      try {
        if (refusal === undefined) {
          expect(await verified(client)).toMatchObject({ vaults: 1, rows: 5, misfits: [] });
          await expectGoingOn();
        } else {
          expect(refusal).toMatch(/^(Line \d+: .+\.$|The file has no end)/s);
          expect(rows).toBe(0);
        }
      } finally {
        // Also after a failure, so that the smaller cases of the same kind begin with an empty server.
        if (rows > 0) await wipe();
      }
    });
  await withConnection(target.url, (client) =>
    fc.assert(check(client), { numRuns: CASES, seed: SEED, endOnFailure: true }),
  );
  expect(outcomes.taken).toBeGreaterThan(CASES / 50);
  expect(outcomes.refused).toBeGreaterThan(CASES / 2);
}, 600_000);

test.each([
  ['header', { exported_at: '2026-11-24T12:00:00.000001Z' }],
  ['row', { position: 'elsewhere' }],
  ['vault', { work_session_id: 'st-2' }],
  ['vault', { writer_list: [] }],
  ['vault', { creation_key: null }],
])('a %s with %j, which no chain covers, is accepted', async (type, change) => {
  const lines = genuine.map((line) => (line.type === type ? { ...line, ...change } : line));
  await withConnection(target.url, async (client) => {
    expect(await imported(client, lines)).toBeUndefined();
    expect(await verified(client)).toMatchObject({ vaults: 1, rows: 5, misfits: [] });
  });
  await expectGoingOn();
  await wipe();
});
