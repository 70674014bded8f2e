import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import type { Caller } from '../../src/access/policy.ts';
import { fold } from '../../src/fold.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { readSearchCursor } from '../../src/vault/search/cursor.ts';
import { IndexBuilder } from '../../src/vault/search/index/builder-store.ts';
import { parseQuery } from '../../src/vault/search/query.ts';
import type { SearchHit } from '../../src/vault/search/schema.ts';
import type { Wanted } from '../../src/vault/search/wanted.ts';
import { useDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';
import { withoutTriggers } from '../support/tamper.ts';

/** `SEARCH_RUNS=1000` for a long run. */
const RUNS = Number(process.env.SEARCH_RUNS ?? 12);

const database = useDatabase();
/** Two servers, which build the index of one database in small segments. */
let servers: { store: TestStore; builder: IndexBuilder }[];
beforeAll(() => {
  const sizes = { rows: 4, bytes: 200, merged: 3 };
  servers = [0, 1].map(() => ({
    store: new TestStore(database.db, new VaultFeed()),
    builder: new IndexBuilder(database.db, sizes),
  }));
});

interface Row {
  vault: string;
  entry: number;
  version: number;
  seq: number;
  kind: 'content' | 'summary';
  writer: string;
  tags: string[];
  text: string;
}

const letters = fc.constantFrom(...'aAbBeE ß ς Σ \u0301 é 中数据库 𐐀𐐨🚀 한국 İı "%_\\');
const text = fc.string({ unit: letters, maxLength: 24 });
const writer = fc.constantFrom('ann', 'bob');
const tag = fc.constantFrom('plan', 'auth');
const index = fc.nat(9);
const command = fc.oneof(
  { weight: 1, arbitrary: fc.record({ is: fc.constant('create' as const), text, writer }) },
  {
    weight: 8,
    arbitrary: fc.record({
      is: fc.constant('append' as const),
      text,
      writer,
      tag,
      index,
      times: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ is: fc.constant('override' as const), text, writer, index }) },
  { weight: 2, arbitrary: fc.record({ is: fc.constant('summary' as const), text, writer, index }) },
  { weight: 6, arbitrary: fc.record({ is: fc.constant('build' as const), both: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('reindex' as const) }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('erase' as const), index }) },
  {
    weight: 6,
    arbitrary: fc.record({
      is: fc.constant('find' as const),
      q: fc.string({ unit: letters, minLength: 0, maxLength: 5 }),
      history: fc.boolean(),
      writer: fc.option(writer, { nil: undefined }),
      tag: fc.option(tag, { nil: undefined }),
      index: fc.option(index, { nil: undefined }),
      limited: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
      during: fc.boolean(),
    }),
  },
);

let sessions = 0;

/** Whether a text has all words of a query, and all phrases in their case: written apart from the server's search. */
function fits(text: string, q: string): boolean {
  // Every second part stands between quotes.
  return q.split('"').every((part, n) => {
    if (n % 2 === 0) return part.split(/\s+/u).every((word) => fold(text).includes(fold(word)));
    return text.normalize('NFC').includes(part.normalize('NFC')) && fold(text).includes(fold(part));
  });
}

/** The model: rows in the order of their writes, in one work session. */
class Model {
  readonly workSessionId = `st-${++sessions}`;
  readonly rows: Row[] = [];
  readonly vaults: string[] = [];
  as = (clientId: string): Caller => ({ workSessionId: this.workSessionId, clientId });
  vault = (n: number) => this.vaults[n % this.vaults.length] ?? '';

  find(
    q: string,
    { history, writer: by, tag: tagged, vault }: Partial<Wanted>,
    vaults = this.vaults,
  ): string[] {
    const isCurrent = (row: Row) =>
      !this.rows.some((o) => o.vault === row.vault && o.entry === row.entry && o.version > row.version);
    return this.rows
      .filter(
        (row) =>
          fits(row.text, q) &&
          (history || isCurrent(row)) &&
          (by === undefined || row.writer === by) &&
          (tagged === undefined || row.tags.includes(tagged)) &&
          (vault === undefined || row.vault === vault) &&
          vaults.includes(row.vault),
      )
      .map(({ vault: id, entry, version, seq }) => `${id} ${entry}.${version} ${seq}`);
  }
}

