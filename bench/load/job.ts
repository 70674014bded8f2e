import type { Latencies } from '../stats.ts';

/** A request on the wire. The load process adds `host` and `content-length`. */
export interface HttpRequest {
  method: 'GET' | 'POST' | 'DELETE';
  /** Path and query. */
  path: string;
  headers: Record<string, string>;
  body?: string;
}

/** When a closed loop ends: after a time, or after a total number of calls. */
export type Until = { seconds: number } | { calls: number };

interface HttpTarget {
  port: number;
  /** Sent in turn. */
  requests: HttpRequest[];
  /** The expected status. Any other status ends the run with an error. */
  status: number;
  connections: number;
}

/** Each connection sends its next request when it has received the previous answer. */
export type HttpJob = HttpTarget & {
  kind: 'http';
  until: Until;
  /**
   * Polls for answers without sleeping. A server pays for waking a sleeping load process, and a faster server finds it
   * awake more often, so sleeping favours the faster server. Polling needs a spare core.
   */
  awake?: boolean;
};

/** Requests are sent at a steady rate, even while earlier ones are in flight. Latency counts from the planned time. */
export type OpenLoopJob = HttpTarget & { kind: 'open-loop'; rate: number; seconds: number };

/** A prepared statement with its values. */
export interface Statement {
  name: string;
  text: string;
  values: unknown[];
}

/** Callers on a bare `pg` pool, each with one statement at a time. */
export interface SqlJob {
  kind: 'sql';
  url: string;
  poolSize: number;
  callers: number;
  /** Run in turn. */
  statements: Statement[];
  until: Until;
}

/** Opens connections, sends one request on each, and keeps them waiting until `ReleaseJob`. */
export type HoldJob = HttpTarget & { kind: 'hold' };

/** Sends one request, and measures the time from it to the answer of each held request. */
export type ReleaseJob = HttpTarget & { kind: 'release' };

export type Job = HttpJob | OpenLoopJob | SqlJob | HoldJob | ReleaseJob;

/** The figures of a run. */
export interface Outcome {
  calls: number;
  seconds: number;
  latencies: Latencies;
  /** Share of one core that the load process used. Near 1, the load process is the bottleneck. */
  busy: number;
  /** Seconds of CPU that the server used; undefined where /proc is unavailable. */
  serverCpu?: number | undefined;
}

export const callsPerSecond = ({ calls, seconds }: Outcome): number => calls / seconds;
export const msPerCall = ({ calls, seconds }: Outcome): number => (1000 * seconds) / calls;
