import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll } from 'vitest';
import { buildApp } from '../../src/app.ts';
import { type Config, readConfig } from '../../src/config.ts';
import { openObservability } from '../../src/observability/open.ts';
import { openServices, type Services } from '../../src/services.ts';
import { silent } from './database.ts';

/** No limit on calls; and what a test and its server do in one process is no pressure. */
export const TEST_SETTINGS = {
  RATE_LIMIT_PER_MINUTE: '0',
  GRANT_LIMIT_PER_MINUTE: '0',
  PRESSURE_EVENT_LOOP_MS: '0',
  PRESSURE_HEAP_MB: '0',
};

/** A clock that goes by itself, and can be moved on. */
export class TestClock {
  #ahead = 0;
  now = (): number => performance.now() + this.#ahead;
  advance(ms: number): void {
    this.#ahead += ms;
  }
}

/** The real server over a database, listening on a free port. */
export interface RelayServer {
  url: string;
  app: FastifyInstance;
  services: Services;
  clock: TestClock;
  stop(): Promise<void>;
}

/** Starts a server. @param overrides of the defaults; the rate limits are off */
export async function startRelayServer(
  databaseUrl: string,
  overrides: Partial<Config> = {},
): Promise<RelayServer> {
  const config = {
    ...readConfig(TEST_SETTINGS),
    ...overrides,
  };
  const clock = new TestClock();
  const observability = await openObservability(config, { log: silent, version: 'test' });
  const services = await openServices({
    config,
    databaseUrl,
    log: silent,
    observability,
    now: clock.now,
  });
  const app = await buildApp({ config, services, log: silent, version: 'test' });
  const url = await app.listen({ host: '127.0.0.1', port: config.port === 3000 ? 0 : config.port });
  const stop = async () => {
    await app.close();
    await services.close();
    await observability.tracing.close();
  };
  return { url, app, services, clock, stop };
}

/** A server for all tests of the file. */
export function useRelayServer(database: { url: string }, overrides: Partial<Config> = {}): RelayServer {
  const server = {} as RelayServer;
  beforeAll(async () => {
    Object.assign(server, await startRelayServer(database.url, overrides));
  });
  afterAll(() => server.stop());
  return server;
}

/** Runs with a server of its own, which stops afterwards. */
export async function withRelayServer<T>(
  { databaseUrl, config }: { databaseUrl: string; config?: Partial<Config> },
  work: (server: RelayServer) => Promise<T>,
): Promise<T> {
  const server = await startRelayServer(databaseUrl, config);
  try {
    return await work(server);
  } finally {
    await server.stop();
  }
}
