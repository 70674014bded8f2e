import { compare, overHttp } from '../compare.ts';
import type { Row } from '../row.ts';
import { seedEntries, seedManyVaults, seedWriters, settle } from '../seed.ts';
import { AS_CALLER, HEADERS } from '../stage.ts';
import { appendRequest } from './writes.ts';

/** Few enough that a small vault stays small over all rounds. */
const APPENDS_A_ROUND = 100;

export const growthRows: Row[] = [
  {
    key: 'vaults_growth',
    unit: 'ratio',
    what: 'time to list 100 readable vaults among 100,000 ÷ among 1,000',
    must: { atMost: 1.3 },
    async measure(bench) {
      const [few, many] = [await bench.stage.newPlace(), await bench.stage.newPlace()];
      await seedManyVaults(few.admin, 1000);
      await seedManyVaults(many.admin, 100_000);
      for (const { admin } of [few, many]) await settle(admin);
      const side = ({ server }: typeof few) =>
        overHttp(bench, {
          server,
          requests: [{ method: 'GET', path: `/api/vault?${AS_CALLER}`, headers: HEADERS }],
          connections: 1,
        });
      const { ratio, note } = await compare(bench, [side(few), side(many)]);
      return { value: ratio, note };
    },
  },
  {
    key: 'entries_growth',
    unit: 'ratio',
    what: 'time to append to a vault with 100,000 entries ÷ with 100',
    must: { atMost: 1.2 },
    async measure(bench) {
      const { admin, server } = await bench.stage.main();
      const large = await seedEntries(admin, 100_000);
      const small: string[] = [];
      for (let i = 0; i <= bench.rounds; i++) small.push(await seedEntries(admin, 100));
      await settle(admin);
      const side = (id: string) => overHttp(bench, { server, requests: [appendRequest(id)], connections: 1 });
      // The small side uses a new vault in each round, so that the vault stays small.
      const next = small.map(side).values();
      const { ratio, note } = await compare(
        bench,
        [(until) => next.next().value?.(until) ?? Promise.reject(new Error('No vault left.')), side(large)],
        { calls: APPENDS_A_ROUND },
      );
      return { value: ratio, note };
    },
  },
  {
    key: 'writers_growth',
    unit: 'ratio',
    what: 'time to append to a vault that 100,000 clients wrote into ÷ that one client wrote into',
    must: { atMost: 1.2 },
    async measure(bench) {
      const { admin, server } = await bench.stage.main();
      // Both sides have equally many entries, so that only the number of writers differs.
      const [one, many] = [await seedEntries(admin, 100_000), await seedWriters(admin, 100_000)];
      await settle(admin);
      const side = (id: string) => overHttp(bench, { server, requests: [appendRequest(id)], connections: 1 });
      const { ratio, note } = await compare(bench, [side(one), side(many)], { calls: APPENDS_A_ROUND });
      return { value: ratio, note };
    },
  },
];
