import type pg from 'pg';
import { statementName } from '../../src/db/statement-name.ts';
import { PORTION_BYTES, PORTION_ROWS } from '../../src/vault/read/portion-sql.ts';
import { READS } from '../../src/vault/read/sql.ts';
import { type Bench, compare, overHttp, overSql } from '../compare.ts';
import type { HttpRequest, Statement } from '../load/job.ts';
import type { Measurement, Row } from '../row.ts';
import { seedEntries, settle } from '../seed.ts';
import { AS_CALLER, CALLER, HEADERS } from '../stage.ts';
import { overrideRequest, overrideStatement } from './writes.ts';

/** Twice the connections to PostgreSQL, so that those are never idle. */
const CONNECTIONS = 20;
/** Enough that concurrent reads of the same vault are rare, because they would share a statement. */
const VAULTS = 64;
/** Connections of followers, which read with `If-None-Match`. Each has its own vault. */
const FOLLOWERS = VAULTS;

const readRequest = (vaultId: string, headers: Record<string, string> = {}): HttpRequest => ({
  method: 'GET',
  path: `/api/vault/${vaultId}?${AS_CALLER}`,
  headers: { ...HEADERS, ...headers },
});

/** The server's own statement for a read without options. */
const readStatement = (vaultId: string): Statement => ({
  name: statementName(READS.caller.READ_WHOLE),
  text: READS.caller.READ_WHOLE,
  values: [vaultId, CALLER.workSessionId, CALLER.clientId, PORTION_ROWS, PORTION_BYTES],
});

async function seedReads(admin: pg.Pool, vaults: number): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < vaults) ids.push(await seedEntries(admin, 50));
  await settle(admin);
  return ids;
}

/** A read with the vault's current head in `If-None-Match`. */
async function cachedRequest(port: number, vaultId: string): Promise<HttpRequest> {
  const { path, headers } = readRequest(vaultId);
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
  const entries = (await answer.json()) as unknown[];
  const etag = answer.headers.get('etag');
  if (entries.length !== 50 || etag === null) throw new Error('A read returned an unexpected answer.');
  return readRequest(vaultId, { 'if-none-match': etag });
}

/** A call in ten is a write, and the vaults that are written come in turn as well. */
const READS_PER_WRITE = 9;

/** Mixes a write into the calls where it is their turn. */
const withWrites = <Call>(
  ids: string[],
  readOf: (id: string) => Call,
  writeOf: (id: string) => Call,
): Call[] =>
  ids.flatMap((written, i) => [
    writeOf(written),
    ...Array.from({ length: READS_PER_WRITE }, (_, n) =>
      readOf(ids[(i * READS_PER_WRITE + n) % ids.length] as string),
    ),
  ]);

interface Reads {
  vaults: number;
  /** Whether a call in ten is a write. */
  written?: boolean;
  /** Whether the server keeps rendered views. */
  cached?: boolean;
}

async function compareReads(
  bench: Bench,
  { vaults, written = false, cached = true }: Reads,
): Promise<Measurement> {
  const { url, admin, server } = await bench.stage.main();
  const ids = await seedReads(admin, vaults);
  const requests = written ? withWrites(ids, readRequest, overrideRequest) : ids.map((id) => readRequest(id));
  const statements = written ? withWrites(ids, readStatement, overrideStatement) : ids.map(readStatement);
  const measured = cached ? server : await bench.stage.uncached();
  const { ratio, note } = await compare(bench, [
    overHttp(bench, { server: measured, requests, connections: CONNECTIONS }),
    overSql(bench, { url, statements, callers: CONNECTIONS }),
  ]);
  return { value: ratio, note };
}

async function compareCached(bench: Bench, vaults: number): Promise<Measurement> {
  const [{ admin, server }, plain] = [await bench.stage.main(), await bench.stage.plain()];
  const requests: HttpRequest[] = [];
  for (const id of await seedReads(admin, vaults)) requests.push(await cachedRequest(server.port, id));
  const empty: HttpRequest = { method: 'GET', path: '/empty', headers: {} };
  const { ratio, note } = await compare(bench, [
    overHttp(bench, { server, requests, status: 304, connections: FOLLOWERS }),
    overHttp(bench, { server: plain, requests: [empty], status: 204, connections: FOLLOWERS }),
  ]);
  return { value: ratio, note };
}

export const readRows: Row[] = [
  {
    key: 'read50_vs_floor',
    unit: 'ratio',
    what: 'current view of 50 entries of 64 vaults, without the cache of views ÷ the same query by bare pg',
    must: { atLeast: 0.5 },
    measure: (bench) => compareReads(bench, { vaults: VAULTS, cached: false }),
  },
  {
    key: 'read50_spread_vs_floor',
    unit: 'ratio',
    what: 'the same with the cache, vaults unchanged',
    must: { atLeast: 3 },
    measure: (bench) => compareReads(bench, { vaults: VAULTS }),
  },
  {
    key: 'read50_written_vs_floor',
    unit: 'ratio',
    what: 'the same with one override in ten calls ÷ the same statements by bare pg',
    must: { atLeast: 1.5 },
    measure: (bench) => compareReads(bench, { vaults: VAULTS, written: true }),
  },
  {
    key: 'read50_hot_vs_floor',
    unit: 'ratio',
    what: 'the same, one unchanged vault',
    measure: (bench) => compareReads(bench, { vaults: 1 }),
  },
  {
    key: 'read_cached_vs_plain',
    unit: 'ratio',
    what: 'the same with If-None-Match of the current head ÷ Fastify answering an empty 204',
    must: { atLeast: 0.4 },
    measure: (bench) => compareCached(bench, VAULTS),
  },
  {
    key: 'read_cached_hot_vs_plain',
    unit: 'ratio',
    what: 'the same, one vault',
    measure: (bench) => compareCached(bench, 1),
  },
  {
    key: 'versions_growth',
    unit: 'ratio',
    what: 'time of a current view of 50 entries × 100 versions ÷ 50 × 1',
    must: { atMost: 1.3 },
    async measure(bench) {
      const { admin, server } = await bench.stage.main();
      const [many, one] = [await seedEntries(admin, 50, 100), await seedEntries(admin, 50)];
      await settle(admin);
      const side = (id: string) => overHttp(bench, { server, requests: [readRequest(id)], connections: 1 });
      // The sides are swapped, because `compare` divides rates and this row divides times.
      const { ratio, note } = await compare(bench, [side(one), side(many)]);
      return { value: ratio, note };
    },
  },
];
