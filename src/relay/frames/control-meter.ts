import { RateLimiterRes } from 'rate-limiter-flexible';
import { tooManyRequests } from '../../errors.ts';
import { type Limiter, type MakeLimiter, makeMemoryLimiter } from '../../rate-limiter.ts';
import type { RelayLimitSettings } from '../settings.ts';
import type { MeteredBy } from './meter.ts';

/** Limiters of control frames and of the rows they create; undefined if the limit is off. */
export interface ControlLimits {
  socket: Limiter | undefined;
  astation: Limiter | undefined;
  address: Limiter | undefined;
}

/** Makes the limiters. `makeLimiter` serves Astations and addresses; sockets are counted in memory. */
export function makeControlLimits(settings: RelayLimitSettings, makeLimiter: MakeLimiter): ControlLimits {
  const make = (name: string, points: number, from: MakeLimiter) =>
    points === 0 ? undefined : from({ name: `relay-control-${name}`, points });
  return {
    socket: make('socket', settings.controlPerMinute, makeMemoryLimiter),
    astation: make('astation', settings.controlPerMinute, makeLimiter),
    address: make('address', settings.controlPerAddress, makeLimiter),
  };
}

/** Rate-limits the control frames of one Astation's socket. */
export class ControlMeter {
  readonly #limits: ControlLimits;
  readonly #by: MeteredBy;
  #proved = false;
  /** On the clock of `performance.now()`. */
  #rowsRefusedUntil = 0;

  constructor(limits: ControlLimits, by: MeteredBy) {
    this.#limits = limits;
    this.#by = by;
  }

  /**
   * Counts later frames against the Astation's limit too. Frames before the proof do not count there, because other
   * clients could otherwise exhaust the Astation's limit.
   */
  proved(): void {
    this.#proved = true;
  }

  /**
   * Counts a frame; call it before querying the database. While the row limit is exceeded, frames that may create rows
   * are refused without counting them.
   * @throws RelayError `TOO_MANY_REQUESTS`; its message names the seconds until a retry
   */
  async countFrame({ points, makesRows }: { points: number; makesRows: boolean }): Promise<void> {
    const waitMs = this.#rowsRefusedUntil - performance.now();
    if (makesRows && waitMs > 0) throw tooMany(waitMs);
    const refused = await this.#refusal(points);
    if (refused) throw tooMany(refused.msBeforeNext);
  }

  /** Counts all rows that a frame may create, or none of them. @throws RelayError as `countFrame` */
  async countRows(points: number): Promise<void> {
    const refused = await this.#refusal(points);
    if (!refused) return;
    this.#rowsRefusedUntil = performance.now() + refused.msBeforeNext;
    throw tooMany(refused.msBeforeNext);
  }

  /** If one limiter refuses, the points are returned to all of them. */
  async #refusal(points: number): Promise<RateLimiterRes | undefined> {
    const { socket, astation, address } = this.#limits;
    const limiters: [Limiter | undefined, string][] = [
      [socket, this.#by.connectionId],
      [address, this.#by.address],
      [this.#proved ? astation : undefined, this.#by.code],
    ];
    const counted: [Limiter, string][] = [];
    for (const [limiter, key] of limiters) {
      if (!limiter) continue;
      counted.push([limiter, key]);
      try {
        await limiter.consume(key, points);
      } catch (refused) {
        if (!(refused instanceof RateLimiterRes)) throw refused;
        for (const [one, of] of counted) await one.reward(of, points);
        return refused;
      }
    }
    return undefined;
  }
}

function tooMany(ms: number) {
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  return tooManyRequests(`Too many control frames; send this one again in ${seconds} seconds.`, seconds);
}
