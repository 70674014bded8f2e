import type fc from 'fast-check';
import { expect } from 'vitest';
import type { WriteResult } from '../../src/vault/schema.ts';
import {
  type ModelCaller,
  type ModelRow,
  type ModelVault,
  ModelVaults,
  type ModelWrite,
  type Outcome,
} from './model.ts';
import type { ListQuery, ReadQuery, Result, Surface } from './vault-surfaces.ts';

/** Two work sessions with the same three client ids, so that a writer of one may read from the other. */
export const WORK_SESSIONS = ['st-1', 'st-2'];
export const CLIENT_IDS = ['ann', 'bob/β', 'eve &1'];
export const SURFACES = ['rest', 'trpc'] as const;

/** The caller, and its way to the server. */
export interface Origin {
  workSession: number;
  client: number;
  surface: (typeof SURFACES)[number];
}

/** The server as the callers of one run reach it. */
export type Real = (origin: Origin) => Surface;

/** A write that a later command may retry. */
interface Sent {
  origin: Origin;
  vaultId: string;
  write: ModelWrite;
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
/** What the server proves of a caller; nothing where no session stands behind it. */
const AUTHOR = /^(session:[0-9a-f]{12})?$/;

/** The model, the names of its callers, and facts of the server that the model does not have. */
export class Model {
  readonly vaults = new ModelVaults();
  readonly run: string;
  readonly sent: Sent[] = [];
  readonly #times = new Map<string, string>();
  readonly #hashes = new Map<string, string>();
  readonly #counts: Map<string, number>;

  /** @param run names the callers @param counts the number of calls per outcome, over all runs */
  constructor(run: string, counts: Map<string, number>) {
    this.run = run;
    this.#counts = counts;
  }

  callerOf({ workSession, client }: Origin): ModelCaller {
    return { workSession: `${WORK_SESSIONS[workSession]} ${this.run}`, clientId: this.clientId(client) };
  }

  clientId = (client: number): string => `${CLIENT_IDS[client]} ${this.run}`;

  /** Picks an existing vault, or for 0 one that does not exist. */
  pickVault(pick: number): { vaultId: string; vault: ModelVault | undefined } {
    const { vaults } = this.vaults;
    const vault = pick === 0 ? undefined : vaults[pick % vaults.length];
    return { vaultId: vault?.vault_id ?? 'v-neverMade0', vault };
  }

