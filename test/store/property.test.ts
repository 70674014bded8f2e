import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { type ModelCaller, type ModelEntry, ModelVaults, type Outcome } from '../support/model.ts';
import { useServer } from '../support/server.ts';
import { type Result, restSurface, type Surface, trpcSurface } from '../support/vault-surfaces.ts';

const database = useDatabase();
const server = useServer(database);

/** Two work sessions, and in each the same three client ids: whoever wrote here may come from there. */
const WORK_SESSIONS = ['st-1', 'st-2'];
const CLIENT_IDS = ['ann', 'bob/β', 'eve &1'];
const SURFACES = ['rest', 'trpc'] as const;

/** Who calls, and by which way. */
interface Origin {
  workSession: number;
  client: number;
  surface: (typeof SURFACES)[number];
}

/** The server as the callers of one run reach it. */
class Real {
  readonly #surfaces: Map<string, Surface>;

  private constructor(surfaces: Map<string, Surface>) {
    this.#surfaces = surfaces;
  }

  /** @param run keeps the work sessions and client ids of runs apart */
  static async start(run: string): Promise<Real> {
    const surfaces = new Map<string, Surface>();
    for (const [workSession, name] of WORK_SESSIONS.entries()) {
      const session = await server.login(`${name} ${run}`);
      for (const [client, clientId] of CLIENT_IDS.entries()) {
        const who = { session, clientId: `${clientId} ${run}` };
        surfaces.set(key({ workSession, client, surface: 'rest' }), restSurface(server.url, who));
        surfaces.set(key({ workSession, client, surface: 'trpc' }), trpcSurface(server.url, who));
      }
    }
    return new Real(surfaces);
  }

  as(origin: Origin): Surface {
    const surface = this.#surfaces.get(key(origin));
    if (!surface) throw new Error(`No surface for ${key(origin)}`);
    return surface;
  }
}

const key = ({ workSession, client, surface }: Origin) => `${workSession} ${client} ${surface}`;

/** How often a call came to a status, over all runs. */
const counts = new Map<string, number>();

function count(call: string, status: number): void {
  counts.set(`${call} ${status}`, (counts.get(`${call} ${status}`) ?? 0) + 1);
}

/** The model, and what names its callers. */
interface Model {
  vaults: ModelVaults;
  run: string;
}

/** One call: what it is in the model, and what it is on the server. */
abstract class Call implements fc.AsyncCommand<Model, Real> {
  protected readonly origin: Origin;

  constructor(origin: Origin) {
    this.origin = origin;
  }

  check = () => true;

  async run({ vaults, run }: Model, real: Real): Promise<void> {
    const { workSession, client } = this.origin;
    const caller = {
      workSession: WORK_SESSIONS[workSession] ?? '',
      clientId: `${CLIENT_IDS[client]} ${run}`,
    };
    count(this.constructor.name, await this.compare(vaults, caller, real.as(this.origin)));
  }

  /** @returns the status that both agreed on */
  abstract compare(model: ModelVaults, caller: ModelCaller, real: Surface): Promise<number>;

  toString(): string {
    const own = Object.entries(this).filter(([name]) => name !== 'check' && name !== 'origin');
    return `${this.constructor.name}(${key(this.origin)}; ${JSON.stringify(Object.fromEntries(own))})`;
  }
}

/** One of the vaults there are, or for 0 one that was never made. */
const pickVault = ({ vaults }: ModelVaults, pick: number): string =>
  (pick === 0 ? undefined : vaults[pick % vaults.length]?.vault_id) ?? 'v-neverMade0';

class Create extends Call {
  readonly summary: string;
  constructor(origin: Origin, summary: string) {
    super(origin);
    this.summary = summary;
  }
  async compare(model: ModelVaults, caller: ModelCaller, real: Surface) {
    const { status, value } = await real.create(this.summary);
    expect(status).toBe(200);
    expect(value?.vault_id).toMatch(/^v-[0-9A-Za-z]{10}$/);
    expect(model.vaults.map((vault) => vault.vault_id)).not.toContain(value?.vault_id);
    model.create(caller, value?.vault_id ?? '', this.summary);
    return status;
  }
}

class List extends Call {
  async compare(model: ModelVaults, caller: ModelCaller, real: Surface) {
    const actual = await real.list();
    expect(actual).toEqual(model.list(caller));
    return actual.status;
  }
}

/** How far a reader has read: nothing, up to a row of the vault, or beyond the head. */
type Since = number | 'beyond' | undefined;

