import { type RateLimiterAbstract, RateLimiterMemory } from 'rate-limiter-flexible';

/** The limit of each key: `points` per window. */
export interface Bound {
  /** Prefix that separates the counters of different limits. */
  name: string;
  points: number;
  /** Length of the window. Default: {@link WINDOW_SECONDS}. */
  seconds?: number;
}

/**
 * Counts points by key. `consume` rejects with a `RateLimiterRes` (points left, ms until the window ends) if too few points
 * are left; `reward` returns points.
 */
export type Limiter = Pick<RateLimiterAbstract, 'consume' | 'reward'>;

/** Makes a limiter that counts in this process or in Redis. */
export type MakeLimiter = (bound: Bound) => Limiter;

export const WINDOW_SECONDS = 60;

/** Counts in the memory of this process. */
export const makeMemoryLimiter = ({ name, points, seconds = WINDOW_SECONDS }: Bound): RateLimiterMemory =>
  new RateLimiterMemory({ keyPrefix: name, points, duration: seconds });
