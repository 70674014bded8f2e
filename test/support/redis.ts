import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { afterAll, describe } from 'vitest';
import { findRedisServer } from './find-redis.ts';
import { within } from './inbox.ts';

const program = findRedisServer();

/** Databases of one server; each installation under test has one of its own. */
const DATABASES = 64;

/** Groups tests that need Redis; without one they are skipped, and their title says how to run them. */
export function describeWithRedis(title: string, define: () => void): void {
  if (program !== undefined) describe(title, define);
  else {
    describe.skip(
      `${title} (skipped: there is no redis-server here; apt-get install redis-server, or set REDIS_SERVER_PATH)`,
      define,
    );
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A Redis of the test's own, which keeps nothing on disk. */
export class TestRedis {
  readonly port: number;
  #child: ChildProcess | undefined;

  private constructor(port: number) {
    this.port = port;
  }

  static async start(): Promise<TestRedis> {
    const redis = new TestRedis(await freePort());
    await redis.start();
    return redis;
  }

  /** @param database its number */
  url(database = 0): string {
    return `redis://127.0.0.1:${this.port}/${database}`;
  }

  /** Starts it, empty, on the port that it had before. */
  async start(): Promise<void> {
    if (program === undefined)
      throw new Error('There is no redis-server here: apt-get install redis-server.');
    const options = { port: this.port, bind: '127.0.0.1', save: '', databases: DATABASES, dir: tmpdir() };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    let printed = '';
    const ready = new Promise<void>((resolve, reject) => {
      child.stdout.on('data', (chunk) => {
        printed += chunk;
        if (/Ready to accept connections/.test(printed)) resolve();
      });
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}:\n${printed}`)));
    });
    await within(ready, () => 'redis-server to start', 10_000);
  }

  /** Ends it at once, as a crash does. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  /** Stops it in the middle of whatever it does, until `thaw`. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }
}

let shared: Promise<TestRedis> | undefined;
let taken = 0;

afterAll(async () => {
  await (await shared)?.kill();
  shared = undefined;
});

/** A database of the test file's Redis that nobody else uses. @returns its address */
export async function takeRedisDatabase(): Promise<string> {
  shared ??= TestRedis.start();
  if (taken === DATABASES) throw new Error(`A test file may use ${DATABASES} databases of Redis`);
  return (await shared).url(taken++);
}
