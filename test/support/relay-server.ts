import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { afterAll, beforeAll, inject } from 'vitest';
import { buildApp } from '../../src/app.ts';
import { type Config, readConfig } from '../../src/config.ts';
import { openObservability } from '../../src/observability/open.ts';
import type { Room } from '../../src/relay/rooms/state.ts';
import { openServices, type Services } from '../../src/services.ts';
import { silent } from './database.ts';
import { takeRedisDatabase } from './redis.ts';

/** No limit on calls, and no back-pressure, because the test and its server share a process. */
export const TEST_SETTINGS = {
  RATE_LIMIT_PER_MINUTE: '0',
  GRANT_LIMIT_PER_MINUTE: '0',
  PRESSURE_EVENT_LOOP_MS: '0',
  PRESSURE_HEAP_MB: '0',
  PRESSURE_RSS_MB: '0',
};

/** A running clock that a test can advance. All servers of a test share it. */
export class TestClock {
  #ahead = 0;
  #roomsAhead = 0;
  now = (): number => performance.now() + this.#ahead;
  rooms = (): number => this.now() + this.#roomsAhead;
  advance(ms: number): void {
    this.#ahead += ms;
  }
  /** Advances only the clock of rooms, so that idle sockets stay open. */
  advanceRooms(ms: number): void {
    this.#roomsAhead += ms;
  }
}

/** One server, listening on a free port. */
export interface Replica {
  url: string;
  app: FastifyInstance;
  services: Services;
  stop(): Promise<void>;
}

/** Options of a test server. */
export interface RelayOptions {
  /** Overrides of the defaults; the rate limits are off. */
  config?: Partial<Config>;
  /** Servers; by default one, or as many as the tier runs on. */
  replicas?: number;
  /** Address of a shared Redis instead of a new one, or one address per server. */
  redisUrl?: string | string[];
  /** Where the servers' log goes; nowhere by default. */
  log?: Logger;
}

/** One server, or several behind a round-robin balancer, as clients see them. */
export class RelayServer {
  readonly clock = new TestClock();
  readonly replicas: Replica[] = [];
  #turn = 0;

  async start(databaseUrl: string, options: RelayOptions = {}): Promise<void> {
    const { config = {}, replicas = inject('replicas'), log = silent } = options;
    const given = options.redisUrl ?? (replicas > 1 ? await takeRedisDatabase() : undefined);
    while (this.replicas.length < replicas) {
      const redisUrl = Array.isArray(given) ? given[this.replicas.length] : given;
      this.replicas.push(
        await startReplica({ databaseUrl, config: { redisUrl, ...config }, clock: this.clock, log }),
      );
    }
  }

  /** The address of the next server. */
  get url(): string {
    return this.#next().url;
  }

  /** The first server. */
  get one(): Replica {
    const [first] = this.replicas;
    if (!first) throw new Error('The server has not been started');
    return first;
  }

  /** The room of a code on the next server. */
  room(code: string): Promise<Room | undefined> {
    return this.#next().services.hub.room(code);
  }

  /** Ends expired rooms. */
  async sweep(): Promise<void> {
    for (const { services } of this.replicas) await services.hub.sweep();
  }

  /** Runs the periodic check of every socket. */
  tick(): void {
    for (const { services } of this.replicas) services.connections.tick();
  }

  /** The number of sockets. */
  get sockets(): number {
    return this.#sum(({ services }) => services.connections.size);
  }

  /** The number of sockets of an address. */
  countOf(address: string): number {
    return this.#sum(({ services }) => services.connections.countOf(address));
  }

  /** Whether the relay currently drops frames for a socket. */
  isFull(connectionId: string): boolean {
    return this.replicas.some(({ services }) => services.connections.isFull(connectionId));
  }

  async stop(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.stop()));
  }

  #next(): Replica {
    return this.replicas[this.#turn++ % this.replicas.length] ?? this.one;
  }

  #sum(count: (replica: Replica) => number): number {
    return this.replicas.reduce((sum, replica) => sum + count(replica), 0);
  }
}

async function startReplica({
  databaseUrl,
  config: overrides,
  clock,
  log,
}: {
  databaseUrl: string;
  config: Partial<Config>;
  clock: TestClock;
  log: Logger;
}): Promise<Replica> {
  const config = {
    ...readConfig(TEST_SETTINGS),
    ...overrides,
  };
  const observability = await openObservability(config, { log, version: 'test' });
  const services = await openServices({
    config,
    databaseUrl,
    log,
    observability,
    now: clock.now,
    roomClock: clock.rooms,
  });
  const app = await buildApp({ config, services, log, version: 'test' });
  const url = await app.listen({ host: '127.0.0.1', port: config.port === 3000 ? 0 : config.port });
  const stop = async () => {
    await app.close();
    await services.close();
    await observability.tracing.close();
  };
  return { url, app, services, stop };
}

/** Starts a server. */
export async function startRelayServer(
  databaseUrl: string,
  options: RelayOptions = {},
): Promise<RelayServer> {
  const server = new RelayServer();
  await server.start(databaseUrl, options);
  return server;
}

/** A server for all tests of the file. */
export function useRelayServer(database: { url: string }, options: RelayOptions = {}): RelayServer {
  const server = new RelayServer();
  beforeAll(() => server.start(database.url, options));
  afterAll(() => server.stop());
  return server;
}

/** Runs work with a separate server, and stops it afterwards. */
export async function withRelayServer<T>(
  { databaseUrl, ...options }: RelayOptions & { databaseUrl: string },
  work: (server: RelayServer) => Promise<T>,
): Promise<T> {
  const server = await startRelayServer(databaseUrl, options);
  try {
    return await work(server);
  } finally {
    await server.stop();
  }
}