class Read extends Call {
  readonly vault: number;
  readonly since: Since;
  readonly history: boolean | undefined;
  constructor(origin: Origin, vault: number, options: { since: Since; history: boolean | undefined }) {
    super(origin);
    this.vault = vault;
    this.since = options.since;
    this.history = options.history;
  }
  async compare(model: ModelVaults, caller: ModelCaller, real: Surface) {
    const vaultId = pickVault(model, this.vault);
    const entries = model.vaults.find((vault) => vault.vault_id === vaultId)?.entries ?? [];
    const options = {
      ...(this.since === undefined ? {} : { since: this.#toSeq(entries) }),
      ...(this.history === undefined ? {} : { history: this.history }),
    };
    const { status, value } = await real.read(vaultId, options);
    const withoutTime = value?.map(({ created_at, ...entry }) => {
      expect(created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
      return entry;
    });
    const outcome = withoutTime ? { status, value: withoutTime } : { status };
    expect(outcome).toEqual(model.read(caller, vaultId, options));
    return status;
  }
  #toSeq(entries: ModelEntry[]): number {
    if (this.since === 'beyond') return (entries.at(-1)?.seq ?? 0) + 1;
    return entries[(this.since ?? 0) % (entries.length + 1)]?.seq ?? 0;
  }
}

/** Compares a write, and tells the model the seq, which must be later than every one of the vault. */
function compareWrite(
  model: ModelVaults,
  vaultId: string,
  write: {
    expected: Outcome<ModelEntry>;
    actual: Result<{ entry_no: number; version: number; seq: number }>;
  },
): number {
  const { expected, actual } = write;
  expect(actual.status).toBe(expected.status);
  if (expected.status !== 200 || !actual.value) return actual.status;
  const { entry_no, version } = expected.value;
  const before = model.vaults.find((vault) => vault.vault_id === vaultId)?.entries.at(-2)?.seq ?? 0;
  expect(actual.value).toEqual({ entry_no, version, seq: expect.any(Number) });
  expect(actual.value.seq).toBeGreaterThan(before);
  expected.value.seq = actual.value.seq;
  return actual.status;
}

class Append extends Call {
  readonly vault: number;
  readonly text: string;
  constructor(origin: Origin, vault: number, text: string) {
    super(origin);
    this.vault = vault;
    this.text = text;
  }
  async compare(model: ModelVaults, caller: ModelCaller, real: Surface) {
    const vaultId = pickVault(model, this.vault);
    const actual = await real.append(vaultId, this.text);
    return compareWrite(model, vaultId, { expected: model.append(caller, vaultId, this.text), actual });
  }
}

class Override extends Call {
  readonly vault: number;
  readonly entry: number;
  readonly text: string;
  constructor(origin: Origin, vault: number, { entry, text }: { entry: number; text: string }) {
    super(origin);
    this.vault = vault;
    this.entry = entry;
    this.text = text;
  }
  async compare(model: ModelVaults, caller: ModelCaller, real: Surface) {
    const vaultId = pickVault(model, this.vault);
    const actual = await real.override(vaultId, this.entry, this.text);
    const expected = model.override(caller, vaultId, this.entry, this.text);
    return compareWrite(model, vaultId, { expected, actual });
  }
}

class SetSummary extends Call {
  readonly vault: number;
  readonly text: string;
  constructor(origin: Origin, vault: number, text: string) {
    super(origin);
    this.vault = vault;
    this.text = text;
  }
  async compare(model: ModelVaults, caller: ModelCaller, real: Surface) {
    const vaultId = pickVault(model, this.vault);
    const actual = await real.setSummary(vaultId, this.text);
    expect(actual).toEqual(model.setSummary(caller, vaultId, this.text));
    return actual.status;
  }
}

const origin: fc.Arbitrary<Origin> = fc.record({
  workSession: fc.nat({ max: WORK_SESSIONS.length - 1 }),
  client: fc.nat({ max: CLIENT_IDS.length - 1 }),
  surface: fc.constantFrom(...SURFACES),
});
const vault = fc.nat({ max: 7 });
const entry = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(1, 1, 1, 2, 3) },
  { weight: 1, arbitrary: fc.constantFrom(0, 9) },
  { weight: 1, arbitrary: fc.constantFrom(2_147_483_647, 2_147_483_648, 4_294_967_295) },
);
const text = fc
  .string({
    unit: fc.oneof(fc.constantFrom('\r\n', ' ', "'", '\\', '团', '🧑‍🚀', 'ש'), fc.string()),
    maxLength: 8,
  })
  .filter((value) => !value.includes('\0') && value.isWellFormed());
const options = fc.record({
  since: fc.oneof(fc.constant(undefined), fc.nat({ max: 12 }), fc.constant('beyond' as const)),
  history: fc.constantFrom(undefined, true, false),
});

const anyCall = fc.oneof(
  { weight: 1, arbitrary: fc.tuple(origin, text).map((args) => new Create(...args)) },
  { weight: 2, arbitrary: origin.map((one) => new List(one)) },
  { weight: 6, arbitrary: fc.tuple(origin, vault, options).map((args) => new Read(...args)) },
  { weight: 5, arbitrary: fc.tuple(origin, vault, text).map((args) => new Append(...args)) },
  {
    weight: 10,
    arbitrary: fc.tuple(origin, vault, fc.record({ entry, text })).map((args) => new Override(...args)),
  },
  { weight: 2, arbitrary: fc.tuple(origin, vault, text).map((args) => new SetSummary(...args)) },
);

/** Every run begins with a vault of each work session. */
async function start(): Promise<{ model: Model; real: Real }> {
  const run = randomUUID().slice(0, 8);
  const real = await Real.start(run);
  const model = { vaults: new ModelVaults(), run };
  for (const workSession of WORK_SESSIONS.keys()) {
    await new Create({ workSession, client: 0, surface: 'rest' }, 'there from the start').run(model, real);
  }
  return { model, real };
}

test('random calls by several callers of two work sessions agree with the model, on both surfaces', async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands([anyCall], { maxCommands: 80, size: 'max' }), (commands) =>
      fc.asyncModelRun(start, commands),
    ),
    { numRuns: 30 },
  );
  // Each way that a call can end was met: a comparison of refusals alone would prove little.
  const met = [200, 403, 404].flatMap((s) =>
    ['Read', 'Append', 'Override', 'SetSummary'].map((c) => `${c} ${s}`),
  );
  expect([...counts.keys()]).toEqual(expect.arrayContaining(['Create 200', 'List 200', ...met]));
});
