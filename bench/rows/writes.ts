import { randomUUID } from 'node:crypto';
import { statementName } from '../../src/db/statement-name.ts';
import { WRITE } from '../../src/vault/write/batch-store.ts';
import { type Bench, type Comparison, compare, overHttp, overSql } from '../compare.ts';
import type { HttpRequest, Statement } from '../load/job.ts';
import type { Row } from '../row.ts';
import { seedEntries, seedVaults, TEXT } from '../seed.ts';
import { AS_CALLER, CALLER, HEADERS } from '../stage.ts';

const post = (vaultId: string, body: object): HttpRequest => ({
  method: 'POST',
  path: `/api/vault/${vaultId}?${AS_CALLER}`,
  headers: { ...HEADERS, 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

/** One write by the server's own statement, with every field that the server sends. */
const writeStatement = (write: object): Statement => ({
  name: statementName(WRITE),
  text: WRITE,
  values: [
    JSON.stringify([
      {
        place: 0,
        work_session_id: CALLER.workSessionId,
        client_id: CALLER.clientId,
        reads_as: CALLER.clientId,
        text: TEXT,
        session: '0123456789ab',
        request_id: randomUUID(),
        address: '127.0.0.1',
        ...write,
      },
    ]),
    0,
    0,
  ],
});

export const appendRequest = (vaultId: string): HttpRequest => post(vaultId, { text: TEXT });
export const appendStatement = (vaultId: string): Statement =>
  writeStatement({ op: 'append', vault_id: vaultId });

export const overrideRequest = (vaultId: string): HttpRequest => post(vaultId, { text: TEXT, entry_id: 1 });
export const overrideStatement = (vaultId: string): Statement =>
  writeStatement({ op: 'override', vault_id: vaultId, entry_no: 1 });

/** Compares writes over REST with the same statements from a bare pool, with as many callers as connections. */
async function compareWrites(
  bench: Bench,
  connections: number,
  { requests, statements }: { requests: HttpRequest[]; statements: Statement[] },
): Promise<Comparison> {
  const { url, server } = await bench.stage.main();
  return compare(bench, [
    overHttp(bench, { server, requests, connections }),
    overSql(bench, { url, statements, callers: connections }),
  ]);
}

async function compareAppends(bench: Bench, connections: number, vaults: number): Promise<Comparison> {
  const { admin } = await bench.stage.main();
  const ids = await seedVaults(admin, vaults);
  return compareWrites(bench, connections, {
    requests: ids.map(appendRequest),
    statements: ids.map(appendStatement),
  });
}

const MANY = { connections: 32, vaults: 64 };

/** Enough connections for the open loop to keep its rate while some answers are slow. */
const OPEN_CONNECTIONS = 128;

export const writeRows: Row[] = [
  {
    key: 'append_many_vs_floor',
    unit: 'ratio',
    what: 'appends to 64 vaults over 32 connections ÷ floor',
    must: { atLeast: 1.2 },
    async measure(bench) {
      const { ratio, note } = await compareAppends(bench, MANY.connections, MANY.vaults);
      return { value: ratio, note };
    },
  },
  {
    key: 'append_hot_vs_floor',
    unit: 'ratio',
    what: 'appends to one vault over 32 connections ÷ floor',
    must: { atLeast: 5 },
    async measure(bench) {
      const { ratio, note } = await compareAppends(bench, 32, 1);
      return { value: ratio, note };
    },
  },
  {
    key: 'append_single_vs_floor',
    unit: 'ratio',
    what: 'appends to one vault over one connection ÷ floor',
    must: { atLeast: 0.6 },
    async measure(bench) {
      const { ratio, note } = await compareAppends(bench, 1, 1);
      return { value: ratio, note };
    },
  },
  {
    key: 'override_hot_vs_floor',
    unit: 'ratio',
    what: 'overrides of one entry over 32 connections ÷ floor',
    must: { atLeast: 5 },
    async measure(bench) {
      const { admin } = await bench.stage.main();
      const id = await seedEntries(admin, 1);
      const { ratio, note } = await compareWrites(bench, 32, {
        requests: [overrideRequest(id)],
        statements: [overrideStatement(id)],
      });
      return { value: ratio, note };
    },
  },
  {
    key: 'p99_at_half',
    unit: 'ms',
    what: 'p99 of appends to 64 vaults at half of the reached rate, open loop',
    must: { atMost: 25 },
    async measure(bench) {
      const { admin, server } = await bench.stage.main();
      const requests = (await seedVaults(admin, MANY.vaults)).map(appendRequest);
      const closed = overHttp(bench, { server, requests, connections: MANY.connections });
      await closed({ seconds: bench.seconds });
      const reached = await closed({ seconds: 2 * bench.seconds });
      const rate = reached.calls / reached.seconds / 2;
      const openLoop = (seconds: number) =>
        bench.stage.load.run({
          kind: 'open-loop',
          port: server.port,
          requests,
          status: 200,
          connections: OPEN_CONNECTIONS,
          rate,
          seconds,
        });
      // This warms up the open loop, because the load process has run only the closed one so far.
      await openLoop(bench.seconds);
      const { latencies } = await openLoop(bench.rounds * bench.seconds);
      const figures = Object.entries(latencies).map(([name, ms]) => `${name} ${ms.toFixed(1)}`);
      return { value: latencies.p99, note: `at ${Math.round(rate)}/s: ${figures.join(', ')} ms` };
    },
  },
];
