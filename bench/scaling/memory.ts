import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once, setMaxListeners } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { withFolder } from './database.ts';

const SOCKETS = 2000;
const WAITS = 2000;
const PROGRAM = new URL('../../dist/main.js', import.meta.url).pathname;

/** Waits until the value is stable, so that garbage does not count. */
async function residentKiB(pid: number): Promise<number> {
  let last = 0;
  for (let same = 0; same < 3; ) {
    await setTimeout(1000);
    const now = Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]);
    same = Math.abs(now - last) < 512 ? same + 1 : 0;
    last = now;
  }
  return last;
}

async function startServer(env: NodeJS.ProcessEnv): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [PROGRAM, 'serve'], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  let printed = '';
  for await (const chunk of child.stdout) {
    printed += chunk;
    const url = /listens on (http:\S+)/.exec(printed)?.[1];
    if (url) return { child, url };
  }
  throw new Error('The server did not start; run `npm run build` first');
}

async function post<T>(url: string, body: object, session = ''): Promise<T> {
  const headers = { authorization: `session ${session}`, 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  return (await answer.json()) as T;
}

async function openSockets(url: string, n: number): Promise<WebSocket[]> {
  const { code } = await post<{ code: string }>(`${url}/api/pair`, { hostname: 'bench' });
  const sockets: WebSocket[] = [];
  for (let i = 0; i < n; i++) {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws?role=atem&code=${code}&atem_id=a${i}`);
    await once(socket, 'open');
    sockets.push(socket);
  }
  return sockets;
}

/** @returns lines of a table: KiB of resident memory of the server for each. Linux only */
export const measureMemory = (): Promise<string[][]> =>
  withFolder(async (DATA_DIR) => {
    const limits = { RATE_LIMIT_PER_MINUTE: '0', RELAY_WS_MAX_PER_IP: '100000', LOG_LEVEL: 'warn' };
    const env = { ...process.env, DATA_DIR, PORT: '0', ...limits };
    execFileSync(process.execPath, [PROGRAM, 'migrate'], { env });
    const create = ['session', 'create', '--astation', 'st', '--json'];
    const made = execFileSync(process.execPath, [PROGRAM, ...create], { env, encoding: 'utf8' });
    const { session_id: session } = JSON.parse(made) as { session_id: string };
    const { child, url } = await startServer(env);
    const lines: string[][] = [];
    try {
      const pid = child.pid ?? 0;
      const { vault_id } = await post<{ vault_id: string }>(`${url}/api/vault?id=a`, {}, session);
      // The first sockets load and compile code, which must not count as memory of sockets.
      for (const socket of await openSockets(url, 100)) socket.terminate();
      const empty = await residentKiB(pid);
      const sockets = await openSockets(url, SOCKETS);
      const open = await residentKiB(pid);
      lines.push(['an idle socket', String(SOCKETS), ((open - empty) / SOCKETS).toFixed(1)]);
      const leave = new AbortController();
      setMaxListeners(0, leave.signal);
      const wait = `${url}/api/vault/${vault_id}?id=a&wait=25`;
      const headers = { authorization: `session ${session}` };
      const waits = Array.from({ length: WAITS }, () => fetch(wait, { headers, signal: leave.signal }));
      let answered = 0;
      for (const answer of waits) answer.then(() => answered++).catch(() => undefined);
      const settled = Promise.allSettled(waits);
      const waiting = await residentKiB(pid);
      if (answered > 0) throw new Error(`${answered} reads did not wait; try again on a quieter machine`);
      lines.push(['a waiting read', String(WAITS), ((waiting - open) / WAITS).toFixed(1)]);
      leave.abort();
      await settled;
      for (const socket of sockets) socket.terminate();
    } finally {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    return lines;
  });