const shown = ({ vault_id, entry_no, version, seq }: SearchHit) =>
  `${vault_id} ${entry_no}.${version} ${seq}`;

async function findAll(store: TestStore, caller: Caller, wanted: Wanted): Promise<SearchHit[]> {
  const hits: SearchHit[] = [];
  for (let cursor: Wanted['cursor']; ; ) {
    const page = await store.search.find(caller, { ...wanted, cursor });
    hits.push(...page.hits);
    if (page.next === null) return hits;
    cursor = readSearchCursor(page.next);
  }
}

const buildAll = async (builder: IndexBuilder, workSessionId: string) => {
  while ((await builder.step(workSessionId)).more);
};

test('the index: every search finds what the model finds, with writes, erasures and rebuilding in between', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 30, maxLength: 60 }), async (commands) => {
      const model = new Model();
      let turn = 0;
      for (const one of [{ is: 'create' as const, text: 'first', writer: 'ann' }, ...commands]) {
        const { store, builder } = servers[turn++ % 2] as (typeof servers)[number];
        if (one.is === 'create') {
          const { vault_id: vault } = await store.create(model.as(one.writer), one.text);
          model.vaults.push(vault);
          model.rows.push({ vault, entry: 0, version: 1, seq: 1, kind: 'summary', tags: [], ...one });
        } else if (one.is === 'append') {
          const vault = model.vault(one.index);
          const append = async () => {
            const [caller, tags] = [model.as(one.writer), [one.tag]];
            const { entry_no: entry, version, seq } = await store.append(caller, vault, one.text, { tags });
            model.rows.push({
              vault,
              entry,
              version,
              seq,
              kind: 'content',
              tags,
              writer: one.writer,
              text: one.text,
            });
          };
          await Promise.all(Array.from({ length: one.times }, append));
        } else if (one.is === 'override') {
          const before = model.rows.filter(({ kind }) => kind === 'content')[one.index];
          if (!before) continue;
          const write = { no: before.entry, text: one.text };
          const { version, seq } = await store.override(model.as(one.writer), before.vault, write);
          model.rows.push({ ...before, version, seq, writer: one.writer, text: one.text });
        } else if (one.is === 'summary') {
          const vault = model.vault(one.index);
          await store.setSummary(model.as(one.writer), vault, one.text);
          const head = await store.meta(model.as('ann'), vault);
          model.rows.push({
            vault,
            entry: 0,
            version: head.summary_version,
            seq: head.head,
            kind: 'summary',
            tags: [],
            writer: one.writer,
            text: one.text,
          });
        } else if (one.is === 'build') {
          const builders = one.both ? servers.map((server) => server.builder) : [builder];
          await Promise.all(builders.map((each) => buildAll(each, model.workSessionId)));
        } else if (one.is === 'reindex') {
          await database.admin.query('SELECT drop_search_index($1)', [model.workSessionId]);
        } else if (one.is === 'erase') {
          const row = model.rows[one.index];
          if (!row || row.kind === 'summary') continue;
          row.text = '';
          const at = `'${row.vault}', ${row.seq}`;
          await withoutTriggers(
            database.admin,
            `UPDATE vault_entries SET content = '' WHERE (vault_id, seq) = (${at}); SELECT forget_search_row(${at})`,
          );
        } else {
          const { q, history, writer: by, tag: tagged, limited, during } = one;
          // A key that is limited to the first vaults.
          const vaults = limited === undefined ? undefined : model.vaults.slice(0, limited);
          const vault = one.index === undefined ? undefined : model.vault(one.index);
          const filters = { history, writer: by, tag: tagged, vault };
          const building = during ? buildAll(builder, model.workSessionId) : undefined;
          const wanted: Wanted = { ...filters, needles: parseQuery(q), order: 'newest', limit: 3 };
          const hits = await findAll(store, { ...model.as('ann'), ...(vaults && { vaults }) }, wanted);
          await building;
          expect(hits.map(shown).toSorted()).toEqual(model.find(q, filters, vaults).toSorted());
          const times = hits.map(({ created_at }) => created_at);
          expect(times).toEqual(times.toSorted().toReversed());
        }
      }
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
});
