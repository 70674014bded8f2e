import {
  callsPerSecond,
  type HttpJob,
  type HttpRequest,
  type Outcome,
  type SqlJob,
  type Statement,
  type Until,
} from './load/job.ts';
import { cpuSeconds, POOL_SIZE, type ServerProcess } from './servers/program.ts';
import type { Stage } from './stage.ts';
import { median } from './stats.ts';

/** The set-up that measures the rows. */
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
  server: ServerProcess;
  requests: HttpRequest[];
  status?: number;
  connections: number;
  /** Whether the load process polls without sleeping, which needs a spare core. */
  awake?: boolean;
}

/** Load over HTTP, in a closed loop. */
export const overHttp =
  ({ stage: { load } }: Bench, { status = 200, server, ...target }: HttpSide): Side =>
  async (until) => {
    const before = cpuSeconds(server.pid);
    const job: HttpJob = { kind: 'http', ...target, port: server.port, status, until };
    const outcome = await load.run(job);
    const after = cpuSeconds(server.pid);
    return {
      ...outcome,
      serverCpu: before === undefined || after === undefined ? undefined : after - before,
    };
  };

/** The server's statements from a bare pool, without HTTP. */
export const overSql =
  ({ stage: { load } }: Bench, side: { url: string; statements: Statement[]; callers: number }): Side =>
  (until) =>
    load.run({ kind: 'sql', ...side, poolSize: POOL_SIZE, until } satisfies SqlJob);

export interface Comparison {
  /** Rate of the first side ÷ rate of the second: the median over the rounds. */
  ratio: number;
  /** Lowest and highest ratio of a round. */
  range: [number, number];
  /** Medians of the rates, in calls a second. */
  rates: [number, number];
  note: string;
}

/** After this time code is compiled, pools are full and statements are prepared. */
const WARM_UP_SECONDS = 6;

const perSecond = (rate: number) => `${Math.round(rate).toLocaleString('en')}/s`;
const percent = (share: number) => `${Math.round(100 * share)} %`;

/** The server's CPU per call; empty for a side without a server. */
function cpuOf(side: Outcome[]): string {
  const cpu = side.reduce((sum, { serverCpu = Number.NaN }) => sum + serverCpu, 0);
  const calls = side.reduce((sum, outcome) => sum + outcome.calls, 0);
  return Number.isNaN(cpu) ? '' : `, server CPU ${Math.round((1e6 * cpu) / calls)} µs a call`;
}

/**
 * Alternates two sides after a warm-up, and alternates which of them begins a round. Each ratio is within one round, so
 * that a longer disturbance of the machine affects both sides.
 * @param until how long a side runs in a round; by default the bench's own time
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
  const sides = [ones, others].map((side, i) => {
    const busy = percent(median(side.map((outcome) => outcome.busy)));
    return `${perSecond(rates[i] as number)} (load process ${busy} busy${cpuOf(side)})`;
  });
  const range: [number, number] = [Math.min(...ratios), Math.max(...ratios)];
  const note = `${sides.join(' to ')}, rounds ${range.map((bound) => bound.toFixed(2)).join('–')}`;
  return { ratio: median(ratios), range, rates, note };
}
