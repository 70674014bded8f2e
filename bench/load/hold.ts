import { LatencyLog } from '../stats.ts';
import { type Connection, encode, openConnections } from './connection.ts';
import type { HoldJob, ReleaseJob } from './job.ts';
import type { Run } from './run.ts';

/** Connections with a request in flight. */
interface Held {
  connections: Connection[];
  answers: LatencyLog;
  done: Promise<void>;
  /** Start of the latencies. */
  from: number;
}

let held: Held | undefined;

/** Connections opened at a time, because a server accepts only a limited number at once. */
const AT_A_TIME = 100;

/** Opens the connections and sends a request on each. @throws Error when one is answered before the release */
export async function hold(job: HoldJob): Promise<Run> {
  const latencies = new LatencyLog();
  const startedAt = performance.now();
  const state: Held = {
    connections: [],
    answers: new LatencyLog(),
    done: Promise.resolve(),
    from: Number.NaN,
  };
  state.done = new Promise((resolve, reject) => {
    const sender = {
      answered(_: Connection, status: number) {
        if (status !== job.status) return reject(new Error(`Answered ${status}, not ${job.status}.`));
        state.answers.add(performance.now() - state.from);
        if (state.answers.count === job.connections) resolve();
      },
      failed: reject,
    };
    const open = async () => {
      for (let i = 0; i < job.connections; i += AT_A_TIME) {
        const count = Math.min(AT_A_TIME, job.connections - i);
        const opened = await openConnections(count, job.port, { sender, bufferBytes: 4096 });
        for (const [j, connection] of opened.entries()) {
          const request = job.requests[(i + j) % job.requests.length];
          if (request) connection.send(encode(request, job.port));
          latencies.add(performance.now() - startedAt);
        }
        state.connections.push(...opened);
      }
    };
    open().catch(reject);
    held = state;
  });
  state.done.catch(() => undefined);
  await new Promise<void>((resolve, reject) => {
    state.done.catch(reject);
    const poll = () => (state.connections.length === job.connections ? resolve() : setTimeout(poll, 5));
    poll();
  });
  return { latencies, seconds: (performance.now() - startedAt) / 1000 };
}

/** Sends the request that releases the held ones, and waits for all answers. */
export async function release(job: ReleaseJob): Promise<Run> {
  const state = held;
  if (!state) throw new Error('Nothing is held.');
  const [request] = job.requests;
  if (!request) throw new Error('No request to send.');
  const sender = {
    answered(_: Connection, status: number) {
      if (status !== job.status) throw new Error(`Answered ${status}, not ${job.status}.`);
    },
    failed(error: Error) {
      throw error;
    },
  };
  const [connection] = await openConnections(1, job.port, { sender });
  state.from = performance.now();
  connection?.send(encode(request, job.port));
  try {
    await state.done;
    return { latencies: state.answers, seconds: (performance.now() - state.from) / 1000 };
  } finally {
    held = undefined;
    for (const each of [...state.connections, connection]) each?.close();
  }
}
