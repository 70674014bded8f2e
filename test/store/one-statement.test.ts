import { createHash, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { WRITE } from '../../src/vault/write/batch-store.ts';
import { useDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';
import { verify } from '../support/verify.ts';

const database = useDatabase();

const WORK_SESSION = 'st-1';
const INSIDE = ['ann', 'bob'];
/** The second has written into the vaults before, from inside; the third may do so within the statement. */
const OUTSIDE = ['eve', 'ann', 'bob'];

interface Step {
  vault: 0 | 1;
  op: 'append' | 'override' | 'summary';
  entry: number;
  text: string;
  tags: string[] | null;
  expected: number | null;
  key: string | null;
  who: { workSession: string; client: string };
}

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { freq: 3 });

/** Few entries, versions, keys and texts, so that steps meet what earlier ones left. */
const step: fc.Arbitrary<Step> = fc.record({
  vault: fc.constantFrom(0, 1),
  op: fc.constantFrom('append', 'override', 'override', 'summary'),
  entry: fc.integer({ min: -1, max: 4 }),
  text: fc.constantFrom('', 'a', '說明', '🦀:5,'),
  tags: maybe(fc.subarray(['plan', '團隊'])),
  expected: maybe(fc.integer({ min: 0, max: 4 })),
  key: maybe(fc.constantFrom('k1', 'k2')),
  who: fc.oneof(
    {
      weight: 9,
      arbitrary: fc.record({ workSession: fc.constant(WORK_SESSION), client: fc.constantFrom(...INSIDE) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ workSession: fc.constant('st-2'), client: fc.constantFrom(...OUTSIDE) }),
    },
  ),
});

/** Steps of which some do again what one before them did, under the same key if it had one. */
const manySteps: fc.Arbitrary<Step[]> = fc
  .array(fc.tuple(step, maybe(fc.nat())), { minLength: 1, maxLength: 40, size: 'max' })
  .map((drawn) =>
    drawn.map(([fresh, again], i) => (again === null || i === 0 ? fresh : (drawn[again % i]?.[0] ?? fresh))),
  );

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');

/** A step as `write_to_vaults` takes it. */
const toWrite = (
  { vault, op, entry, text, tags, expected, key, who }: Step,
  place: number,
  vaults: string[],
) => ({
  place,
  op,
  vault_id: vaults[vault],
  work_session_id: who.workSession,
  client_id: who.client,
  reads_as: who.client,
  ...(op === 'override' && { entry_no: entry }),
  text,
  ...(tags && op !== 'summary' && { tags }),
  ...(expected !== null && op !== 'append' && { expected }),
  ...(key !== null && { key, request_hash: hashOf(JSON.stringify([op, entry, text, tags, expected])) }),
  request_id: `r${place}`,
});

interface Outcome {
  place: number;
  outcome: string;
  entry_no: number | null;
  version: number | null;
  seq: bigint | null;
  current: { version: number; content: string; writer_id: string; created_at: string; seq: number } | null;
}

async function makeVaults(): Promise<string[]> {
  const store = new TestStore(database.db, new VaultFeed());
  const [ann, bob] = INSIDE.map((clientId) => ({ workSessionId: WORK_SESSION, clientId }));
  if (!ann || !bob) throw new Error('Two callers were expected');
  const ids = [await store.create(ann, 'made'), await store.create(bob, 'made')].map(
    ({ vault_id }) => vault_id,
  );
  for (const id of ids) await store.append(ann, id, 'there from the start', { tags: ['plan'] });
  return ids;
}

/** All that is left of a run, with the place of each row in its vault for its seq, and without times. */
async function leftOf(vaults: string[], outcomes: Outcome[]) {
  const { rows } = await database.admin.query<{ vault: number; seq: string; row: object }>(
    `SELECT array_position($1, vault_id) AS vault, seq, json_build_array(entry_no, version, kind, writer_id, content, tags) AS row
     FROM vault_entries WHERE vault_id = ANY ($1) ORDER BY vault_id COLLATE "C" = ($1::text[])[2], seq`,
    [vaults],
  );
  const placeOf = new Map(rows.map(({ seq }, place) => [Number(seq), place]));
  const vaultRows = await database.admin.query(
    `SELECT summary, writer_list, ARRAY(
       SELECT client_id FROM vault_writers AS w WHERE w.vault_id = vaults.vault_id ORDER BY 1
     ) AS writers, next_entry_no, summary_version, versions, bytes, head_seq FROM vaults
     WHERE vault_id = ANY ($1) ORDER BY vault_id = ($1::text[])[2]`,
    [vaults],
  );
  const audit = await database.admin.query<{ seq: string | null; row: object }>(
    `SELECT seq, json_build_array(array_position($1, vault_id), action, outcome, client_id, work_session_id, request_id) AS row
     FROM audit_log WHERE vault_id = ANY ($1) AND request_id LIKE 'r%' ORDER BY vault_id = ($1::text[])[2], id`,
    [vaults],
  );
  const place = (seq: unknown) => (seq === null ? null : placeOf.get(Number(seq)));
  return {
    outcomes: outcomes
      .toSorted((a, b) => a.place - b.place)
      .map(({ seq, current, ...outcome }) => ({
        ...outcome,
        seq: place(seq),
        current: current && { ...current, seq: place(current.seq), created_at: null },
      })),
    rows: rows.map(({ vault, row }) => ({ vault, row })),
    vaults: vaultRows.rows.map(({ head_seq, ...vault }) => ({ ...vault, head: place(head_seq) })),
    audit: audit.rows.map(({ seq, row }) => ({ row, seq: place(seq) })),
  };
}

async function together(steps: Step[]) {
  const vaults = await makeVaults();
  const writes = steps.map((one, place) => toWrite(one, place, vaults));
  const outcomes = await database.db.commit<Outcome>(WRITE, JSON.stringify(writes), 0, 0);
  return { left: await leftOf(vaults, outcomes), vaults };
}

async function oneByOne(steps: Step[]) {
  const vaults = await makeVaults();
  const outcomes: Outcome[] = [];
  for (const [place, one] of steps.entries()) {
    const write = JSON.stringify([toWrite(one, place, vaults)]);
    outcomes.push(...(await database.db.commit<Outcome>(WRITE, write, 0, 0)));
  }
  return { left: await leftOf(vaults, outcomes), vaults };
}

describe('one statement of many writes', () => {
  test('has the same result as the same writes one by one', async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(manySteps, async (steps) => {
        const [many, each] = [await together(steps), await oneByOne(steps)];
        expect(many.left).toEqual(each.left);
        for (const { outcome } of many.left.outcomes) seen.add(outcome);
        for (const vault of many.vaults) {
          expect((await verify(database.url, { vault })).misfits).toEqual([]);
        }
      }),
      // The same writes each time: others might not come to each of the outcomes.
      { numRuns: 20, seed: 20_261_124 },
    );
    expect([...seen].sort()).toEqual([
      'conflict',
      'forbidden',
      'key_reused',
      'no_entry',
      'past_writer',
      'replayed',
      'written',
    ]);
  }, 120_000);

  test('reports a missing vault, and continues', async () => {
    const vaults = [...(await makeVaults()).slice(0, 1), `v-${randomUUID()}`];
    const who = { workSession: WORK_SESSION, client: 'ann' };
    const append = { op: 'append', entry: 0, text: 'a', tags: null, expected: null, key: null, who } as const;
    const writes = ([1, 0, 1, 0] as const).map((vault, place) =>
      toWrite({ ...append, vault }, place, vaults),
    );
    const outcomes = await database.db.commit<Outcome>(WRITE, JSON.stringify(writes), 0, 0);
    expect(
      outcomes.toSorted((a, b) => a.place - b.place).map(({ outcome, entry_no }) => [outcome, entry_no]),
    ).toEqual([
      ['no_vault', null],
      ['written', 2],
      ['no_vault', null],
      ['written', 3],
    ]);
  });
});