  /** The time of a row is the same wherever it is told. */
  expectTime(vaultId: string, seq: number, time: string | undefined): void {
    const row = `${vaultId} ${seq}`;
    expect(time).toMatch(TIME);
    expect({ row, time }).toEqual({ row, time: this.#times.get(row) ?? time });
    this.#times.set(row, time ?? '');
  }

  /** The hash of a head is the same wherever it is told. */
  expectHash(vaultId: string, head: number, hash: string): void {
    const row = `${vaultId} ${head}`;
    expect(hash).toMatch(head === 0 ? /^0{64}$/ : /^[0-9a-f]{64}$/);
    expect({ row, hash }).toEqual({ row, hash: this.#hashes.get(row) ?? hash });
    this.#hashes.set(row, hash);
  }

  /** Takes the time off a row and looks at it. */
  withoutTime<T extends { seq: number; created_at: string }>(
    vaultId: string,
    { created_at, ...row }: T,
  ): Omit<T, 'created_at'> {
    this.expectTime(vaultId, row.seq, created_at);
    return row;
  }

  count(
    call: string,
    { status, replayed, current }: { status: number; replayed?: boolean; current?: object },
  ): void {
    const end = `${call} ${status}${replayed ? ' replayed' : ''}${current ? ' with current' : ''}`;
    this.#counts.set(end, (this.#counts.get(end) ?? 0) + 1);
  }
}

/** One call, in the model and on the server. */
abstract class Call<Args> implements fc.AsyncCommand<Model, Real> {
  protected readonly origin: Origin;
  protected readonly args: Args;

  constructor(origin: Origin, args: Args) {
    this.origin = origin;
    this.args = args;
  }

  check = () => true;

  async run(model: Model, real: Real): Promise<void> {
    const end = await this.compare(model, real(this.origin));
    model.count(this.constructor.name, end);
  }

  /** @returns the outcome that both agree on */
  abstract compare(model: Model, real: Surface): Promise<{ status: number }>;

  toString(): string {
    return `${this.constructor.name}(${JSON.stringify(this.origin)}; ${JSON.stringify(this.args)})`;
  }
}

/** Removes undefined fields. */
const given = <T extends object>(fields: T) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };

export class Create extends Call<{ summary: string; key?: string | undefined }> {
  async compare(model: Model, real: Surface) {
    const { summary, key } = this.args;
    const ids = () => model.vaults.vaults.map(({ vault_id }) => vault_id);
    const before = ids();
    const actual = await real.create(summary, given({ key }));
    const made = actual.value?.vault_id ?? '';
    const expected = model.vaults.create(model.callerOf(this.origin), summary, { key, made });
    expectSame(actual, expected, (value) => value);
    if (actual.status !== 200) return actual;
    expect(made).toMatch(/^v-[0-9A-Za-z]{10}$/);
    expect(before.includes(made)).toBe('replayed' in expected);
    return expected;
  }
}

/** Compares an answer with the model's. Only REST marks replays. */
function expectSame<T, E>(actual: Result<T>, expected: Outcome<E>, read: (value: E) => unknown): void {
  expect(actual.status).toBe(expected.status);
  if (expected.status === 200) expect(actual.value).toEqual(read(expected.value));
  const replayed = 'replayed' in expected;
  if (actual.replayed !== undefined || !replayed) expect(actual.replayed ?? false).toBe(replayed);
}

/** The writer in a filter: a client's number, or an unused name. */
type Wanted = number | 'nobody' | undefined;

const writerOf = (model: Model, wanted: Wanted) =>
  typeof wanted === 'number' ? model.clientId(wanted) : wanted;

interface Finding {
  q?: string | undefined;
  writer?: Wanted;
  tag?: string | undefined;
  limit?: number | undefined;
}

/** Follows the cursors to the end. Every page but the last is full. */
async function joinPages<Page extends { next: string | null }, Item>(
  limit: number | undefined,
  look: (cursor: { cursor?: string }) => Promise<Result<Page>>,
  itemsOf: (page: Page) => Item[],
): Promise<{ status: number; items: Item[]; pages: Page[] }> {
  const items: Item[] = [];
  const pages: Page[] = [];
  for (let cursor = {}; ; ) {
    const { status, value } = await look(cursor);
    if (!value) return { status, items, pages };
    pages.push(value);
    items.push(...itemsOf(value));
    if (limit === undefined) expect(value.next).toBeNull();
    else if (value.next === null) expect(itemsOf(value).length).toBeLessThanOrEqual(limit);
    else expect(itemsOf(value)).toHaveLength(limit);
    if (value.next === null) return { status, items, pages };
    cursor = { cursor: value.next };
  }
}

export class List extends Call<Finding & { details?: boolean | undefined }> {
  async compare(model: Model, real: Surface) {
    const { q, writer, tag, limit, details } = this.args;
    const filter = given({ q, writer: writerOf(model, writer), tag });
    const query: ListQuery = { ...filter, ...given({ limit, details }) };
    const { status, items } = await joinPages(
      limit,
      (cursor) => real.list({ ...query, ...cursor }),
      (page) => page.vaults,
    );
    const expected = model.vaults.list(model.callerOf(this.origin), filter);
    expect(status).toBe(200);
    if (!details) {
      expect(items).toEqual(expected.map(({ vault_id, summary }) => ({ vault_id, summary })));
      return { status };
    }
    const withoutTimes = items.map(({ created_at, changed_at, ...item }) => {
      const vault = model.vaults.vaults.find(({ vault_id }) => vault_id === item.vault_id);
      model.expectTime(item.vault_id, vault?.rows[0]?.seq ?? 0, created_at);
      model.expectTime(item.vault_id, item.head ?? 0, changed_at);
      return item;
    });
    expect(withoutTimes).toEqual(expected);
    return { status };
  }
}

/** A place in a vault: before a row of it, at it, or beyond the head. */
type Place = number | 'beyond' | undefined;

function seqAt(place: Place, rows: ModelRow[] = []): number | undefined {
  if (place === undefined) return undefined;
  if (place === 'beyond') return (rows.at(-1)?.seq ?? 0) + 1;
  const row = rows[(place >> 1) % (rows.length + 1)];
  return Math.max(0, (row?.seq ?? 0) - (place & 1));
}

export class Read extends Call<
  Finding & {
    vault: number;
    since?: Place;
    asOf?: Place;
    entry?: number | undefined;
    history?: boolean | undefined;
    kind?: 'content' | 'summary' | 'all' | undefined;
    /** Sends `wait`, if the answer has rows at once. */
    wait: boolean;
  }
> {
  async compare(model: Model, real: Surface) {
    const { q, writer, tag, limit, since, asOf, entry, history, kind, wait } = this.args;
    const { vaultId, vault } = model.pickVault(this.args.vault);
    const query = {
      ...given({ q, writer: writerOf(model, writer), tag, history, kind, entry_id: entry }),
      ...given({ since: seqAt(since, vault?.rows), as_of: seqAt(asOf, vault?.rows) }),
    };
    const caller = model.callerOf(this.origin);
    const expected = model.vaults.read(caller, vaultId, query);
    const sent: ReadQuery = { ...query, ...given({ limit }) };
    if (wait && expected.status === 200 && expected.value.rows.length > 0) sent.wait = 1;
    const { status, items, pages } = await joinPages(
      limit,
      (cursor) => real.read(vaultId, { ...sent, ...cursor }),
      (page) => page.entries,
    );
    expect(status).toBe(expected.status);
    if (expected.status !== 200) return { status };
    expect(items.map((row) => model.withoutTime(vaultId, row))).toEqual(expected.value.rows);
    for (const { head, headHash } of pages) {
      expect(head).toBe(expected.value.head);
      model.expectHash(vaultId, head, headHash);
    }
    // Each page was one read.
    for (const _ of pages.slice(1)) model.vaults.read(caller, vaultId, query);
    return { status };
  }
}

export class Meta extends Call<{ vault: number }> {
  async compare(model: Model, real: Surface) {
    const { vaultId, vault } = model.pickVault(this.args.vault);
    const { status, value } = await real.meta(vaultId);
    const expected = model.vaults.meta(model.callerOf(this.origin), vaultId);
    expect(status).toBe(expected.status);
    if (expected.status !== 200 || !value) return { status };
    const { created_at, changed_at, head_hash, author, writers, outside_reads, ...meta } = value;
    model.expectTime(vaultId, vault?.rows[0]?.seq ?? 0, created_at);
    model.expectTime(vaultId, meta.head, changed_at);
    model.expectHash(vaultId, meta.head, head_hash);
    expect(author).toMatch(AUTHOR);
    expect({
      ...meta,
      writers: writers.map(({ last_write_at, authors, ...writer }) => {
        for (const one of authors) expect(one).toMatch(AUTHOR);
        expect(authors).not.toHaveLength(0);
        const last_seq = expected.value.writers.find(
          ({ client_id }) => client_id === writer.client_id,
        )?.last_seq;
        model.expectTime(vaultId, last_seq ?? 0, last_write_at);
        return { ...writer, last_seq };
      }),
      outside_reads: outside_reads.map(({ read_at, ...read }) => {
        expect(read_at).toMatch(TIME);
        return read;
      }),
    }).toEqual(expected.value);
    return { status };
  }
}

const send = (real: Surface, vaultId: string, { op, text, entryNo = 0, ...write }: ModelWrite) => {
  const { tags, expected, key } = write;
  if (op === 'append') return real.append(vaultId, text, given({ tags, key }));
  if (op === 'override') return real.override(vaultId, entryNo, { text, ...given({ tags, expected, key }) });
  return real.setSummary(vaultId, text, given({ expected, key }));
};

/** Makes a write on both sides and compares the outcomes. */
async function compareWrite(model: Model, real: Surface, { origin, vaultId, write }: Sent) {
  const actual: Result<WriteResult | Record<string, never>> = await send(real, vaultId, write);
  const expected = model.vaults.write(model.callerOf(origin), vaultId, write);
  expect(actual.status).toBe(expected.status);
  expectSame(actual, expected, ({ entry_no, version, seq }) =>
    write.op === 'summary' ? {} : { entry_no, version, seq },
  );
  const there = 'current' in expected ? expected.current : undefined;
  if (there) {
    const { kind: _, tags: __, ...current } = there;
    expect(actual.current && model.withoutTime(vaultId, actual.current)).toEqual(current);
  } else expect(actual.current).toBeUndefined();
  return expected;
}

/** The expected version of a write: the current one, the one before, or the next. */
type Expecting = 'right' | 'older' | 'newer' | undefined;

abstract class Write<Args extends { vault: number }> extends Call<Args> {
  async compare(model: Model, real: Surface) {
    const { vaultId, vault } = model.pickVault(this.args.vault);
    const sent = { origin: this.origin, vaultId, write: this.write(vault?.rows ?? []) };
    const end = await compareWrite(model, real, sent);
    if (sent.write.key !== undefined) model.sent.push(sent);
    return end;
  }

  protected abstract write(rows: ModelRow[]): ModelWrite;

  protected versionOf(rows: ModelRow[], entryNo: number, expecting: Expecting): number | undefined {
    if (expecting === undefined) return undefined;
    const version = rows.findLast(({ entry_no }) => entry_no === entryNo)?.version ?? 1;
    return Math.max(1, version + { right: 0, older: -1, newer: 1 }[expecting]);
  }
}

interface WriteArgs {
  vault: number;
  text: string;
  key?: string | undefined;
}

export class Append extends Write<WriteArgs & { tags?: string[] | undefined }> {
  protected write(): ModelWrite {
    const { text, tags, key } = this.args;
    return { op: 'append', text, tags, key };
  }
}

export class Override extends Write<
  WriteArgs & { entry: number; tags?: string[] | undefined; expecting?: Expecting }
> {
  protected write(rows: ModelRow[]): ModelWrite {
    const { text, tags, key, entry: entryNo, expecting } = this.args;
    return { op: 'override', text, tags, key, entryNo, expected: this.versionOf(rows, entryNo, expecting) };
  }
}

export class SetSummary extends Write<WriteArgs & { expecting?: Expecting }> {
  protected write(rows: ModelRow[]): ModelWrite {
    const { text, key, expecting } = this.args;
    return { op: 'summary', text, key, expected: this.versionOf(rows, 0, expecting) };
  }
}

/** Retries a write with its key, on either surface, unchanged or with another text. */
export class Repeat implements fc.AsyncCommand<Model, Real> {
  readonly #args: { pick: number; surface: Origin['surface']; altered: boolean };

  constructor(args: { pick: number; surface: Origin['surface']; altered: boolean }) {
    this.#args = args;
  }

  check = ({ sent }: Model) => sent.length > 0;

  async run(model: Model, real: Real): Promise<void> {
    const { pick, surface, altered } = this.#args;
    const sent = model.sent[pick % model.sent.length];
    if (!sent) return;
    const origin = { ...sent.origin, surface };
    const write = altered ? { ...sent.write, text: `${sent.write.text}!` } : sent.write;
    model.count('Repeat', await compareWrite(model, real(origin), { ...sent, origin, write }));
  }

  toString = () => `Repeat(${JSON.stringify(this.#args)})`;
}

export class RemoveWriter extends Call<{ vault: number; writer: number }> {
  async compare(model: Model, real: Surface) {
    const { vaultId } = model.pickVault(this.args.vault);
    const clientId = model.clientId(this.args.writer);
    const actual = await real.removeWriter(vaultId, clientId);
    const expected = model.vaults.removeWriter(model.callerOf(this.origin), vaultId, clientId);
    expectSame(actual, expected, (value) => value);
    return actual;
  }
}
