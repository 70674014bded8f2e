import { beforeAll, describe, expect, test } from 'vitest';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import type { ReadOptions } from '../../src/vault/read/page.ts';
import type { VaultEntry, VaultListItem } from '../../src/vault/schema.ts';
import { useDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';
import { upTo } from '../support/ways.ts';

const database = useDatabase();
let store: TestStore;
beforeAll(() => {
  store = new TestStore(database.db, new VaultFeed());
});

const ann = { workSessionId: 'st-1', clientId: 'ann' };
const WRITERS = upTo(4).map((n) => ({ workSessionId: 'st-1', clientId: `writer-${n}` }));

const VIEWS: ReadOptions[] = [
  ...[{}, { history: true }, { since: 1 }, { since: 1, history: true }].flatMap((view) =>
    (['content', 'summary', 'all'] as const).map((kind) => ({ ...view, kind })),
  ),
  { entry_id: 2, history: true },
];

/** One write of a writer: mostly overrides of the first five entries, some appends and summaries. */
const write = (writer: (typeof WRITERS)[number], vaultId: string, n: number) => {
  const text = `${writer.clientId}, ${n}`;
  if (n % 4 === 0) return store.append(writer, vaultId, text);
  if (n % 7 === 0) return store.setSummary(writer, vaultId, text);
  return store.override(writer, vaultId, { no: (n % 5) + 1, text });
};

/** A vault with 25 entries, some of several versions. @returns it and its rows in the order of the commits */
async function fillVault() {
  const { vault_id: vaultId } = await store.create(ann, 'paged');
  for (const n of upTo(25)) await store.append(ann, vaultId, `entry ${n}`);
  for (const n of upTo(15)) await write(ann, vaultId, n);
  return { vaultId, rows: await store.read(ann, vaultId, { history: true, kind: 'all' }) };
}

/** A vault that the tests below only read. */
let filled: Awaited<ReturnType<typeof fillVault>>;
beforeAll(async () => {
  filled = await fillVault();
});

/** Reads a page, does something, reads the next, and so on. */
async function readPages(
  vaultId: string,
  options: ReadOptions,
  between: () => Promise<unknown> = async () => undefined,
): Promise<{ entries: VaultEntry[]; heads: number[] }> {
  const entries: VaultEntry[] = [];
  const heads: number[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await store.readPage(ann, vaultId, { ...options, cursor });
    entries.push(...page.entries);
    heads.push(page.head);
    if (page.nextCursor === null) return { entries, heads };
    expect(page.entries).toHaveLength(options.limit ?? 0);
    cursor = page.nextCursor;
    await between();
  }
}

describe.each(VIEWS)('pages of %o', (view) => {
  test.each([1, 2, 7, 24, 28, 29, 1000])('of %d joined are the whole', async (limit) => {
    const { vaultId } = filled;
    const whole = await store.readPage(ann, vaultId, view);
    const { entries, heads } = await readPages(vaultId, { ...view, limit });
    expect(entries).toEqual(whole.entries);
    expect(new Set(heads)).toEqual(new Set([whole.head]));
    expect(heads).toHaveLength(Math.max(1, Math.ceil(entries.length / limit)));
  });

  test('show the view of the first page while four writers write', async () => {
    const { vaultId } = await fillVault();
    const before = await store.readPage(ann, vaultId, view);
    let n = 0;
    const writeOn = () => Promise.all(WRITERS.map((writer) => write(writer, vaultId, ++n)));
    const { entries, heads } = await readPages(vaultId, { ...view, limit: 3 }, writeOn);
    expect(entries).toEqual(before.entries);
    expect(new Set(heads)).toEqual(new Set([before.head]));
    // The head of the pages is where a follower goes on, and so nothing is missed.
    await writeOn();
    const rest = await store.read(ann, vaultId, { since: before.head, history: true, kind: 'all' });
    const all = await store.read(ann, vaultId, { history: true, kind: 'all' });
    expect(rest).toEqual(all.filter(({ seq }) => seq > before.head));
  });
});

/** What a view must be, from the rows as they were recorded. */
function viewOf(
  rows: VaultEntry[],
  { history, kind = 'content', entry_id, since = 0 }: ReadOptions,
): VaultEntry[] {
  const isTop = (row: VaultEntry) =>
    rows.every((other) => other.entry_no !== row.entry_no || other.version <= row.version);
  return (history ? rows : rows.filter(isTop).toSorted((a, b) => a.entry_no - b.entry_no)).filter(
    (row) =>
      (kind === 'all' || row.kind === kind) &&
      (entry_id === undefined || row.entry_no === entry_id) &&
      row.seq > since,
  );
}

test('as_of is the view of that moment, for every seq, before, between and after the rows', async () => {
  const { vaultId, rows } = filled;
  const seqs = rows.flatMap(({ seq }) => [seq - 1, seq]);
  for (const asOf of [0, ...seqs, (rows.at(-1)?.seq ?? 0) + 1, Number.MAX_SAFE_INTEGER]) {
    const then = rows.filter(({ seq }) => seq <= asOf);
    for (const view of VIEWS) {
      const page = await store.readPage(ann, vaultId, { ...view, as_of: asOf });
      expect(page.entries).toEqual(viewOf(then, view));
      expect(page.head).toBe(then.at(-1)?.seq ?? 0);
    }
  }
});

test('as_of returns the earlier view: each recorded view is the same at the end', async () => {
  const { vault_id: vaultId } = await store.create(ann, 'recorded');
  const recorded: { asOf: number; view: ReadOptions; page: unknown }[] = [];
  for (const n of upTo(14)) {
    await write(ann, vaultId, n <= 5 ? 4 : n);
    for (const view of VIEWS) {
      const page = await store.readPage(ann, vaultId, view);
      recorded.push({ asOf: page.head, view, page });
    }
  }
  for (const { asOf, view, page } of recorded) {
    expect(await store.readPage(ann, vaultId, { ...view, as_of: asOf })).toEqual(page);
    const paged = await readPages(vaultId, { ...view, as_of: asOf, limit: 2 });
    expect(paged.entries).toEqual((page as { entries: VaultEntry[] }).entries);
  }
});

test.each([{ history: true, kind: 'all' as const }, { history: true }])(
  'a follower that resumes from the head gets every row once, in order, while four write: %o',
  async (view) => {
    const { vault_id: vaultId } = await store.create(ann, 'followed');
    for (const n of upTo(5)) await store.append(ann, vaultId, `entry ${n}`);
    let writing = true;
    const written = Promise.all(
      WRITERS.map(async (writer) => {
        for (const n of upTo(60)) await write(writer, vaultId, n);
      }),
    ).finally(() => {
      writing = false;
    });
    const seen: VaultEntry[] = [];
    let polls = 0;
    let since = 0;
    for (let last = false; !last; ) {
      last = !writing;
      const page = await store.readPage(ann, vaultId, { ...view, since });
      expect(page.head).toBeGreaterThanOrEqual(Math.max(since, ...page.entries.map(({ seq }) => seq)));
      seen.push(...page.entries);
      if (page.entries.length > 0) polls++;
      since = page.head;
    }
    await written;
    expect(seen).toEqual(await store.read(ann, vaultId, view));
    // Reading in one go at the end would prove nothing.
    expect(polls).toBeGreaterThan(10);
  },
);

describe('the list of vaults', () => {
  const lister = { workSessionId: 'st-listed', clientId: 'lister' };
  const guest = { workSessionId: 'st-guest', clientId: 'lister' };

  async function listPages(
    limit: number,
    between: () => Promise<unknown> = async () => undefined,
    reader = guest,
  ) {
    const vaults: VaultListItem[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await store.list(reader, { details: true, limit, cursor });
      vaults.push(...page.vaults);
      if (page.nextCursor === null) return vaults;
      expect(page.vaults).toHaveLength(limit);
      cursor = page.nextCursor;
      await between();
    }
  }

  test('pages give the whole list, own vaults and others, also when all were created at the same time', async () => {
    for (const n of upTo(12)) {
      const { vault_id: vaultId } = await store.create(n % 2 ? lister : guest, `vault ${n}`);
      if (n % 3) await store.append(n % 2 ? lister : guest, vaultId, 'x');
    }
    const { vaults: whole } = await store.list(guest, { details: true });
    expect(whole).toHaveLength(6 + 4);
    for (const limit of [1, 3, 9, 10, 11]) expect(await listPages(limit)).toEqual(whole);
    await database.admin.query(`UPDATE vaults SET created_at = now() WHERE created_by = 'lister'`);
    const { vaults: sameMoment } = await store.list(guest, { details: true });
    expect(sameMoment.map(({ vault_id }) => vault_id)).toEqual(
      whole.map(({ vault_id }) => vault_id).toSorted(),
    );
    for (const limit of [1, 3]) expect(await listPages(limit)).toEqual(sameMoment);
  });

  test('misses and repeats no existing vault while others are created', async () => {
    const owner = { workSessionId: 'st-growing', clientId: 'owner' };
    for (const n of upTo(10)) await store.create(owner, `vault ${n}`);
    const before = (await store.list(owner)).vaults.map(({ vault_id }) => vault_id);
    const made: string[] = [];
    const listed = (
      await listPages(
        2,
        async () => {
          if (made.length < 5) made.push((await store.create(owner, 'made meanwhile')).vault_id);
        },
        owner,
      )
    ).map(({ vault_id }) => vault_id);
    expect(made).toHaveLength(5);
    expect(listed).toEqual([...before, ...made]);
  });
});
