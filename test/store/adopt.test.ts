import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { expect, test } from 'vitest';
import { Database } from '../../src/db/client.ts';
import { migrate } from '../../src/db/migrate.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { CHAIN_START, hashRow } from '../../src/vault/proof/chain.ts';
import { silent, withClient, withEmptyDatabase, withMigratedDatabase } from '../support/database.ts';
import { refusalOf } from '../support/refusal.ts';
import { TestStore } from '../support/store.ts';
import { withoutTriggers } from '../support/tamper.ts';
import { contentsOf, exported, imported } from '../support/transfer.ts';
import { verifyOutput } from '../support/verify.ts';

const DUMP = await readFile('test/fixtures/relay-of-2026-05-29.sql', 'utf8');

const [ALICE, BOB, TEAM, DORA] = [
  '3f0e6f0a-6a0b-4b7e-9f0c-0d5b5a2f7c11',
  'c1a7d5de-2f7d-4a87-8b1e-5b1c9d6e4f22',
  '团队-mac',
  '9d2b7c4e-1111-4222-8333-444455556666',
];
const AUTH = 'v-0aZ19bYc8X';
const HOLES = 'v-9PzLr03NdE';
const first = (clientId: string) => ({ workSessionId: 'astation-7f3a', clientId });
const second = (clientId: string) => ({ workSessionId: 'astation-b0b0', clientId });

const WIRE = `seq::float8 AS seq, entry_no, version, kind, writer_id, content,
  to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at`;

interface Before {
  vault_id: string;
  work_session_id: string;
  summary: string;
  next_entry_no: number;
  history: { seq: number }[];
  current: object[];
}

/** Every vault as the other relay would have answered. */
const readBefore = (url: string): Promise<Before[]> =>
  withClient(url, async (client) => {
    const rows = async (sql: string, ...values: unknown[]) => (await client.query(sql, values)).rows;
    const before: Before[] = [];
    for (const vault of await rows('SELECT * FROM public.vaults ORDER BY created_at, vault_id')) {
      const from = 'FROM public.vault_entries WHERE vault_id = $1';
      before.push({
        ...vault,
        history: await rows(`SELECT ${WIRE} ${from} ORDER BY vault_entries.seq`, vault.vault_id),
        current: await rows(
          `SELECT DISTINCT ON (entry_no) ${WIRE} ${from} ORDER BY entry_no, version DESC`,
          vault.vault_id,
        ),
      });
    }
    return before;
  });

/** Runs work on a server that took over the other relay's tables. */
const withAdopted = (
  work: (store: TestStore, before: Before[], url: string) => Promise<void>,
  more = '',
): Promise<void> =>
  withEmptyDatabase(async (url) => {
    await withClient(url, (client) => client.query(DUMP + more));
    const before = await readBefore(url);
    await migrate(url);
    const db = new Database({ url, poolSize: 2, log: silent });
    try {
      await work(new TestStore(db, new VaultFeed()), before, url);
    } finally {
      await db.close();
    }
  });

test('every read answers as before', async () => {
  await withAdopted(async (store, before) => {
    expect(before.map(({ history }) => history.length)).toEqual([5, 0, 6, 2, 0]);
    for (const { vault_id: id, work_session_id: workSessionId, summary, history, current } of before) {
      const caller = { workSessionId, clientId: 'anybody' };
      expect(await store.read(caller, id)).toEqual(current);
      expect(await store.read(caller, id, { history: true })).toEqual(history);
      for (const { seq: since } of history) {
        const later = history.filter(({ seq }) => seq > since);
        expect(await store.read(caller, id, { history: true, since })).toEqual(later);
        expect(await store.read(caller, id, { since })).toEqual(
          (current as { seq: number }[]).filter(({ seq }) => seq > since),
        );
      }
      expect(await store.meta(caller, id)).toMatchObject({ summary, versions: history.length });
    }
    const listed = async (workSessionId: string) =>
      (await store.list({ workSessionId, clientId: 'anybody' })).vaults;
    for (const astation of ['astation-7f3a', 'astation-b0b0']) {
      expect(await listed(astation)).toEqual(
        before
          .filter(({ work_session_id }) => work_session_id === astation)
          .map(({ vault_id, summary }) => ({ vault_id, summary })),
      );
    }
    // Who wrote once, reads from another work session; who did not, does not.
    expect(await store.read(second(TEAM ?? ''), HOLES)).toHaveLength(4);
    expect(await refusalOf(store.read(second(BOB ?? ''), HOLES))).toContain('FORBIDDEN');
  });
});

test('every row is in the chain, the summary as the row after the existing ones', async () => {
  await withAdopted(async (store, before) => {
    for (const { vault_id: id, work_session_id: workSessionId, summary, history } of before) {
      const caller = { workSessionId, clientId: 'anybody' };
      const all = await store.read(caller, id, { history: true, kind: 'all' });
      expect(all.slice(0, -1)).toEqual(history);
      expect(all.at(-1)).toMatchObject({ entry_no: 0, version: 1, kind: 'summary', content: summary });
      const { rows, head } = await store.proof(caller, id, { limit: 1000 });
      let hash = CHAIN_START;
      for (const [i, row] of rows.entries()) {
        hash = hashRow(hash, id, {
          ...row,
          author: null,
          to: null,
          salt: null,
          content: all[i]?.content ?? '',
        });
        expect(row.hash).toBe(hash);
      }
      expect(head).toEqual({ seq: all.at(-1)?.seq, hash });
    }
  });
});

