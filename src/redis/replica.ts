import type { FastifyBaseLogger } from 'fastify';
import type { Connections } from '../relay/connections.ts';
import type { RoomStore } from '../relay/room-store.ts';
import type { VaultFeed } from '../vault/feed.ts';
import { FeedBridge } from './feed-bridge.ts';
import { RedisLine } from './line.ts';
import { makeRateLimitStore, type RateLimitStoreClass } from './rate-limit-store.ts';
import { RedisRooms } from './rooms.ts';

/** This server as one of several that share a Redis. */
export interface Replica {
  rooms: RoomStore;
  /** Counts requests together with the other replicas. */
  RateLimitStore: RateLimitStoreClass;
  /** How many replicas are there, this one included; 0 while Redis cannot be reached. */
  count(): number;
  close(): Promise<void>;
}

export interface ReplicaOptions {
  url: string;
  log: FastifyBaseLogger;
  connections: Connections;
  feed: VaultFeed;
  wallClock(): number;
}

/** Joins the replicas. Redis may be away: then rooms have to wait until it comes. */
export async function openReplica({
  url,
  log,
  connections,
  feed,
  wallClock,
}: ReplicaOptions): Promise<Replica> {
  const line: RedisLine = new RedisLine({
    url,
    log,
    events: {
      onInbox: (message) => rooms.received(message),
      onWrites: (message) => bridge.received(message),
      // Frames may have been lost on the way, and the others take this replica for dead.
      onLost: () => connections.closeAll('the rooms were lost; connect again'),
      onDead: (ids) =>
        void rooms
          .clean(ids)
          .catch((error: Error) => log.debug({ reason: error.message }, 'Dead replicas stay for now')),
    },
  });
  const rooms = new RedisRooms({ line, delivery: connections, now: wallClock });
  const bridge = new FeedBridge(feed, line);
  await line.start();
  return {
    rooms,
    RateLimitStore: makeRateLimitStore(line),
    count: () => line.replicas,
    close: () => line.close(),
  };
}
