import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';

export const ROOT = path.resolve(import.meta.dirname, '../..');

/** A server in a process of its own. */
export interface ServerProcess {
  pid: number;
  port: number;
  stop(): Promise<void>;
}

const START_LIMIT_MS = 30_000;

/** Nothing that is set on this machine reaches a measured program. */
function cleanEnv(): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR, LD_LIBRARY_PATH } = process.env;
  return { PATH, HOME, TMPDIR, LD_LIBRARY_PATH };
}

function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let [printed, complaint] = ['', ''];
    child.stderr?.on('data', (chunk) => {
      complaint += chunk;
    });
    child.stdout?.on('data', (chunk) => {
      printed += chunk;
      const url = /listens on (http:\S+)/.exec(printed)?.[1];
      if (url) resolve(Number(new URL(url).port));
    });
    child.once('exit', (code) => reject(new Error(`A server ended with ${code}:\n${complaint}`)));
    setTimeout(() => reject(new Error(`A server did not start:\n${complaint}`)), START_LIMIT_MS).unref();
  });
}

/**
 * Starts a program that prints `listens on <url>`, in production mode.
 * @param args of `node` @throws Error with what it complained of when it ends or says nothing
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

/** The built server over a database, as an operator runs it, without limits and with a quiet log. */
export const startVaultRelay = (databaseUrl: string, nodeArgs: string[] = []): Promise<ServerProcess> =>
  startProgram([...nodeArgs, 'dist/main.js', 'serve'], {
    DATABASE_URL: databaseUrl,
    DATABASE_POOL_SIZE: String(POOL_SIZE),
    HOST: '127.0.0.1',
    PORT: '0',
    RATE_LIMIT_PER_MINUTE: '0',
    MAX_CONNECTIONS_PER_ADDRESS: '100000',
    GRANT_LIMIT_PER_MINUTE: '0',
    LOG_LEVEL: 'warn',
  });

/** Connections to PostgreSQL, of the server and of the floor alike. */
export const POOL_SIZE = 10;

/** A tick of the clock that Linux counts the time of processes by. */
const TICK_SECONDS = 0.01;

/** @returns seconds of CPU that a process has taken so far, undefined where there is no /proc */
export function cpuSeconds(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_SECONDS;
  } catch {
    return undefined;
  }
}

/** What of the memory of a process is in RAM, in KB; Linux only. */
export function residentKb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]);
}
