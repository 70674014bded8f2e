import { setTimeout } from 'node:timers/promises';
import { type Bench, overHttp } from '../compare.ts';
import type { Row } from '../row.ts';
import { seedVault } from '../seed.ts';
import { residentKb } from '../servers/program.ts';
import { appendRequest } from './writes.ts';

const KB_A_MB = 1024;

/** How long a server has nothing to do before its memory counts. */
const IDLE_MS = 10_000;

/** Between two looks at a server under load. */
const LOOK_MS = 100;

const inMb = (pid: number) => residentKb(pid) / KB_A_MB;

/** @returns the most resident MB while work runs */
async function peakDuring(pid: number, work: Promise<unknown>): Promise<number> {
  let [most, isRunning] = [0, true];
  const ended = work.finally(() => {
    isRunning = false;
  });
  while (isRunning) {
    most = Math.max(most, inMb(pid));
    await setTimeout(LOOK_MS);
  }
  await ended;
  return most;
}

async function measureMemory(bench: Bench): Promise<{ idle: number; append: number }> {
  // Other rows have grown the heap of the shared server.
  const { admin, server } = await bench.stage.newPlace();
  await setTimeout(IDLE_MS);
  const idle = inMb(server.pid);
  const requests = [appendRequest(await seedVault(admin))];
  const run = overHttp(bench, { server, requests, connections: 32 });
  const append = await peakDuring(server.pid, run({ seconds: bench.rounds * bench.seconds }));
  await server.stop();
  return { idle, append };
}

let measured: ReturnType<typeof measureMemory> | undefined;

async function report(bench: Bench, which: 'idle' | 'append') {
  measured ??= measureMemory(bench);
  return { value: (await measured)[which], note: 'resident memory of the process of the server' };
}

export const memoryRows: Row[] = [
  {
    key: 'rss_idle_mb',
    unit: 'MB',
    what: 'memory of a server 10 s after its start, without requests',
    must: { atMost: 95 },
    measure: (bench) => report(bench, 'idle'),
  },
  {
    key: 'rss_append_mb',
    unit: 'MB',
    what: 'highest memory of a server during appends to one vault over 32 connections',
    must: { atMost: 125 },
    measure: (bench) => report(bench, 'append'),
  },
];
