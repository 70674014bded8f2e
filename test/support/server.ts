import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { afterAll, beforeAll } from 'vitest';
import { buildApp } from '../../src/app.ts';
import { type Config, readConfig } from '../../src/config.ts';
import { Listener } from '../../src/db/listener.ts';
import { SessionCache } from '../../src/session/cache.ts';
import { SESSION_ENDED_CHANNEL, SessionStore } from '../../src/session/store.ts';
import { silent, type TestDatabase } from './database.ts';

/** The real server, listening on a free port, over the test file's database. */
export interface TestServer {
  url: string;
  sessions: SessionStore;
  cache: SessionCache;
  /** Makes a granted session of an Astation. @returns its id */
  login(astationId: string): Promise<string>;
}

/**
 * Starts the server for this test file.
 * @param overrides of the defaults; the rate limit is off
 * @param log where the server's log goes; nowhere by default
 */
export function useServer(
  database: TestDatabase,
  overrides: Partial<Config> = {},
  log: Logger = silent,
): TestServer {
  const server = {} as TestServer;
  let stop: () => Promise<void> = async () => undefined;
  beforeAll(async () => {
    const config = { ...readConfig({ RATE_LIMIT_PER_MINUTE: '0' }), ...overrides };
    server.sessions = new SessionStore(database.db);
    server.cache = new SessionCache((sessionId) => server.sessions.use(sessionId));
    const listener = new Listener({
      url: database.url,
      channel: SESSION_ENDED_CHANNEL,
      log,
      onMessage: (idHash) => server.cache.forget(idHash),
      onListening: () => server.cache.setHearing(true),
      onDeaf: () => server.cache.setHearing(false),
    });
    await listener.start();
    const app = await buildApp({
      config,
      db: database.db,
      sessions: server.cache,
      log,
      version: 'test',
    });
    server.url = await app.listen({ host: '127.0.0.1', port: 0 });
    stop = async () => {
      await app.close();
      await listener.close();
    };
  });
  server.login = async (astationId) => {
    const sessionId = randomUUID();
    await server.sessions.createGranted(sessionId, { hostname: 'test-host', astationId });
    return sessionId;
  };
  afterAll(() => stop());
  return server;
}
