import { afterAll, beforeAll } from 'vitest';
import { Database } from '../../src/db/client.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { silent, type TestDatabase } from './database.ts';
import { useServer } from './server.ts';
import { TestStore } from './store.ts';
import { restSurface, type Surface, storeSurface, trpcSurface } from './vault-surfaces.ts';

/** A way to the same vaults. */
export interface Way {
  title: string;
  /** @returns the surface of a client; `turn` selects where and how the client connects */
  connect(who: { workSession: string; clientId: string; turn: number }): Promise<Surface>;
}

const COALESCING = [true, false];

/**
 * The ways in which clients may race: on one store or two, through one server or two, with shared statements or not.
 * Without shared statements each write is a statement on a connection, whether one server sends it or two, so two of
 * the four ways suffice there.
 */
export function useWays(database: TestDatabase): Way[] {
  /** The same database with a separate pool, like that of a second server. */
  const second = {} as TestDatabase;
  beforeAll(() => {
    Object.assign(second, {
      ...database,
      db: new Database({ url: database.url, poolSize: 10, log: silent }),
    });
  });

  const ways = COALESCING.flatMap((coalesce): Way[] => {
    const servers = [useServer(database, { coalesce }), useServer(second, { coalesce })];
    const stores: TestStore[] = [];
    beforeAll(() => {
      for (const { db } of [database, second]) stores.push(new TestStore(db, new VaultFeed(), { coalesce }));
    });
    const how = coalesce ? 'shared statements' : 'a statement for each write';
    const onStores =
      (count: number): Way['connect'] =>
      async ({ workSession: workSessionId, clientId, turn }) =>
        storeSurface(stores[turn % count] as TestStore, { workSessionId, clientId });
    const throughServers = (count: number): Way['connect'] => {
      const sessions = new Map<string, Promise<string>>();
      return async ({ workSession, clientId, turn }) => {
        const session = sessions.get(workSession) ?? servers[0]?.login(workSession) ?? Promise.reject();
        sessions.set(workSession, session);
        const surface = turn % 4 < 2 ? restSurface : trpcSurface;
        return surface(servers[turn % count]?.url ?? '', { session: await session, clientId });
      };
    };
    const onTwo = [
      { title: `on two stores with a pool each, ${how}`, connect: onStores(2) },
      { title: `through two servers, ${how}`, connect: throughServers(2) },
    ];
    if (!coalesce) return onTwo;
    return [
      { title: `straight on the store, ${how}`, connect: onStores(1) },
      { title: `through a server, ${how}`, connect: throughServers(1) },
      ...onTwo,
    ];
  });
  afterAll(() => second.db.close());
  return ways;
}

/** Picks clients round-robin, so that neighbours in a race are different clients. */
export function turn<T>(clients: readonly T[], i: number): T {
  const client = clients[i % clients.length];
  if (client === undefined) throw new Error('Nobody to call');
  return client;
}

export const upTo = (n: number, from = 1): number[] =>
  Array.from({ length: n - from + 1 }, (_, i) => i + from);
