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

/** While nobody tells what is written elsewhere, those who wait for it look this often. */
const LOOK_AGAIN_MS = 5000;
/** Time to leave the rooms when the server stops. */
const LEAVE_MS = 1000;

/** This server as one of several that share a Redis. */
export interface Replica {
  rooms: RoomStore;
  /** Counts requests together with the other replicas. */
  makeLimiter: MakeLimiter;
  /** What the others call this replica; undefined while Redis cannot be reached. */
  id(): string | undefined;
  /** How many replicas are there, this one included; 0 while Redis cannot be reached. */
  count(): number;
  close(): Promise<void>;
}

export interface ReplicaOptions {
  url: string;
  log: FastifyBaseLogger;
  connections: Connections;
  feed: VaultFeed;
  /** ms of a clock that all replicas have. */
  roomClock(): number;
  /** Called when something may have been written elsewhere that nobody told of. */
  lookAgain(): void;
  /** Has those look again who wait at other replicas, by a way past Redis. */
  tellOtherwise(): Promise<unknown>;
  /** Counts messages that this version does not understand, as a newer server may send them. */
  metrics: Pick<Metrics, 'unknownMessage'>;
}

/** Joins the replicas. Redis may be away: then rooms have to wait until it comes. */
export async function openReplica({
  url,
  log,
  connections,
  feed,
  roomClock,
  lookAgain,
  tellOtherwise,
  metrics,
}: ReplicaOptions): Promise<Replica> {
  const line: RedisLine = new RedisLine({
    url,
    log,
    events: {
      onOpen: () => lookAgain(),
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
  const onUnknown = () => metrics.unknownMessage();
  const rooms = new RedisRooms({ line, delivery: connections, now: roomClock, onUnknown });
  const bridge = new FeedBridge({ feed, line, tellOtherwise, lookAgain, onUnknown });
  await line.start();
  const looking = setInterval(() => line.id === undefined && lookAgain(), LOOK_AGAIN_MS).unref();
  return {
    rooms,
    makeLimiter: makeSharedLimiter(line),
    id: () => line.id,
    count: () => line.replicas,
    close: async () => {
      clearInterval(looking);
      // Sockets that have just been closed still leave their rooms. The others remove what is left after 6 seconds.
      await within(LEAVE_MS, rooms.settled()).catch(() => undefined);
      await line.close();
    },
  };
}
