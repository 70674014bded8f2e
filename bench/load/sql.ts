import pg from 'pg';
import { LatencyLog } from '../stats.ts';
import type { SqlJob } from './job.ts';
import type { Run } from './run.ts';

const pools = new Map<string, pg.Pool>();

/** Pools stay open between runs, as the server's does, so that connecting and preparing are not measured. */
function poolOf({ url, poolSize }: SqlJob): pg.Pool {
  const key = `${poolSize} ${url}`;
  const pool = pools.get(key) ?? new pg.Pool({ connectionString: url, max: poolSize });
  // Without a listener, a lost connection to the database would end this process.
  if (!pools.has(key))
    pools.set(
      key,
      pool.on('error', () => undefined),
    );
  return pool;
}

/** Runs the callers, each with one prepared statement at a time, until the limit is reached. */
export async function runSql(job: SqlJob): Promise<Run> {
  const pool = poolOf(job);
  const latencies = new LatencyLog();
  const calls = 'calls' in job.until ? job.until.calls : Number.POSITIVE_INFINITY;
  const startedAt = performance.now();
  const endsAt = 'seconds' in job.until ? startedAt + 1000 * job.until.seconds : Number.POSITIVE_INFINITY;
  let sent = 0;

  const call = async () => {
    while (sent < calls && performance.now() < endsAt) {
      const statement = job.statements[sent++ % job.statements.length];
      const from = performance.now();
      const { rows } = await pool.query(statement as pg.QueryConfig);
      if (rows.length === 0) throw new Error(`No row came back: ${statement?.text}`);
      latencies.add(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: job.callers }, call));
  return { latencies, seconds: (performance.now() - startedAt) / 1000 };
}
