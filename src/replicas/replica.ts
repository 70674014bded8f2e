import type { FastifyBaseLogger } from 'fastify';
import type { Metrics } from '../observability/metrics.ts';
import type { MakeLimiter } from '../rate-limiter.ts';
import type { RoomStore } from '../relay/rooms/store.ts';
import type { Connections } from '../relay/sockets/connections.ts';
import type { VaultFeed } from '../vault/follow/feed.ts';
import { within } from './deadline.ts';
import { FeedBridge } from './feed-bridge.ts';
import { makeSharedLimiter } from './limiter.ts';
import { RedisLine } from './line.ts';
import { RedisRooms } from './rooms.ts';

/** While Redis is unreachable, waiting reads query again at this interval. */
const LOOK_AGAIN_MS = 5000;
/** Time for sockets to leave their rooms when the server stops. */
const LEAVE_MS = 1000;

/** This server as one of several that share a Redis. */
export interface Replica {
  rooms: RoomStore;
  /** Makes limiters whose counts all replicas share. */
  makeLimiter: MakeLimiter;
  /** Id of this replica; undefined while Redis is unreachable. */
  id(): string | undefined;
  /** Number of live replicas, including this one; 0 while Redis is unreachable. */
  count(): number;
  close(): Promise<void>;
}

export interface ReplicaOptions {
  url: string;
  log: FastifyBaseLogger;
  connections: Connections;
  feed: VaultFeed;
  /** Time in ms on a clock that all replicas share. */
  roomClock(): number;
  /** Called when another replica may have written without notifying this one. */
  lookAgain(): void;
  /** Makes waiting reads on other replicas query again, without using Redis. */
  notifyWithoutRedis(): Promise<unknown>;
  /** Counts messages that this version does not understand, because a newer replica may send them. */
  metrics: Pick<Metrics, 'unknownMessage'>;
}

/** Joins the replicas. If Redis is unreachable, rooms are unavailable until it can be reached. */
export async function openReplica({
  url,
  log,
  connections,
  feed,
  roomClock,
  lookAgain,
  notifyWithoutRedis,
  metrics,
}: ReplicaOptions): Promise<Replica> {
  const line: RedisLine = new RedisLine({
    url,
    log,
    events: {
      onOpen: () => lookAgain(),
      onInbox: (message) => rooms.received(message),
      onWrites: (message) => bridge.received(message),
      // Sockets must reconnect, because frames may have been lost and the other replicas consider this one dead.
      onLost: () => connections.closeAll('the rooms were lost; connect again'),
      onDead: (ids) =>
        void rooms
          .clean(ids)
          .catch((error: Error) =>
            log.debug(
              { reason: error.message },
              'Could not clean up after dead replicas; retrying at the next heartbeat',
            ),
          ),
    },
  });
  const onUnknown = () => metrics.unknownMessage();
  const rooms = new RedisRooms({ line, delivery: connections, now: roomClock, onUnknown });
  const bridge = new FeedBridge({ feed, line, notifyWithoutRedis, lookAgain, onUnknown });
  await line.start();
  const looking = setInterval(() => line.id === undefined && lookAgain(), LOOK_AGAIN_MS).unref();
  return {
    rooms,
    makeLimiter: makeSharedLimiter(line),
    id: () => line.id,
    count: () => line.replicas,
    close: async () => {
      clearInterval(looking);
      // Sockets that were just closed must still leave their rooms. The others remove what is left after 6 seconds.
      await within(LEAVE_MS, rooms.settled()).catch(() => undefined);
      await line.close();
    },
  };
}
