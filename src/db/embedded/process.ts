import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { hasCode } from './error.ts';

const onLinux = process.platform === 'linux';

function ps(pid: number, columns: string): string | undefined {
  try {
    return execFileSync('ps', ['-o', columns, '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined;
  } catch {
    return undefined; // no such process
  }
}

/**
 * Names a process for as long as it lives: its start time tells it from a later process with the same id.
 * A zombie counts as dead, for it holds nothing any more (in a container nobody may ever reap it).
 * @returns undefined when no such process lives
 */
export function processIdentity(pid: number): string | undefined {
  if (!onLinux) {
    const [state = '', ...started] = (ps(pid, 'stat=,lstart=') ?? '').split(/\s+/);
    return state === '' || state.startsWith('Z') ? undefined : `${pid}@${started.join('-')}`;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold blanks and parentheses itself; what follows the last one is regular.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : `${pid}@${fields[19]}`;
  } catch {
    return undefined; // no such process
  }
}

/** Whether this process is a PostgreSQL that works in `clusterDir`, and not another one that got its id. */
export function isPostmasterOf(pid: number, clusterDir: string): boolean {
  if (processIdentity(pid) === undefined) return false;
  if (!onLinux) return path.basename(ps(pid, 'comm=') ?? '') === 'postgres';
  try {
    if (readFileSync(`/proc/${pid}/comm`, 'utf8').trim() !== 'postgres') return false;
    return readlinkSync(`/proc/${pid}/cwd`) === clusterDir;
  } catch (error) {
    // Root without CAP_SYS_PTRACE, the usual root in a container, may not look: then the name must do.
    return hasCode(error, 'EACCES', 'EPERM');
  }
}

/** Sends a signal; false when the process is gone. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if (hasCode(error, 'ESRCH')) return false;
    throw error;
  }
}

/** Asks again and again until the answer is neither undefined nor false; undefined when the time is up. */
export async function until<T>(
  ask: () => T | undefined | Promise<T | undefined>,
  milliseconds: number,
): Promise<T | undefined> {
  const deadline = Date.now() + milliseconds;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() >= deadline) return undefined;
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}
