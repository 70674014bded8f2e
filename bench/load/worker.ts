import { hold, release } from './hold.ts';
import type { Job, Outcome } from './job.ts';
import { type Run, runClosedLoop, runOpenLoop } from './run.ts';
import { runSql } from './sql.ts';

/** This file is the load process. The parent sends it one job at a time. */
function start(job: Job): Promise<Run> {
  switch (job.kind) {
    case 'http':
      return runClosedLoop(job);
    case 'open-loop':
      return runOpenLoop(job);
    case 'sql':
      return runSql(job);
    case 'hold':
      return hold(job);
    case 'release':
      return release(job);
  }
}

async function run(job: Job): Promise<Outcome> {
  const before = process.cpuUsage();
  const startedAt = performance.now();
  const { latencies, seconds } = await start(job);
  const { user, system } = process.cpuUsage(before);
  const busy = (user + system) / 1000 / (performance.now() - startedAt);
  return { calls: latencies.count, seconds, latencies: latencies.summary(), busy };
}

process.on('message', (job: Job) => {
  run(job).then(
    (outcome) => process.send?.({ outcome }),
    (error: Error) => process.send?.({ error: error.message }),
  );
});
process.once('disconnect', () => process.exit(0));
process.send?.('ready');
