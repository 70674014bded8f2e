import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { afterAll, beforeAll } from 'vitest';
import type { CredentialCache } from '../../src/access/credential-cache.ts';
import { buildApp } from '../../src/app.ts';
import { type Config, readConfig } from '../../src/config.ts';
import { type CreatedKey, DEFAULT_SCOPES } from '../../src/keys/schema.ts';
import { KeyStore, type KeyWanted } from '../../src/keys/store.ts';
import type { PeopleStore } from '../../src/people/store.ts';
import type { Hub } from '../../src/relay/hub.ts';
import { openServices } from '../../src/services.ts';
import { SessionStore } from '../../src/session/store.ts';
import type { VaultStore } from '../../src/vault/store.ts';
import { silent, type TestDatabase } from './database.ts';
import { TEST_SETTINGS } from './relay-server.ts';

/** The real server, listening on a free port, over the test file's database. */
export interface TestServer {
  app: FastifyInstance;
  url: string;
  sessions: SessionStore;
  keys: KeyStore;
  cache: CredentialCache;
  hub: Hub;
  people: PeopleStore;
  vaults: VaultStore;
  /** Makes a granted session of an Astation. @returns its id */
  login(astationId: string): Promise<string>;
  /** Makes a key of an Astation, as the operator. Its scopes are read and write, and its client id `ci`, unless given. */
  makeKey(astationId: string, wanted?: Partial<KeyWanted>): Promise<CreatedKey>;
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
    const config = {
      ...readConfig(TEST_SETTINGS),
      ...overrides,
    };
    const services = await openServices({ config, databaseUrl: database.url, log });
    server.sessions = new SessionStore(database.db);
    server.keys = new KeyStore(database.db);
    server.cache = services.credentials;
    server.hub = services.hub;
    server.people = services.people;
    server.vaults = services.vaults;
    const app = await buildApp({ config, services, log, version: 'test' });
    server.app = app;
    server.url = await app.listen({ host: '127.0.0.1', port: 0 });
    stop = async () => {
      await app.close();
      await services.close();
    };
  });
  server.login = async (astationId) => {
    const sessionId = randomUUID();
    await server.sessions.createGranted(sessionId, { hostname: 'test-host', astationId });
    return sessionId;
  };
  server.makeKey = (workSessionId, wanted = {}) => {
    const key = { name: 'a key', clientId: 'ci', scopes: DEFAULT_SCOPES, ...wanted, workSessionId };
    return server.keys.create(key, { author: 'operator' });
  };
  afterAll(() => stop());
  return server;
}
