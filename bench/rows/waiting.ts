import type { Bench } from '../compare.ts';
import type { HttpRequest } from '../load/job.ts';
import type { Row } from '../row.ts';
import { seedEntries, settle } from '../seed.ts';
import { residentKb } from '../servers/program.ts';
import { AS_CALLER, HEADERS } from '../stage.ts';
import { median } from '../stats.ts';
import { appendRequest } from './writes.ts';

const WAITING = 5000;
/** The longest wait that the server allows. */
const WAIT_SECONDS = 25;
/** After this time every sent request is waiting, and none has reached its time-out. */
const SETTLE_MS = 3000;

interface Waited {
  kbEach: number[];
  lastMs: number[];
  p50Ms: number[];
}

async function waitTogether({ stage, rounds }: Bench): Promise<Waited> {
  const { admin, server } = await stage.newPlace();
  const id = await seedEntries(admin, 10);
  await settle(admin);
  const { rows } = await admin.query('SELECT head_seq FROM vaults WHERE vault_id = $1', [id]);
  let head = Number(rows[0]?.head_seq);
  const target = { port: server.port, status: 200 };
  const waited: Waited = { kbEach: [], lastMs: [], p50Ms: [] };
  for (let round = 0; round <= Math.min(rounds, 3); round++) {
    const reader: HttpRequest = {
      method: 'GET',
      path: `/api/vault/${id}?${AS_CALLER}&since=${head}&wait=${WAIT_SECONDS}`,
      headers: HEADERS,
    };
    const before = residentKb(server.pid);
    await stage.load.run({ kind: 'hold', ...target, requests: [reader], connections: WAITING });
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const kb = (residentKb(server.pid) - before) / WAITING;
    const { latencies } = await stage.load.run({
      kind: 'release',
      ...target,
      requests: [appendRequest(id)],
      connections: 1,
    });
    head++;
    // Later rounds reuse memory of the first, so the first uses the most. Its times are left out, because the server is cold.
    waited.kbEach.push(kb);
    if (round === 0) continue;
    waited.lastMs.push(latencies.max);
    waited.p50Ms.push(latencies.p50);
  }
  return waited;
}

let measured: Promise<Waited> | undefined;
const measure = (bench: Bench): Promise<Waited> => {
  measured ??= waitTogether(bench);
  return measured;
};

export const waitingRows: Row[] = [
  {
    key: 'wait_5000',
    unit: 'KB',
    what: 'memory of the server for each of 5,000 waiting reads',
    must: { atMost: 25 },
    async measure(bench) {
      const { kbEach } = await measure(bench);
      const value = Math.max(...kbEach);
      return { value, note: `the highest of ${kbEach.map((kb) => kb.toFixed(1)).join(', ')} KB` };
    },
  },
  {
    key: 'wait_5000_seconds',
    unit: 's',
    what: 'from sending a write to the last of 5,000 answers',
    must: { atMost: 1.5 },
    async measure(bench) {
      const { lastMs, p50Ms } = await measure(bench);
      return {
        value: median(lastMs) / 1000,
        note: `of ${lastMs.map((ms) => (ms / 1000).toFixed(2)).join(', ')} s; half of the answers by ${(median(p50Ms) / 1000).toFixed(2)} s`,
      };
    },
  },
];
