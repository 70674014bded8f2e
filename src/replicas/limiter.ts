import { RateLimiterRes } from 'rate-limiter-flexible';
import { type Limiter, type MakeLimiter, makeMemoryLimiter, WINDOW_SECONDS } from '../rate-limiter.ts';
import type { RedisLine } from './line.ts';

/**
 * Makes limiters that count together with the other replicas. While Redis cannot be reached each replica
 * counts for itself, so that a limit never falls away.
 */
export const makeSharedLimiter =
  (line: RedisLine): MakeLimiter =>
  (bound): Limiter => {
    const here = makeMemoryLimiter(bound);
    const windowMs = 1000 * (bound.seconds ?? WINDOW_SECONDS);
    const count = async (key: string | number, points: number): Promise<RateLimiterRes> => {
      const name = `${line.keys.rate}${bound.name}:${key}`;
      const [consumed, msLeft] = (await line.run('count', name, windowMs, points)) as [number, number];
      return new RateLimiterRes(Math.max(0, bound.points - consumed), msLeft, consumed, consumed === points);
    };
    const consume = async (key: string | number, points = 1): Promise<RateLimiterRes> => {
      let standing: RateLimiterRes;
      try {
        standing = await count(key, points);
      } catch {
        return here.consume(key, points);
      }
      if (standing.consumedPoints > bound.points) throw standing;
      return standing;
    };
    const reward = (key: string | number, points = 1): Promise<RateLimiterRes> =>
      count(key, -points).catch(() => here.reward(key, points));
    return { consume, reward };
  };
