import type { Config } from './config.ts';
import { makeOwnNames } from './net/own-names.ts';
import type { Metrics } from './observability/metrics.ts';
import { makeMemoryLimiter } from './rate-limiter.ts';
import { makeControlLimits } from './relay/frames/control-meter.ts';
import { makeFrameLimits } from './relay/frames/meter.ts';
import { Hub } from './relay/hub.ts';
import { createNudger } from './relay/nudge.ts';
import { MemoryRooms } from './relay/rooms/memory-rooms.ts';
import { Connections } from './relay/sockets/connections.ts';
import { type RelaySocketDeps, RelaySockets } from './relay/sockets/socket.ts';
import type { Replica, ReplicaOptions } from './replicas/replica.ts';
import type { VaultFeed } from './vault/follow/feed.ts';

/** Loads the Redis client only if REDIS_URL is set. */
async function openReplica(options: ReplicaOptions): Promise<Replica> {
  const redis = await import('./replicas/replica.ts');
  return redis.openReplica(options);
}

/** The relay: rooms, their sockets, and the nudges that follow committed writes. */
export async function openRelay(
  parts: Pick<RelaySocketDeps, 'astations' | 'bindings' | 'log' | 'credentials' | 'checkCredentials'> & {
    config: Config;
    feed: VaultFeed;
    metrics: Metrics;
    now: () => number;
    roomClock: (() => number) | undefined;
    lookAgain: () => void;
    notifyWithoutRedis: () => Promise<unknown>;
  },
) {
  const { config, log, feed, metrics, now, roomClock } = parts;
  const connections = new Connections({ log, now, maxBytesInFlight: config.maxBytesInFlight });
  const replica =
    config.redisUrl === undefined
      ? undefined
      : await openReplica({ ...parts, url: config.redisUrl, connections, roomClock: roomClock ?? Date.now });
  const rooms = replica ? replica.rooms : new MemoryRooms(connections, roomClock ?? now);
  const hub = new Hub({ rooms, delivery: connections, log });
  const nudger = createNudger({
    send: (write) => hub.apply({ type: 'vault-updated', ...write }),
    onError: (error) => log.warn({ reason: String(error) }, 'A nudge failed'),
    onSent: (waitedMs) => metrics.nudged(waitedMs / 1000),
    now,
  });
  feed.listen(({ kind, ...write }) => {
    if (kind === 'content') nudger.written(write);
  });
  const makeLimiter = replica?.makeLimiter ?? makeMemoryLimiter;
  const sockets = new RelaySockets({
    ...parts,
    limits: {
      frames: makeFrameLimits(config.relayLimits, makeLimiter),
      control: makeControlLimits(config.relayLimits, makeLimiter),
    },
    hub,
    rooms,
    connections,
    maxPerAddress: config.relayMaxSocketsPerAddress,
    isAllowedOrigin: makeOwnNames(config).mayCall,
  });
  return {
    hub,
    sockets,
    connections,
    replica,
    close: async () => {
      nudger.close();
      hub.close();
      await replica?.close();
    },
  };
}
