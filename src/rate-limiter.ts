import { type RateLimiterAbstract, RateLimiterMemory } from 'rate-limiter-flexible';

/** What one key may do in a minute, or in another time. */
export interface Bound {
  /** Tells the bounds apart where several are kept in one place. */
  name: string;
  points: number;
  /** By default {@link WINDOW_SECONDS}. */
  seconds?: number;
}

/**
 * Counts points by key. `consume` rejects with what is left and for how long, where that is too little; `reward` gives
 * points back.
 */
export type Limiter = Pick<RateLimiterAbstract, 'consume' | 'reward'>;

/** Makes what holds keys to a bound: in this process, or in a place that replicas share. */
export type MakeLimiter = (bound: Bound) => Limiter;

export const WINDOW_SECONDS = 60;

/** Counts in the memory of this process. */
export const makeMemoryLimiter = ({ name, points, seconds = WINDOW_SECONDS }: Bound): RateLimiterMemory =>
  new RateLimiterMemory({ keyPrefix: name, points, duration: seconds });
