import { statementName } from '../../src/db/statement-name.ts';
import { READ_CURRENT } from '../../src/vault/sql.ts';
import { compare, overHttp, overSql } from '../compare.ts';
import type { HttpRequest } from '../load/job.ts';
import type { Row } from '../row.ts';
import { seedEntries, settle } from '../seed.ts';
import { AS_CALLER, CALLER, HEADERS } from '../stage.ts';

/** Twice the connections to PostgreSQL, so that these are never short of work. */
const CONNECTIONS = 20;

const get = (path: string): HttpRequest => ({ method: 'GET', path, headers: HEADERS });
const readRequest = (vaultId: string) => get(`/api/vault/${vaultId}?${AS_CALLER}`);

export const readRows: Row[] = [
  {
    key: 'read50_vs_floor',
    unit: 'ratio',
    what: 'current view of 50 entries ÷ the same query by bare pg',
    must: { atLeast: 0.5 },
    async measure(bench) {
      const { url, admin, server } = await bench.stage.main();
      const id = await seedEntries(admin, 50);
      await settle(admin);
      const anything = [0, null, null, null, null, -1, null, 'content'];
      const values = [id, CALLER.workSessionId, CALLER.clientId, ...anything];
      const { ratio, note } = await compare(bench, [
        overHttp(bench, { server, requests: [readRequest(id)], connections: CONNECTIONS }),
        overSql(bench, {
          url,
          statements: [{ name: statementName(READ_CURRENT), text: READ_CURRENT, values }],
          callers: CONNECTIONS,
        }),
      ]);
      return { value: ratio, note };
    },
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
      // Rates the other way round are times this way.
      const { ratio, note } = await compare(bench, [side(one), side(many)]);
      return { value: ratio, note };
    },
  },
];
