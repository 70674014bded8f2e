import { statementName } from '../../src/db/statement-name.ts';
import { READS } from '../../src/vault/read/sql.ts';
import { type Bench, compare, overHttp, overSql } from '../compare.ts';
import type { HttpRequest, Statement } from '../load/job.ts';
import type { Measurement, Row } from '../row.ts';
import { seedVaults, settle } from '../seed.ts';
import { CALLER, HEADERS } from '../stage.ts';

const CONNECTIONS = 32;
const VAULTS = 20;

const listRequest = (clientId: string): HttpRequest => ({
  method: 'GET',
  path: `/api/vault?id=${clientId}`,
  headers: HEADERS,
});

/** The server's own statement for the list of one caller. */
const listStatement = (clientId: string): Statement => ({
  name: statementName(READS.caller.LIST),
  text: READS.caller.LIST,
  values: [CALLER.workSessionId, clientId],
});

async function compareLists(bench: Bench, clientIds: string[]): Promise<Measurement> {
  // A separate database, because the vaults of other rows would be in the list.
  const { url, admin, server } = await bench.stage.newPlace();
  await seedVaults(admin, VAULTS);
  await settle(admin);
  const { ratio, note } = await compare(bench, [
    overHttp(bench, { server, requests: clientIds.map(listRequest), connections: CONNECTIONS }),
    overSql(bench, { url, statements: clientIds.map(listStatement), callers: CONNECTIONS }),
  ]);
  return { value: ratio, note };
}

export const listRows: Row[] = [
  {
    key: 'list20_hot_vs_floor',
    unit: 'ratio',
    what: 'list of 20 vaults by one caller over 32 connections ÷ the same query by bare pg',
    must: { atLeast: 3 },
    measure: (bench) => compareLists(bench, [CALLER.clientId]),
  },
  {
    key: 'list20_callers_vs_floor',
    unit: 'ratio',
    what: 'the same by 32 clients of one work session',
    measure: (bench) =>
      compareLists(
        bench,
        Array.from({ length: CONNECTIONS }, (_, n) => `client-${n}`),
      ),
  },
];
