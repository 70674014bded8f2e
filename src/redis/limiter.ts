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
    const consume = async (key: string | number, points = 1): Promise<RateLimiterRes> => {
      let answer: [number, number];
      try {
        const name = `${line.keys.rate}${bound.name}:${key}`;
        answer = (await line.run('count', name, WINDOW_SECONDS * 1000, points)) as [number, number];
      } catch {
        return here.consume(key, points);
      }
      const [consumed, msLeft] = answer;
      const standing = new RateLimiterRes(
        Math.max(0, bound.points - consumed),
        msLeft,
        consumed,
        consumed === points,
      );
      if (consumed > bound.points) throw standing;
      return standing;
    };
    return { consume };
  };
