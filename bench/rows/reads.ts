import type pg from 'pg';
import { statementName } from '../../src/db/statement-name.ts';
import { PORTION_BYTES, PORTION_ROWS } from '../../src/vault/read/portion-sql.ts';
import { READS } from '../../src/vault/read/sql.ts';
import { type Bench, compare, overHttp, overSql } from '../compare.ts';
import type { HttpRequest, Statement } from '../load/job.ts';
import type { Measurement, Row } from '../row.ts';
import { seedEntries, settle } from '../seed.ts';
import { AS_CALLER, CALLER, HEADERS } from '../stage.ts';

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

async function compareReads(bench: Bench, vaults: number): Promise<Measurement> {
  const { url, admin, server } = await bench.stage.main();
  const ids = await seedReads(admin, vaults);
  const { ratio, note } = await compare(bench, [
    overHttp(bench, { server, requests: ids.map((id) => readRequest(id)), connections: CONNECTIONS }),
    overSql(bench, { url, statements: ids.map(readStatement), callers: CONNECTIONS }),
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
    what: 'current view of 50 entries of 64 vaults ÷ the same query by bare pg',
    must: { atLeast: 0.5 },
    measure: (bench) => compareReads(bench, VAULTS),
  },
  {
    key: 'read50_hot_vs_floor',
    unit: 'ratio',
    what: 'the same, one vault: identical reads are coalesced',
    measure: (bench) => compareReads(bench, 1),
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
