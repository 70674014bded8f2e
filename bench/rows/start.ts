import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Bench } from '../compare.ts';
import type { Row } from '../row.ts';
import { ROOT } from '../servers/program.ts';
import { median } from '../stats.ts';

const LIMIT_MS = 60_000;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function firstAnswer(url: string): Promise<void> {
  for (const limit = performance.now() + LIMIT_MS; performance.now() < limit; ) {
    const status = await fetch(url).then(
      (answer) => answer.status,
      () => undefined,
    );
    if (status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('The server did not start.');
}

/** @returns seconds from `npm start` to the first 200; stops the server afterwards */
async function timeStart(dataDir: string): Promise<number> {
  const port = await freePort();
  const env = { ...process.env, DATA_DIR: dataDir, PORT: String(port), HOST: '127.0.0.1', LOG_LEVEL: 'warn' };
  delete (env as NodeJS.ProcessEnv).DATABASE_URL;
  const startedAt = performance.now();
  const child = spawn('npm', ['start'], { cwd: ROOT, env, stdio: 'ignore', detached: true });
  const ended = once(child, 'exit');
  await firstAnswer(`http://127.0.0.1:${port}/health`);
  const seconds = (performance.now() - startedAt) / 1000;
  // npm and the server form their own process group.
  process.kill(-(child.pid as number), 'SIGTERM');
  await ended;
  return seconds;
}

/** Starts on an empty folder, and then again on the data of the first start. */
async function timeStarts({ rounds }: Bench): Promise<{ fresh: number[]; existing: number[] }> {
  const [fresh, existing]: [number[], number[]] = [[], []];
  for (let round = 0; round < Math.min(rounds, 3); round++) {
    const dataDir = await mkdtemp(path.join(tmpdir(), 'vault-relay-start-'));
    await chmod(dataDir, 0o755);
    try {
      fresh.push(await timeStart(dataDir));
      existing.push(await timeStart(dataDir));
    } finally {
      await rm(dataDir, { recursive: true, force: true, maxRetries: 10 });
    }
  }
  return { fresh, existing };
}

let times: ReturnType<typeof timeStarts> | undefined;

async function report(bench: Bench, which: 'fresh' | 'existing') {
  times ??= timeStarts(bench);
  const seconds = (await times)[which];
  return { value: median(seconds), note: `of ${seconds.map((s) => s.toFixed(2)).join(', ')} s` };
}

export const startRows: Row[] = [
  {
    key: 'start_seconds',
    unit: 's',
    what: '`npm start` to the first 200, with existing data',
    must: { atMost: 3 },
    measure: (bench) => report(bench, 'existing'),
  },
  {
    key: 'start_fresh_seconds',
    unit: 's',
    what: '`npm start` to the first 200, without data',
    must: { atMost: 5 },
    measure: (bench) => report(bench, 'fresh'),
  },
];
