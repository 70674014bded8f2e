import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import type pg from 'pg';
import { describe, expect, test } from 'vitest';
import { Database } from '../../src/db/client.ts';
import { migrate } from '../../src/db/migrate.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { silent, withClient, withEmptyDatabase, withMigratedDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';
import { contentsOf, exported, imported } from '../support/transfer.ts';
import { verify } from '../support/verify.ts';
import { upTo } from '../support/ways.ts';

const DUMP = await readFile('test/fixtures/relay-of-2026-05-29.sql', 'utf8');
/** The tables of the fixture, without its rows. */
const SCHEMA = DUMP.replace(/^INSERT INTO [\s\S]*?\);$/gm, '');

const CLIENTS = ['ann', '团队-mac', 'bob'];
const INT_MAX = 2_147_483_647;

/** What the other server's calls come to in its tables. */
type Step =
  | { call: 'append'; by: number; text: string }
  /** It takes any number, whether that was written or not. */
  | { call: 'override'; by: number; no: number; text: string }
  | { call: 'summary'; text: string }
  /** A client that seals its texts writes rows again: they get new seqs, in whatever order. */
  | { call: 'rewrite'; nos: number[] };

/** By the id of a vault, what was called on it. */
type Histories = Map<string, Step[]>;

const by = fc.nat({ max: CLIENTS.length - 1 });
const text = fc.constantFrom('', 'a', 'made', '說明 🎉');
const no = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 6 }) },
  { weight: 1, arbitrary: fc.constantFrom(-7, -1, 40, 1500, 6001) },
  { weight: 1, arbitrary: fc.constantFrom(999_999, 1_000_000, 1_000_001, INT_MAX - 1, INT_MAX) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ call: fc.constant('append'), by, text }) },
  { weight: 4, arbitrary: fc.record({ call: fc.constant('override'), by, no, text }) },
  { weight: 1, arbitrary: fc.record({ call: fc.constant('summary'), text }) },
  {
    weight: 1,
    arbitrary: fc.record({ call: fc.constant('rewrite'), nos: fc.uniqueArray(no, { maxLength: 3 }) }),
  },
);
const histories: fc.Arbitrary<Histories> = fc
  .array(fc.array(step, { maxLength: 12 }), { minLength: 12, maxLength: 16 })
  .map((all) => new Map(all.map((steps, i) => [`v-${i}`, steps])));

/** Does what the other server does, each call in a transaction. */
async function carryOut(client: pg.Client, id: string, one: Step): Promise<void> {
  const insert = (entryNo: number, version: number, who: string, content: string) =>
    client.query(
      `INSERT INTO public.vault_entries (vault_id, entry_no, version, kind, writer_id, content)
       VALUES ($1, $2, $3, 'content', $4, $5)`,
      [id, entryNo, version, who, content],
    );
  const join = (who: string) =>
    client.query(
      `UPDATE public.vaults SET writer_list = writer_list || $2::text WHERE vault_id = $1 AND $2 <> ALL (writer_list)`,
      [id, who],
    );
  await client.query('BEGIN');
  try {
    if (one.call === 'append') {
      const { rows } = await client.query(
        'UPDATE public.vaults SET next_entry_no = next_entry_no + 1 WHERE vault_id = $1 RETURNING next_entry_no - 1 AS no',
        [id],
      );
      await insert(rows[0].no, 1, CLIENTS[one.by] ?? '', one.text);
      await join(CLIENTS[one.by] ?? '');
    } else if (one.call === 'override') {
      const { rows } = await client.query(
        `SELECT coalesce(max(version), 0) + 1 AS version FROM public.vault_entries WHERE vault_id = $1 AND entry_no = $2`,
        [id, one.no],
      );
      await insert(one.no, rows[0].version, CLIENTS[one.by] ?? '', one.text);
      await join(CLIENTS[one.by] ?? '');
    } else if (one.call === 'summary') {
      await client.query('UPDATE public.vaults SET summary = $2 WHERE vault_id = $1', [id, one.text]);
    } else {
      await client.query(
        `UPDATE public.vault_entries AS e SET content = 'again: ' || content, seq = turned.seq
         FROM (SELECT seq AS old, nextval('public.vault_entries_seq_seq') AS seq FROM (
           SELECT seq FROM public.vault_entries WHERE vault_id = $1 AND entry_no = ANY ($2) ORDER BY version DESC
         ) AS turned) AS turned WHERE e.seq = turned.old`,
        [id, one.nos],
      );
    }
    await client.query('COMMIT');
  } catch {
    // The number is taken: the other server answers 500, and its counter stays.
    await client.query('ROLLBACK');
  }
}

const WIRE = `seq::float8 AS seq, entry_no, version, kind, writer_id, content,
  to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at`;

interface Rows {
  history: { seq: number; entry_no: number }[];
  /** By `since`. */
  current: Map<number, object[]>;
}

/** What the other server answers. */
async function readBefore(client: pg.Client, vaultId: string): Promise<Rows> {
  const from = 'FROM public.vault_entries WHERE vault_id = $1 AND vault_entries.seq > $2';
  const history = await client.query(`SELECT ${WIRE} ${from} ORDER BY vault_entries.seq`, [vaultId, 0]);
  const current = new Map<number, object[]>();
  const moments = history.rows.map(({ seq }) => seq).filter((_, n) => n % 4 === 1);
  for (const since of [0, ...moments]) {
    const { rows } = await client.query(
      `SELECT DISTINCT ON (entry_no) ${WIRE} ${from} ORDER BY entry_no, version DESC`,
      [vaultId, since],
    );
    current.set(since, rows);
  }
  return { history: history.rows, current };
}

