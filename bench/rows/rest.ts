import { type Bench, type Comparison, compare, overHttp } from '../compare.ts';
import type { Row } from '../row.ts';
import { appendRequest } from './writes.ts';

/** @returns the rates of the two sides and their ratio, for an append without a database */
async function compareRest(bench: Bench): Promise<Comparison> {
  const [hollow, plain] = [await bench.stage.hollow(), await bench.stage.plain()];
  const requests = [appendRequest('v-7Kf3qDx02Z')];
  return compare(bench, [
    overHttp(bench, { server: hollow, requests, connections: 32, awake: true }),
    overHttp(bench, { server: plain, requests, connections: 32, awake: true }),
  ]);
}

export const restRows: Row[] = [
  {
    key: 'rest_vs_plain',
    unit: 'ratio',
    what: 'an append with a fake database ÷ a plain Fastify route with the same schemas',
    must: { atLeast: 0.5 },
    async measure(bench) {
      const { ratio, note } = await compareRest(bench);
      return { value: ratio, note };
    },
  },
];
