import type { Redis } from 'ioredis';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { type Limiter, type MakeLimiter, makeMemoryLimiter, WINDOW_SECONDS } from '../rate-limiter.ts';
import type { RedisLine } from './line.ts';

/**
 * Makes limiters that count together with the other replicas. While Redis cannot be reached, each replica counts in its own
 * memory, so a limit never falls away.
 */
export const makeSharedLimiter =
  (line: RedisLine): MakeLimiter =>
  (bound): Limiter => {
    const insuranceLimiter = makeMemoryLimiter(bound);
    let shared: { client: Redis; limiter: Limiter } | undefined;
    /** The limiter on the connection that the line has now. */
    const current = (): Limiter => {
      const client = line.commands;
      if (!client) return insuranceLimiter;
      if (shared?.client !== client) {
        const limiter = new RateLimiterRedis({
          storeClient: client,
          insuranceLimiter,
          keyPrefix: `${line.keys.rate}${bound.name}`,
          points: bound.points,
          duration: bound.seconds ?? WINDOW_SECONDS,
        });
        shared = { client, limiter };
      }
      return shared.limiter;
    };
    return {
      consume: (key, points) => current().consume(key, points),
      reward: (key, points) => current().reward(key, points),
    };
  };
