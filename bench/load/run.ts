import { LatencyLog } from '../stats.ts';
import { type Connection, encode, openConnections } from './connection.ts';
import type { HttpJob, OpenLoopJob } from './job.ts';

/** The figures of a run before they are summarized. */
export interface Run {
  latencies: LatencyLog;
  seconds: number;
}

/** Settles when a run is over, or rejects with the error that ends it early. */
class Finish {
  readonly promise: Promise<void>;
  resolve: () => void = () => undefined;
  reject: (error: Error) => void = () => undefined;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}

/** Runs the connections, each with one request at a time, until the limit is reached and every request is answered. */
export async function runClosedLoop(job: HttpJob): Promise<Run> {
  const requests = job.requests.map((request) => encode(request, job.port));
  const latencies = new LatencyLog();
  const finish = new Finish();
  const calls = 'calls' in job.until ? job.until.calls : Number.POSITIVE_INFINITY;
  let [sent, running, endsAt] = [0, job.connections, Number.POSITIVE_INFINITY];

  const sendNext = (connection: Connection, now: number) => {
    connection.startedAt = now;
    connection.send(requests[sent++ % requests.length] as Buffer);
  };
  const sender = {
    answered(connection: Connection, status: number) {
      if (status !== job.status) return finish.reject(new Error(`Answered ${status}, not ${job.status}.`));
      const now = performance.now();
      latencies.add(now - connection.startedAt);
      if (now < endsAt && sent < calls) sendNext(connection, now);
      else if (--running === 0) finish.resolve();
    },
    failed: finish.reject,
  };
  const connections = await openConnections(job.connections, job.port, { sender });
  const startedAt = performance.now();
  if ('seconds' in job.until) endsAt = startedAt + 1000 * job.until.seconds;
  for (const connection of connections) sendNext(connection, performance.now());
  let over = false;
  const stayAwake = () => {
    if (!over) setImmediate(stayAwake);
  };
  if (job.awake) stayAwake();
  try {
    await finish.promise;
    return { latencies, seconds: (performance.now() - startedAt) / 1000 };
  } finally {
    over = true;
    for (const connection of connections) connection.close();
  }
}

/**
 * Sends at a steady rate. A request that is due while all connections are busy waits for the first free one. That wait
 * is part of its latency, because otherwise a stalled server would slow the load down and hide the stall.
 */
export async function runOpenLoop(job: OpenLoopJob): Promise<Run> {
  const requests = job.requests.map((request) => encode(request, job.port));
  const latencies = new LatencyLog();
  const finish = new Finish();
  const total = Math.floor(job.rate * job.seconds);
  const interval = 1000 / job.rate;
  const free: Connection[] = [];
  let [sent, startedAt] = [0, 0];

  const sendDue = () => {
    const due = Math.min(total, Math.floor((performance.now() - startedAt) / interval) + 1);
    while (sent < due) {
      const connection = free.shift();
      if (!connection) return;
      connection.startedAt = startedAt + sent * interval;
      connection.send(requests[sent++ % requests.length] as Buffer);
    }
  };
  const sender = {
    answered(connection: Connection, status: number) {
      if (status !== job.status) return finish.reject(new Error(`Answered ${status}, not ${job.status}.`));
      latencies.add(performance.now() - connection.startedAt);
      free.push(connection);
      if (latencies.count === total) finish.resolve();
      else sendDue();
    },
    failed: finish.reject,
  };
  const connections = await openConnections(job.connections, job.port, { sender });
  free.push(...connections);
  startedAt = performance.now();
  const ticker = setInterval(sendDue, 1);
  try {
    await finish.promise;
    return { latencies, seconds: (performance.now() - startedAt) / 1000 };
  } finally {
    clearInterval(ticker);
    for (const connection of connections) connection.close();
  }
}
