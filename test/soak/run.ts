import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { EmbeddedDatabase } from '../../src/db/embedded/postgres.ts';
import { eventually, isAlive, makeWorkshop, postmasterOf } from '../support/embedded.ts';
import { parseExposition, readValue } from '../support/exposition.ts';
import { createSession, type Program, serve, stop } from '../support/process.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { load, type Tally } from './load.ts';
import { judgeMemory, type MemorySample } from './memory.ts';

const USAGE = `npm run soak                     10 minutes of mixed load; fails when the server's memory is not flat
npm run soak -- --minutes 2      for another time
npm run soak -- --kill           and PostgreSQL is killed and started again every minute
`;

const SAMPLE_MS = 2000;
const KILL_EVERY_MS = 60_000;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    kill: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const print = (line: string) => process.stdout.write(`${line}\n`);
const megabytes = (bytes: number) => `${Math.round(bytes / 1_048_576)} MB`;

async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return String(port);
}

interface KillOptions {
  workshop: ReturnType<typeof makeWorkshop>;
  first: EmbeddedDatabase;
  goesOn(): boolean;
}

/** Kills PostgreSQL and starts it again, every minute, behind the address that the server knows. */
async function keepKilling(
  dataDir: string,
  proxy: TcpProxy,
  { workshop, first, goesOn }: KillOptions,
): Promise<void> {
  let { clusterDir } = first;
  for (;;) {
    for (let waited = 0; waited < KILL_EVERY_MS && goesOn(); waited += 1000) await setTimeout(1000);
    if (!goesOn()) return;
    const postmaster = await postmasterOf(clusterDir);
    process.kill(postmaster, 'SIGKILL');
    await eventually('the killed PostgreSQL has ended', () => !isAlive(postmaster));
    const database = await workshop.start(dataDir);
    clusterDir = database.clusterDir;
    proxy.leadTo(database.url);
    print('  PostgreSQL was killed and is back');
  }
}

async function sampleMemory(port: string, from: number): Promise<MemorySample> {
  const samples = parseExposition(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
  return {
    seconds: (performance.now() - from) / 1000,
    resident: readValue(samples, 'process_resident_memory_bytes') ?? 0,
    heap: readValue(samples, 'nodejs_heap_size_used_bytes') ?? 0,
  };
}

async function soak(minutes: number): Promise<boolean> {
  const workshop = makeWorkshop();
  const dataDir = await workshop.folder();
  const first = await workshop.start(dataDir);
  const proxy = await TcpProxy.to(first.url);

  const METRICS_PORT = await freePort();
  const env = {
    DATABASE_URL: proxy.url,
    METRICS_PORT,
    LOG_LEVEL: 'fatal',
    GRANT_LIMIT_PER_MINUTE: '0',
  };
  let program: Program | undefined;
  try {
    const running = await serve(env);
    program = running.program;
    const session = await createSession(env, 'soak');
    const from = performance.now();
    let failed = false;
    const goesOn = () => !failed && performance.now() - from < 60_000 * minutes;
    const tally: Tally = { calls: 0, written: 0, unserved: 0 };
    const samples: MemorySample[] = [];

    const watch = async () => {
      while (goesOn()) {
        samples.push(await sampleMemory(METRICS_PORT, from));
        await setTimeout(SAMPLE_MS);
      }
    };
    const work = async () => {
      await load({ url: running.url, session, goesOn, mayBeAway: values.kill }, tally);
    };
    const parts = [
      watch(),
      work(),
      ...(values.kill ? [keepKilling(dataDir, proxy, { workshop, first, goesOn })] : []),
    ];
    await Promise.all(
      parts.map((part) =>
        part.catch((error) => {
          failed = true;
          throw error;
        }),
      ),
    );

    const { flat, start, middle, end } = judgeMemory(samples);
    for (const [name, sample] of Object.entries({ start, middle, end })) {
      print(
        `  ${name.padEnd(6)} ${sample.seconds} s: ${megabytes(sample.resident)} resident, ${megabytes(sample.heap)} heap`,
      );
    }
    print(
      `  ${tally.calls} calls, ${tally.written} writes acknowledged and kept, ${tally.unserved} calls while the database was away`,
    );
    return flat;
  } finally {
    if (program) await stop(program);
    await proxy.stop();
    await workshop.cleanUp();
  }
}

if (values.help) {
  process.stdout.write(USAGE);
} else {
  const minutes = Number(values.minutes);
  print(`Soak of ${minutes} minutes`);
  const flat = await soak(minutes).catch((error: Error) => {
    process.stderr.write(`  failed: ${error.message}\n`);
    return undefined;
  });
  if (flat) print('Memory is flat.');
  else process.exitCode = 1;
  if (flat === false) process.stderr.write('  failed: memory is not flat\n');
}
