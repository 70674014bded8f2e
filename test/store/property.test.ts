import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';
import {
  Append,
  CLIENT_IDS,
  Create,
  List,
  Meta,
  Model,
  type Origin,
  Override,
  Read,
  type Real,
  RemoveWriter,
  Repeat,
  SetSummary,
  SURFACES,
  WORK_SESSIONS,
} from '../support/vault-commands.ts';
import { restSurface, type Surface, trpcSurface } from '../support/vault-surfaces.ts';

const database = useDatabase();
const SERVERS = [
  { how: 'shared statements', server: useServer(database, { coalesce: true }) },
  { how: 'a statement for each write', server: useServer(database, { coalesce: false }) },
];

const seldom = <T>(arbitrary: fc.Arbitrary<T>, weight = 1) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight, arbitrary });

const surface = fc.constantFrom(...SURFACES);
const client = fc.nat({ max: CLIENT_IDS.length - 1 });
const origin: fc.Arbitrary<Origin> = fc.record({
  workSession: fc.nat({ max: WORK_SESSIONS.length - 1 }),
  client,
  surface,
});
const vault = fc.nat({ max: 7 });
const entry = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(1, 1, 1, 2, 3) },
  { weight: 1, arbitrary: fc.constantFrom(0, 9) },
  { weight: 1, arbitrary: fc.constantFrom(2_147_483_647, 2_147_483_648, 4_294_967_295) },
);
/** Words that are found in each other, or must not be. */
const WORDS = [
  'Straße',
  'STRAẞE',
  'ÄPFEL',
  'äpfel',
  'ΟΔΟΣ',
  'οδος',
  'Привет',
  'ПРИВЕТ',
  '团队',
  '会议',
  'かな',
  '회의',
];
const ODD = ['%', '_', '\\', '100%', 'a_b', '.*', "'", '\r\n', ' ', '🧑‍🚀', 'ש'];
const anyText = fc
  .string({ unit: fc.oneof(fc.constantFrom(...ODD), fc.string()), maxLength: 8 })
  .filter((value) => !value.includes('\0') && value.isWellFormed());
const text = fc.oneof(
  anyText,
  fc.array(fc.constantFrom(...WORDS, ...ODD), { maxLength: 4 }).map((words) => words.join('')),
);
const tags = fc.uniqueArray(fc.constantFrom('todo', 'Entschluss', '决定', "a,b\\'", 'NULL', '{}'), {
  maxLength: 3,
});
const key = seldom(fc.constantFrom('key-1', 'key-2', '~!"{}', 'K'.repeat(255)), 2);
const expecting = seldom(
  fc.constantFrom('right' as const, 'right' as const, 'older' as const, 'newer' as const),
  3,
);
const place = seldom(fc.oneof(fc.nat({ max: 24 }), fc.constant('beyond' as const)));
const finding = {
  q: seldom(fc.constantFrom(...WORDS, ...ODD, '团', '队', 'strasse', 'AND')),
  writer: seldom(fc.oneof(client, fc.constant('nobody' as const))),
  tag: seldom(fc.constantFrom('todo', '决定', "a,b\\'", 'TODO')),
  limit: seldom(fc.constantFrom(1, 2, 3, 1000), 2),
};
const kind = fc.constantFrom(undefined, undefined, 'content' as const, 'summary' as const, 'all' as const);
const flag = fc.constantFrom(undefined, true, false);

const calls = {
  create: fc.tuple(origin, fc.record({ summary: text, key })).map((args) => new Create(...args)),
  list: fc.tuple(origin, fc.record({ ...finding, details: flag })).map((args) => new List(...args)),
  read: fc
    .tuple(
      origin,
      fc.record({
        ...finding,
        vault,
        since: place,
        asOf: place,
        entry: seldom(entry, 2),
        history: flag,
        kind,
        wait: fc.boolean(),
      }),
    )
    .map((args) => new Read(...args)),
  meta: fc.tuple(origin, fc.record({ vault })).map((args) => new Meta(...args)),
  append: fc
    .tuple(origin, fc.record({ vault, text, key, tags: seldom(tags) }))
    .map((args) => new Append(...args)),
  override: fc
    .tuple(origin, fc.record({ vault, text, key, tags: seldom(tags), entry, expecting }))
    .map((args) => new Override(...args)),
  setSummary: fc
    .tuple(origin, fc.record({ vault, text, key, expecting }))
    .map((args) => new SetSummary(...args)),
  removeWriter: fc
    .tuple(origin, fc.record({ vault, writer: client }))
    .map((args) => new RemoveWriter(...args)),
  repeat: fc
    .record({ pick: fc.nat({ max: 20 }), surface, altered: fc.constantFrom(false, false, true) })
    .map((args) => new Repeat(args)),
};
const WEIGHTS: Record<keyof typeof calls, number> = {
  create: 1,
  list: 3,
  read: 8,
  meta: 2,
  append: 5,
  override: 10,
  setSummary: 3,
  removeWriter: 1,
  repeat: 3,
};
const anyCall: fc.Arbitrary<fc.AsyncCommand<Model, Real>> = fc.oneof(
  ...(Object.keys(calls) as (keyof typeof calls)[]).map((name) => ({
    weight: WEIGHTS[name],
    arbitrary: calls[name] as fc.Arbitrary<fc.AsyncCommand<Model, Real>>,
  })),
);

const nameOf = ({ workSession, client: number, surface: by }: Origin) => `${workSession} ${number} ${by}`;

/** Ends that must have been met: a comparison of refusals alone would prove little. */
const MET = [
  ...['Read', 'Meta', 'Append', 'Override', 'SetSummary', 'RemoveWriter'].flatMap((call) =>
    [200, 403, 404].map((status) => `${call} ${status}`),
  ),
  'Create 200',
  'List 200',
  'Override 409 with current',
  'SetSummary 409 with current',
  'Repeat 200 replayed',
  'Repeat 409',
];

describe.each(SERVERS)('with $how', ({ server }) => {
  const counts = new Map<string, number>();

  /** Every run has callers of its own, and begins with a vault of each work session. */
  async function start(): Promise<{ model: Model; real: Real }> {
    const model = new Model(randomUUID().slice(0, 8), counts);
    const surfaces = new Map<string, Surface>();
    for (const [workSession, name] of WORK_SESSIONS.entries()) {
      const session = await server.login(`${name} ${model.run}`);
      for (const number of CLIENT_IDS.keys()) {
        const who = { session, clientId: model.clientId(number) };
        surfaces.set(nameOf({ workSession, client: number, surface: 'rest' }), restSurface(server.url, who));
        surfaces.set(nameOf({ workSession, client: number, surface: 'trpc' }), trpcSurface(server.url, who));
      }
    }
    const real = (one: Origin): Surface => {
      const found = surfaces.get(nameOf(one));
      if (!found) throw new Error(`No surface for ${nameOf(one)}`);
      return found;
    };
    for (const workSession of WORK_SESSIONS.keys()) {
      const first = new Create(
        { workSession, client: 0, surface: 'rest' },
        { summary: 'there from the start' },
      );
      await first.run(model, real);
    }
    return { model, real };
  }

  test('random calls by several callers of two work sessions agree with the model, on both surfaces', async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands([anyCall], { maxCommands: 100, size: 'max' }), (commands) =>
        fc.asyncModelRun(start, commands),
      ),
      // The same calls each time: others might not come to each of the ends.
      { numRuns: 10, seed: 20_261_130 },
    );
    expect(MET.filter((end) => !counts.has(end))).toEqual([]);
  }, 300_000);
});
