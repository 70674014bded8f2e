import { type Bench, compare, overHttp } from '../compare.ts';
import type { HttpRequest } from '../load/job.ts';
import type { Row } from '../row.ts';
import { seedEntries, settle } from '../seed.ts';
import { AS_CALLER, HEADERS } from '../stage.ts';

/** As for other reads: enough that concurrent reads of the same vault are rare. */
const VAULTS = 64;
const ENTRIES = 10;
const CONNECTIONS = 20;

const PROTOCOL = '2026-07-28';
const META = 'io.modelcontextprotocol';

export const overRest = (vaultId: string): HttpRequest => ({
  method: 'GET',
  path: `/api/vault/${vaultId}?${AS_CALLER}`,
  headers: HEADERS,
});

/** As the official client of this revision sends it. */
export const overMcp = (vaultId: string): HttpRequest => ({
  method: 'POST',
  path: `/mcp?${AS_CALLER}`,
  headers: {
    ...HEADERS,
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    'mcp-protocol-version': PROTOCOL,
    'mcp-method': 'tools/call',
    'mcp-name': 'vault_read',
  },
  body: JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: {
      name: 'vault_read',
      arguments: { vault_id: vaultId },
      _meta: {
        [`${META}/protocolVersion`]: PROTOCOL,
        [`${META}/clientInfo`]: { name: 'bench', version: '1' },
        [`${META}/clientCapabilities`]: {},
      },
    },
  }),
});

/** @param cached whether the server may answer unchanged vaults from memory */
async function measureReads(bench: Bench, cached: boolean) {
  const { admin, server } = await bench.stage.main();
  const measured = cached ? server : await bench.stage.uncached();
  const ids: string[] = [];
  while (ids.length < VAULTS) ids.push(await seedEntries(admin, ENTRIES));
  await settle(admin);
  const side = (requests: HttpRequest[]) =>
    overHttp(bench, { server: measured, requests, connections: CONNECTIONS });
  const { ratio, note } = await compare(bench, [side(ids.map(overMcp)), side(ids.map(overRest))]);
  return { value: ratio, note };
}

const WHAT = `a read of ${ENTRIES} entries of ${VAULTS} vaults by the tool vault_read ÷ by REST`;

export const mcpRows: Row[] = [
  {
    key: 'mcp_vs_rest',
    unit: 'ratio',
    what: WHAT,
    must: { atLeast: 0.35 },
    measure: (bench) => measureReads(bench, false),
  },
  {
    key: 'mcp_vs_rest_in_memory',
    unit: 'ratio',
    what: `${WHAT}, where neither reads the database`,
    measure: (bench) => measureReads(bench, true),
  },
];
