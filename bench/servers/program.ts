import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';

export const ROOT = path.resolve(import.meta.dirname, '../..');

/** A server in its own process. */
export interface ServerProcess {
  pid: number;
  port: number;
  stop(): Promise<void>;
}

const START_LIMIT_MS = 30_000;

/** Hides the machine's settings from the measured program. */
function cleanEnv(): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR, LD_LIBRARY_PATH } = process.env;
  return { PATH, HOME, TMPDIR, LD_LIBRARY_PATH };
}

function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let [printed, errors] = ['', ''];
    child.stderr?.on('data', (chunk) => {
      errors += chunk;
    });
    child.stdout?.on('data', (chunk) => {
      printed += chunk;
      const url = /listens on (http:\S+)/.exec(printed)?.[1];
      if (url) resolve(Number(new URL(url).port));
    });
    child.once('exit', (code) => reject(new Error(`A server ended with ${code}:\n${errors}`)));
    setTimeout(() => reject(new Error(`A server did not start:\n${errors}`)), START_LIMIT_MS).unref();
  });
}

/**
 * Starts a program that prints `listens on <url>`, in production mode.
 * @param args of `node` @throws Error with its stderr when it ends or does not start in time
 */
export async function startProgram(args: string[], env: NodeJS.ProcessEnv = {}): Promise<ServerProcess> {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...cleanEnv(), NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit');
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const port = await portOf(child);
  return {
    pid: child.pid ?? 0,
    port,
    async stop() {
      child.kill('SIGTERM');
      await ended;
      process.off('exit', kill);
    },
  };
}

const { scripts } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
  scripts: { start: string };
};

/** What `npm start` gives to `node`: its options, the built server and its command. */
const START = scripts.start.split(' ').slice(1);

/** The built server as an operator runs it, without limits and with a quiet log. @param env further settings */
export const startVaultRelay = (
  databaseUrl: string,
  nodeArgs: string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<ServerProcess> =>
  startProgram([...nodeArgs, ...START], {
    DATABASE_URL: databaseUrl,
    DATABASE_POOL_SIZE: String(POOL_SIZE),
    HOST: '127.0.0.1',
    PORT: '0',
    RATE_LIMIT_PER_MINUTE: '0',
    MAX_CONNECTIONS_PER_ADDRESS: '100000',
    GRANT_LIMIT_PER_MINUTE: '0',
    LOG_LEVEL: 'warn',
    ...env,
  });

/** Connections to PostgreSQL, both of the server and of the floor. */
export const POOL_SIZE = 10;

/** The unit in which Linux counts the CPU time of processes. */
const TICK_SECONDS = 0.01;

/** @returns the seconds of CPU that a process has used; undefined without /proc */
export function cpuSeconds(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_SECONDS;
  } catch {
    return undefined;
  }
}

/** Resident memory of a process, in KB; Linux only. */
export function residentKb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]);
}
