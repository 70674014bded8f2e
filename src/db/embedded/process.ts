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
 * Identifies a process by its id and start time, because a later process may get the same id. A zombie counts as dead,
 * because it holds no resources, and in a container it may never be reaped.
 * @returns undefined when no such process lives
 */
export function processIdentity(pid: number): string | undefined {
  if (!onLinux) {
    const [state = '', ...started] = (ps(pid, 'stat=,lstart=') ?? '').split(/\s+/);
    return state === '' || state.startsWith('Z') ? undefined : `${pid}@${started.join('-')}`;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may contain blanks and parentheses. The fields after the last parenthesis are regular.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : `${pid}@${fields[19]}`;
  } catch {
    return undefined; // no such process
  }
}

/** Whether this process is a PostgreSQL that works in `clusterDir`, and not another process with a reused id. */
export function isPostmasterOf(pid: number, clusterDir: string): boolean {
  if (processIdentity(pid) === undefined) return false;
  if (!onLinux) return path.basename(ps(pid, 'comm=') ?? '') === 'postgres';
  try {
    if (readFileSync(`/proc/${pid}/comm`, 'utf8').trim() !== 'postgres') return false;
    return readlinkSync(`/proc/${pid}/cwd`) === clusterDir;
  } catch (error) {
    // Root in a container usually lacks CAP_SYS_PTRACE and may not read the link. Then the name must suffice.
    return hasCode(error, 'EACCES', 'EPERM');
  }
}

/** Sends a signal. @returns false when the process has ended */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if (hasCode(error, 'ESRCH')) return false;
    throw error;
  }
}

/** Polls until the answer is neither undefined nor false. @returns undefined on time-out */
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
