import type { FastifyRateLimitStore } from '@fastify/rate-limit';
import type { RedisLine } from './line.ts';

/** What @fastify/rate-limit makes its counters of. */
export type RateLimitStoreClass = new (options: CounterOptions) => FastifyRateLimitStore;

interface CounterOptions {
  /** Counters of one group are one, on whatever route. */
  groupId?: string;
  max?: unknown;
}

type Counted = (error: Error | null, result?: { current: number; ttl: number }) => void;

/** Callers that are counted without Redis at most; beyond that the oldest are forgotten. */
const MAX_COUNTED_HERE = 5000;

/** Counts on this replica alone. */
class CountsHere {
  readonly #windows = new Map<string, { current: number; endsAt: number }>();

  count(key: string, windowMs: number): { current: number; ttl: number } {
    const now = performance.now();
    const running = this.#windows.get(key);
    const window = running && running.endsAt > now ? running : { current: 0, endsAt: now + windowMs };
    window.current++;
    this.#windows.delete(key);
    this.#windows.set(key, window);
    const [oldest] = this.#windows.keys();
    if (this.#windows.size > MAX_COUNTED_HERE && oldest !== undefined) this.#windows.delete(oldest);
    return { current: window.current, ttl: Math.ceil(window.endsAt - now) };
  }
}

/**
 * Counters that all replicas share. While Redis cannot be reached each replica counts for itself, so that a
 * limit never falls away.
 */
export function makeRateLimitStore(line: RedisLine): RateLimitStoreClass {
  return class SharedCounts implements FastifyRateLimitStore {
    readonly #here = new CountsHere();
    readonly #prefix: string;

    constructor({ groupId, max }: CounterOptions) {
      this.#prefix = `${line.keys.rate}${groupId ?? (typeof max === 'number' ? max : 'all')}:`;
    }

    incr(key: string, counted: Counted, windowMs: number): void {
      line.run('count', this.#prefix + key, windowMs).then(
        (answer) => {
          const [current, ttl] = answer as [number, number];
          counted(null, { current, ttl });
        },
        () => counted(null, this.#here.count(key, windowMs)),
      );
    }

    child(options: object): FastifyRateLimitStore {
      return new SharedCounts(options);
    }
  };
}
