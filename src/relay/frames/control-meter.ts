import { RateLimiterRes } from 'rate-limiter-flexible';
import { tooManyRequests } from '../../errors.ts';
import { type Limiter, type MakeLimiter, makeMemoryLimiter } from '../../rate-limiter.ts';
import type { RelayLimitSettings } from '../settings.ts';
import type { MeteredBy } from './meter.ts';

/** The limits of control frames and the rows that they make; undefined where one is off. */
export interface ControlLimits {
  socket: Limiter | undefined;
  astation: Limiter | undefined;
  address: Limiter | undefined;
}

/** Makes the limiters. Those of Astations and addresses count where `makeLimiter` does. */
export function makeControlLimits(settings: RelayLimitSettings, makeLimiter: MakeLimiter): ControlLimits {
  const make = (name: string, points: number, from: MakeLimiter) =>
    points === 0 ? undefined : from({ name: `relay-control-${name}`, points });
  return {
    socket: make('socket', settings.controlPerMinute, makeMemoryLimiter),
    astation: make('astation', settings.controlPerMinute, makeLimiter),
    address: make('address', settings.controlPerAddress, makeLimiter),
  };
}

/** Counts what one Astation's socket asks of the relay. */
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

  /** From here on frames count for the Astation too; strangers at its door must not use up what it may do. */
  proved(): void {
    this.#proved = true;
  }

  /**
   * Counts a frame, before its database is asked. One that may make rows is refused at once while rows are.
   * @throws RelayError `TOO_MANY_REQUESTS`, whose message says when to send the frame again
   */
  async countFrame({ points, makesRows }: { points: number; makesRows: boolean }): Promise<void> {
    const waitMs = this.#rowsRefusedUntil - performance.now();
    if (makesRows && waitMs > 0) throw tooMany(waitMs);
    const refused = await this.#refusal(points);
    if (refused) throw tooMany(refused.msBeforeNext);
  }

  /** Counts rows that a frame may make: all of them or none. @throws RelayError as `countFrame` */
  async countRows(points: number): Promise<void> {
    const refused = await this.#refusal(points);
    if (!refused) return;
    this.#rowsRefusedUntil = performance.now() + refused.msBeforeNext;
    throw tooMany(refused.msBeforeNext);
  }

  /** What one of the limiters refuses counts at none of them. */
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