/** The lines of `vault-relay verify`. */
const verified = async (url: string): Promise<string[]> => (await verifyOutput(url)).trimEnd().split('\n');

const tamper = async (url: string, sql: string): Promise<void> => {
  const admin = new pg.Pool({ connectionString: url, max: 1 });
  await withoutTriggers(admin, sql).finally(() => admin.end());
};

test('every chain is valid despite skipped numbers, and a changed row is detected', async () => {
  await withAdopted(async (store, _, url) => {
    expect(await verified(url)).toEqual(['5 vaults, 18 rows verified']);
    const ann = first(ALICE ?? '');
    await store.append(ann, HOLES, 'appended');
    await store.override(ann, AUTH, { no: 1, text: 'better' });
    expect(await verified(url)).toEqual(['5 vaults, 20 rows verified']);
    await tamper(url, `UPDATE vault_entries SET version = 9 WHERE vault_id = '${AUTH}' AND version = 5`);
    expect(await verified(url)).toEqual([
      `${AUTH} seq 25 e1 v9: it is version 9, but the version before it is 4`,
      expect.stringMatching(/NOT OK: 1$/),
    ]);
    await tamper(url, `UPDATE vault_entries SET content = 'edited' WHERE seq = 10`);
    expect((await verified(url))[1]).toMatch(new RegExp(`^${HOLES} seq 10 e5 v1: its hash is `));
  });
});

const SUMMARIES = `
  INSERT INTO public.vaults VALUES
    ('v-same', 'kept', 'st', 'a', '2026-07-01', '{a}', 2), ('v-other', 'newest', 'st', 'a', '2026-07-02', '{a}', 1);
  INSERT INTO public.vault_entries VALUES
    (101, 'v-same', 0, 1, 'summary', 'a', 'first', '2026-07-01'), (102, 'v-same', 1, 2, 'content', 'a', 'two', '2026-07-01'),
    (103, 'v-same', 1, 1, 'content', 'a', 'one', '2026-07-01'), (104, 'v-same', 0, 2, 'summary', 'b', 'kept', '2026-07-01'),
    (105, 'v-other', 0, 1, 'summary', 'a', 'older', '2026-07-02');
  SELECT setval('public.vault_entries_seq_seq', 105)`;

test('existing summary rows stay unchanged, and the last one is the summary of the vault', async () => {
  const a = { workSessionId: 'st', clientId: 'a' };
  await withAdopted(async (store) => {
    const summariesOf = async (id: string) =>
      (await store.read(a, id, { history: true, kind: 'summary' })).map(({ version, content }) => [
        version,
        content,
      ]);
    expect(await summariesOf('v-same')).toEqual([
      [1, 'first'],
      [2, 'kept'],
    ]);
    expect(await summariesOf('v-other')).toEqual([
      [1, 'older'],
      [2, 'newest'],
    ]);
    for (const id of ['v-same', 'v-other']) {
      expect((await store.meta(a, id)).summary_version).toBe(2);
      await store.setSummary(a, id, 'decided', { expected: 2 });
    }
  }, SUMMARIES);
});

test('writing continues with the existing numbers, versions and gaps', async () => {
  await withAdopted(async (store, before) => {
    const ann = first(ALICE ?? '');
    const append = async (id: string) => store.append(ann, id, 'appended');
    expect(await append(AUTH)).toMatchObject({ entry_no: 4, version: 1 });
    expect(await append(HOLES)).toMatchObject({ entry_no: 8, version: 1 });
    expect(await append('v-4kQmT7rWs2')).toMatchObject({ entry_no: 1, version: 1 });
    for (const no of [3, 4, 6, 9]) {
      expect(await refusalOf(store.override(ann, HOLES, { no, text: 'into a hole' }))).toBe(
        `NOT_FOUND: Vault ${HOLES} has no entry ${no}.`,
      );
    }
    expect(await store.override(ann, HOLES, { no: 1, text: 'better' })).toMatchObject({ version: 4 });
    expect(await store.override(ann, AUTH, { no: 1, text: 'better', expected: 4 })).toMatchObject({
      version: 5,
    });
    await store.setSummary(ann, AUTH, 'decided', { expected: 1 });
    expect(await store.meta(ann, AUTH)).toMatchObject({ summary: 'decided', summary_version: 2 });
    const highest = Math.max(...before.flatMap(({ history }) => history.map(({ seq }) => seq)));
    const written = await store.append(second(DORA ?? ''), 'v-empty0Lst1', 'first');
    expect(written.seq).toBeGreaterThan(highest);
    expect(await refusalOf(append('v-Bb77HhQq01'))).toContain('FORBIDDEN');
  });
});

test('an adopted vault can move to another server', async () => {
  await withAdopted(async (_, __, url) => {
    const file = await exported(url);
    await withMigratedDatabase(async (target) => {
      expect(await imported(target, file)).toMatchObject({ vaults: 5, rows: 18 });
      expect(await contentsOf(target)).toBe(await contentsOf(url));
    });
  });
});
