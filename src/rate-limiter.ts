import { type RateLimiterAbstract, RateLimiterMemory } from 'rate-limiter-flexible';

/** What one key may do in a minute. */
export interface Bound {
  /** Tells the bounds apart where several are kept in one place. */
  name: string;
  points: number;
}

/** Counts points by key. `consume` rejects with what is left and for how long, where that is too little. */
export type Limiter = Pick<RateLimiterAbstract, 'consume'>;

/** Makes what holds keys to a bound: in this process, or in a place that replicas share. */
export type MakeLimiter = (bound: Bound) => Limiter;

export const WINDOW_SECONDS = 60;

/** Counts in the memory of this process. */
export const makeMemoryLimiter: MakeLimiter = ({ name, points }) =>
  new RateLimiterMemory({ keyPrefix: name, points, duration: WINDOW_SECONDS });
