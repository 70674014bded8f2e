import type { Latencies } from '../stats.ts';

/** A request as it goes over the wire; the load process adds `host` and `content-length`. */
export interface HttpRequest {
  method: 'GET' | 'POST' | 'DELETE';
  /** Path and query. */
  path: string;
  headers: Record<string, string>;
  body?: string;
}

/** When a closed loop ends: after so long, or after so many calls in all. */
export type Until = { seconds: number } | { calls: number };

interface HttpTarget {
  port: number;
  /** Sent in turn. */
  requests: HttpRequest[];
  /** The only status that counts as an answer; any other ends the run. */
  status: number;
  connections: number;
}

/** Each connection sends its next request when it has the answer to the one before. */
export type HttpJob = HttpTarget & {
  kind: 'http';
  until: Until;
  /**
   * Look for answers without ever sleeping. A process that sleeps has to be woken by whoever writes to it, which costs
   * the faster server less: its answers find the process awake more often. Only where there is a core to spare.
   */
  awake?: boolean;
};

/** Requests leave at a steady rate whether or not earlier ones are answered; latency counts from the planned moment. */
export type OpenLoopJob = HttpTarget & { kind: 'open-loop'; rate: number; seconds: number };

/** A prepared statement with its values. */
export interface Statement {
  name: string;
  text: string;
  values: unknown[];
}

/** So many callers, each with one statement at a time, on a bare `pg` pool. */
export interface SqlJob {
  kind: 'sql';
  url: string;
  poolSize: number;
  callers: number;
  /** Run in turn. */
  statements: Statement[];
  until: Until;
}

/** Opens connections, sends one request on each, and keeps them waiting until `HoldReleaseJob`. */
export type HoldJob = HttpTarget & { kind: 'hold' };

/** Sends one request, and tells how long after it each of the held ones was answered. */
export type ReleaseJob = HttpTarget & { kind: 'release' };

export type Job = HttpJob | OpenLoopJob | SqlJob | HoldJob | ReleaseJob;

/** What a run did. */
export interface Outcome {
  calls: number;
  seconds: number;
  latencies: Latencies;
  /** Share of one core that the load process itself took: near 1, it is what limits. */
  busy: number;
  /** Seconds of CPU that the server took, where that can be told. */
  serverCpu?: number | undefined;
}

export const callsPerSecond = ({ calls, seconds }: Outcome): number => calls / seconds;
export const msPerCall = ({ calls, seconds }: Outcome): number => (1000 * seconds) / calls;
