/**
 * `npm run soak:relay`: 2,000 sockets in 700 rooms over two replicas that share a Redis and a database of their own.
 * Every atem sends a frame every two seconds, its Astation answers each. Prints how long frames took, and which were lost
 * or out of order. SOAK_SECONDS (60), SOAK_ROOMS (700), SOAK_SOCKETS (2000), SOAK_REPLICAS (2),
 * SOAK_FRAME_EVERY_MS (2000).
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import pino from 'pino';
import { WebSocket } from 'ws';
import { startEmbedded } from '../../src/db/embedded/postgres.ts';
import { RedisServer } from '../support/redis-server.ts';
import { type ServerProcess, startServerProcess } from '../support/server-process.ts';

const setting = (name: string, standard: number) => Number(process.env[name] ?? standard);
const SECONDS = setting('SOAK_SECONDS', 60);
const ROOMS = setting('SOAK_ROOMS', 700);
const SOCKETS = setting('SOAK_SOCKETS', 2000);
const REPLICAS = setting('SOAK_REPLICAS', 2);
const FRAME_EVERY_MS = setting('SOAK_FRAME_EVERY_MS', 2000);
/** Sockets that are opened at the same time. */
const AT_ONCE = 20;
const MAX_P99_MS = 100;

/** A stream of numbered frames from one socket to another. */
interface Stream {
  sent: number;
  received: number;
  outOfOrder: number;
}

const took: number[] = [];
const streams: Stream[] = [];

const newStream = (): Stream => {
  const stream = { sent: 0, received: 0, outOfOrder: 0 };
  streams.push(stream);
  return stream;
};

/** A frame of a stream: its number, and when it was sent. */
const nextFrame = (stream: Stream) => [stream.sent++, performance.now()] as const;

function arrived(stream: Stream, [n, sentAt]: readonly [number, number]): void {
  took.push(performance.now() - sentAt);
  if (n !== stream.received) stream.outOfOrder++;
  stream.received++;
}

function open(url: string): Promise<WebSocket> {
  const ws = new WebSocket(url, { perMessageDeflate: false });
  return new Promise((resolve, reject) => {
    ws.once('open', () => resolve(ws));
    ws.once('error', reject);
    ws.once('unexpected-response', (_, { statusCode }) =>
      reject(new Error(`${url} was refused with ${statusCode}`)),
    );
    ws.once('close', (code, reason) => {
      if (!ending) fail(`A socket was closed with ${code} ${reason}`);
    });
  });
}

let ending = false;
function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/** An Astation that answers every frame of its atems. @returns resolves when it has its challenge */
async function openAstation(base: string, code: string): Promise<void> {
  const ups = new Map<string, Stream>();
  const downs = new Map<string, Stream>();
  const ws = await open(`${base}/ws?role=astation&code=${code}`);
  ws.on('message', (data) => {
    const frame = JSON.parse(String(data));
    if (frame.relay_event === 'connected') {
      ups.set(frame.atem_id, upStreams.get(frame.atem_id) as Stream);
      downs.set(frame.atem_id, downStreams.get(frame.atem_id) as Stream);
      return;
    }
    const { atem_id, connection_id, payload } = frame;
    const [up, down] = [ups.get(atem_id), downs.get(atem_id)];
    if (!up || !down) return;
    arrived(up, payload.f);
    ws.send(JSON.stringify({ atem_id, connection_id, payload: { f: nextFrame(down), fill: payload.fill } }));
  });
}

const upStreams = new Map<string, Stream>();
const downStreams = new Map<string, Stream>();
const FILL = 'x'.repeat(512);

async function openAtem(base: string, code: string, id: string): Promise<() => void> {
  const [up, down] = [newStream(), newStream()];
  upStreams.set(id, up);
  downStreams.set(id, down);
  const ws = await open(`${base}/ws?role=atem&code=${code}&atem_id=${id}`);
  ws.on('message', (data) => arrived(down, JSON.parse(String(data)).f));
  return () => ws.send(JSON.stringify({ f: nextFrame(up), fill: FILL }));
}

async function inPortions<T>(items: T[], work: (item: T, n: number) => Promise<void>): Promise<void> {
  for (let n = 0; n < items.length; n += AT_ONCE) {
    await Promise.all(items.slice(n, n + AT_ONCE).map((item, i) => work(item, n + i)));
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const percentile = (sorted: number[], share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;

async function soak(servers: ServerProcess[]): Promise<boolean> {
  const base = (n: number) => (servers[n % servers.length] as ServerProcess).url.replace(/^http/, 'ws');
  const rooms = Array.from({ length: ROOMS }, (_, n) => `room-${n}`);
  await inPortions(rooms, (code, n) => openAstation(base(n), code));
  const senders: (() => void)[] = [];
  const atems = Array.from({ length: SOCKETS - ROOMS }, (_, n) => n);
  // Beside the Astation's replica as often as elsewhere.
  await inPortions(atems, async (n) => {
    senders.push(await openAtem(base(Math.floor(n / ROOMS) + n + (n % 2)), `room-${n % ROOMS}`, `atem-${n}`));
  });
  process.stdout.write(`${SOCKETS} sockets in ${ROOMS} rooms over ${servers.length} servers; ${SECONDS} s\n`);
  await sleep(2000); // every Astation has heard of its atems
  const timers = senders.map((send) =>
    setTimeout(() => {
      send();
      timers.push(setInterval(send, FRAME_EVERY_MS));
    }, Math.random() * FRAME_EVERY_MS),
  );
  await sleep(SECONDS * 1000);
  for (const timer of timers) clearInterval(timer);
  await sleep(3000);
  ending = true;
  return report();
}

function report(): boolean {
  const sorted = took.toSorted((a, b) => a - b);
  const sum = (of: (stream: Stream) => number) => streams.reduce((total, stream) => total + of(stream), 0);
  const sent = sum((stream) => stream.sent);
  const lost = sent - sum((stream) => stream.received);
  const outOfOrder = sum((stream) => stream.outOfOrder);
  const p99 = percentile(sorted, 0.99);
  const line = {
    cores: cpus().length,
    frames: sent,
    frames_per_second: Math.round(sent / SECONDS),
    p50_ms: Number(percentile(sorted, 0.5).toFixed(1)),
    p99_ms: Number(p99.toFixed(1)),
    max_ms: Number((sorted.at(-1) ?? 0).toFixed(1)),
    lost,
    out_of_order: outOfOrder,
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
  return p99 < MAX_P99_MS && lost === 0 && outOfOrder === 0;
}

async function main(): Promise<void> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'vault-relay-soak-'));
  await chmod(dataDir, 0o755);
  const database = await startEmbedded({ dataDir, log: pino({ level: 'silent' }) });
  const redis = await RedisServer.start();
  const servers: ServerProcess[] = [];
  try {
    while (servers.length < REPLICAS) {
      servers.push(
        await startServerProcess({
          DATABASE_URL: database.url,
          REDIS_URL: redis.url(),
          PORT: '0',
          LOG_LEVEL: 'warn',
          RATE_LIMIT_PER_MINUTE: '0',
          RELAY_WS_MAX_PER_IP: '100000',
          // All sockets come from one address, and prove nothing.
          RELAY_UNPROVED_PER_SECOND: '0',
          PRESSURE_EVENT_LOOP_MS: '0',
        }),
      );
    }
    process.exitCode = (await soak(servers)) ? 0 : 1;
  } finally {
    ending = true;
    await Promise.all(servers.map((server) => server.terminate()));
    await redis.kill();
    await database.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
  process.exit();
}

await main();