async function withStore<T>(url: string, work: (store: TestStore) => Promise<T>): Promise<T> {
  const db = new Database({ url, poolSize: 2, log: silent });
  return work(new TestStore(db, new VaultFeed())).finally(() => db.close());
}

const inside = { workSessionId: 'astation-1', clientId: 'anybody' };

/** Pages joined are the whole. */
async function readByPages(store: TestStore, vaultId: string, history: boolean): Promise<object[]> {
  const entries: object[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.readPage(inside, vaultId, { history, limit: 2, ...(cursor && { cursor }) });
    entries.push(...page.entries);
    cursor = page.nextCursor ?? undefined;
  } while (cursor);
  return entries;
}

async function expectAsBefore(store: TestStore, vaultId: string, before: Rows): Promise<void> {
  const { history, current } = before;
  expect(await store.read(inside, vaultId, { history: true })).toEqual(history);
  expect(await readByPages(store, vaultId, true)).toEqual(history);
  expect(await readByPages(store, vaultId, false)).toEqual(current.get(0));
  for (const [since, rows] of current) {
    expect(await store.read(inside, vaultId, { since })).toEqual(rows);
    expect(await store.read(inside, vaultId, { since, history: true })).toEqual(
      history.filter(({ seq }) => seq > since),
    );
  }
  const entries = new Set(history.map(({ entry_no }) => entry_no)).size;
  expect(await store.meta(inside, vaultId)).toMatchObject({ entries, versions: history.length });
  const listed = await store.list(inside, { details: true });
  expect(listed.vaults.find(({ vault_id }) => vault_id === vaultId)).toMatchObject({ entries });
}

/** Appends go on with numbers that nobody has, and overrides find every entry that may be overridden. */
async function expectWritable(store: TestStore, vaultId: string, { history }: Rows): Promise<void> {
  const taken = new Set(history.map(({ entry_no }) => entry_no));
  for (const n of upTo(4)) {
    const { entry_no, version } = await store.append(inside, vaultId, `appended ${n}`);
    expect(taken.has(entry_no)).toBe(false);
    expect(version).toBe(1);
    taken.add(entry_no);
  }
  const highest = Math.max(0, ...[...taken].filter((one) => one <= 1_000_000));
  expect((await store.append(inside, vaultId, 'behind all')).entry_no).toBeGreaterThan(highest);
  for (const entry of [...taken].filter((one) => one > 0)) {
    expect(await store.override(inside, vaultId, { no: entry, text: 'overridden' })).toMatchObject({
      entry_no: entry,
    });
  }
  const shown = (await store.read(inside, vaultId)).map(({ entry_no }) => entry_no);
  expect(shown.filter((one) => one > 0)).toEqual(
    [...new Set([...taken, ...shown])].filter((one) => one > 0).toSorted((a, b) => a - b),
  );
  await store.setSummary(inside, vaultId, 'decided');
  expect((await store.meta(inside, vaultId)).summary).toBe('decided');
}

/** Takes over what histories left, and moves it on to another server. */
async function adopt(all: Histories): Promise<void> {
  await withEmptyDatabase(async (url) => {
    const before = new Map<string, Rows>();
    await withClient(url, async (client) => {
      await client.query(SCHEMA);
      for (const [id, steps] of all) {
        await client.query(
          `INSERT INTO public.vaults (vault_id, summary, work_session_id, created_by) VALUES ($1, 'made', 'astation-1', 'ann')`,
          [id],
        );
        for (const one of steps) await carryOut(client, id, one);
        before.set(id, await readBefore(client, id));
      }
    });
    await migrate(url);
    expect((await verify(url)).misfits).toEqual([]);
    await withStore(url, async (store) => {
      for (const [id, rows] of before) await expectAsBefore(store, id, rows);
    });
    await withMigratedDatabase(async (target) => {
      expect(await imported(target, await exported(url))).toMatchObject({ vaults: all.size });
      expect(await contentsOf(target)).toBe(await contentsOf(url));
      expect((await verify(target)).misfits).toEqual([]);
    });
    await withStore(url, async (store) => {
      for (const [id, rows] of before) await expectWritable(store, id, rows);
    });
    expect((await verify(url)).misfits).toEqual([]);
  });
}

const override = (no: number, content = 'ghost'): Step => ({ call: 'override', by: 0, no, text: content });
const append: Step = { call: 'append', by: 1, text: 'appended' };

const CASES: Histories = new Map(
  Object.entries({
    'an entry that was overridden and never written': [append, override(3), append],
    'an entry that the counter has met': [append, override(2), append, append],
    'an entry 0 of content': [append, override(0), override(0)],
    'an entry 0 of content that says what the summary says': [override(0, 'made')],
    'nothing but an entry 0': [override(0, 'other')],
    'entries below 0': [append, override(-7), override(-1), override(0)],
    'entries far beyond the counter': [append, override(INT_MAX), override(INT_MAX - 1), override(1_000_001)],
    'entries far apart': [1, 6001, 12_001, 999_999].map((entry) => override(entry)),
    'versions in another order': [append, override(1), override(1), { call: 'rewrite', nos: [1] }],
    'nothing at all': [],
  } satisfies Record<string, Step[]>),
);

describe('E2: vaults of the other relay server are adopted', () => {
  // One adoption takes over many vaults, each with a history of its own.
  test(`with ${[...CASES.keys()].join('; with ')}; and whatever else was called on them`, async () => {
    const property = fc.asyncProperty(histories, (random) => adopt(new Map([...CASES, ...random])));
    await fc.assert(property, { numRuns: 1 });
  });
});
