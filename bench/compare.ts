import {
  callsPerSecond,
  type HttpJob,
  type HttpRequest,
  type Outcome,
  type SqlJob,
  type Statement,
  type Until,
} from './load/job.ts';
import { POOL_SIZE } from './servers/program.ts';
import type { Stage } from './stage.ts';
import { median } from './stats.ts';

/** What the rows are measured with. */
export interface Bench {
  stage: Stage;
  /** How often the two sides of a comparison alternate. */
  rounds: number;
  /** How long one side runs in a round. */
  seconds: number;
}

/** One side of a comparison. */
export type Side = (until: Until) => Promise<Outcome>;

export interface HttpSide {
  port: number;
  requests: HttpRequest[];
  status?: number;
  connections: number;
}

/** Load over HTTP, in a closed loop. */
export const overHttp =
  ({ stage: { load } }: Bench, { status = 200, ...target }: HttpSide): Side =>
  (until) =>
    load.run({ kind: 'http', ...target, status, until } satisfies HttpJob);

/** The same statements from a bare pool, without HTTP. */
export const overSql =
  ({ stage: { load } }: Bench, side: { url: string; statements: Statement[]; callers: number }): Side =>
  (until) =>
    load.run({ kind: 'sql', ...side, poolSize: POOL_SIZE, until } satisfies SqlJob);

export interface Comparison {
  /** Of the rates, first side ÷ second side: the median over the rounds. */
  ratio: number;
  /** Lowest and highest ratio of a round. */
  range: [number, number];
  /** Medians of the rates, in calls a second. */
  rates: [number, number];
  note: string;
}

/** Code is compiled, pools are full and statements are prepared by then. */
const WARM_UP_SECONDS = 2;

const perSecond = (rate: number) => `${Math.round(rate).toLocaleString('en')}/s`;
const percent = (share: number) => `${Math.round(100 * share)} %`;

/**
 * Runs two sides by turns after a warm-up; which of them begins a round alternates too. A ratio is taken within a
 * round, so that what disturbs the machine for longer than that falls on both.
 * @param until how long a side runs in a round, unless the bench's own time will do
 */
export async function compare(
  { rounds, seconds }: Bench,
  [first, second]: [Side, Side],
  until: Until = { seconds },
): Promise<Comparison> {
  const [ones, others]: [Outcome[], Outcome[]] = [[], []];
  const warmUp = 'calls' in until ? until : { seconds: Math.max(seconds, WARM_UP_SECONDS) };
  await first(warmUp);
  await second(warmUp);
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 1) others.push(await second(until));
    ones.push(await first(until));
    if (round % 2 === 0) others.push(await second(until));
  }
  const ratios = ones.map((one, i) => callsPerSecond(one) / callsPerSecond(others[i] as Outcome));
  const rates = [median(ones.map(callsPerSecond)), median(others.map(callsPerSecond))] as [number, number];
  const busy = [ones, others].map((side) => percent(median(side.map((outcome) => outcome.busy))));
  const range: [number, number] = [Math.min(...ratios), Math.max(...ratios)];
  const note = `${perSecond(rates[0])} to ${perSecond(rates[1])}, rounds ${range.map((r) => r.toFixed(2)).join('–')}, load process busy ${busy.join(' and ')}`;
  return { ratio: median(ratios), range, rates, note };
}
