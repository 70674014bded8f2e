import { setTimeout as sleep } from 'node:timers/promises';
import { RateLimiterRes } from 'rate-limiter-flexible';
import { type Limiter, type MakeLimiter, makeMemoryLimiter } from '../../rate-limiter.ts';
import type { RelayLimitSettings } from '../settings.ts';

/** The keys by which a socket's frames are counted. */
export interface MeteredBy {
  connectionId: string;
  address: string;
  /** The code of the socket's room. */
  code: string;
}

/** The limiters for proved or for unproved sockets; undefined if the limit is off. */
interface Tier {
  socket: Limiter | undefined;
  address: Limiter | undefined;
  room: Limiter | undefined;
}

/** Frame limits of sockets that have proved their key or session, and of all other sockets. */
export interface FrameLimits {
  proved: Tier;
  unproved: Tier;
}

/** Bytes that one point pays for. */
const POINT_BYTES = 1024;

/** Points that a socket takes from its limiters per call, because a Redis round trip per frame is too slow. */
const BATCH_POINTS = 50;

/** Points of a frame: one for each KiB begun. */
export const pointsOf = (bytes: number): number => 1 + Math.floor(bytes / POINT_BYTES);

/** Minimum bytes that each copy of a broadcast counts as, because each copy costs a system call. */
const LEAST_COPY_BYTES = 256;

/** Points of a broadcast: its bytes times its recipients. */
export const pointsOfBroadcast = (bytes: number, recipients: number): number =>
  pointsOf(Math.max(bytes, LEAST_COPY_BYTES) * recipients);

/** Makes the limiters. `makeLimiter` serves addresses and rooms; a socket is counted in its server's memory. */
export function makeFrameLimits(settings: RelayLimitSettings, makeLimiter: MakeLimiter): FrameLimits {
  const make = (name: string, points: number, from: MakeLimiter) =>
    points === 0 ? undefined : from({ name, points, seconds: 1 });
  const tier = (name: string, ofSocket: number, together: number): Tier => ({
    socket: make(`${name}-socket`, ofSocket, makeMemoryLimiter),
    address: make(`${name}-address`, together, makeLimiter),
    room: make(`${name}-room`, together, makeLimiter),
  });
  return {
    proved: tier('relay', settings.framesPerSecond, settings.framesPerAddress),
    unproved: tier('relay-unproved', settings.unprovedPerSecond, settings.unprovedPerSecond),
  };
}

/** Bytes that a new socket may send before its limiters count, so that other sockets of its address cannot delay its proof. */
const FIRST_FRAME_BYTES = 4096;

/** Enforces the frame limits of one socket. Frames over a limit wait and keep their order. */
export class FrameMeter {
  readonly #limits: FrameLimits;
  readonly #by: MeteredBy;
  #tier: Tier;
  #credit = pointsOf(FIRST_FRAME_BYTES);
  #last: Promise<boolean> | undefined;
  #ended = false;
  #left = false;

  constructor(limits: FrameLimits, by: MeteredBy, { proved }: { proved: boolean }) {
    this.#limits = limits;
    this.#by = by;
    this.#tier = proved ? limits.proved : limits.unproved;
  }

  /** Switches to the limits for proved sockets. */
  proved(): void {
    this.#tier = this.#limits.proved;
  }

  /** Call when the server closes the socket: pending and later frames are refused. */
  end(): void {
    this.#ended = true;
  }

  /** Call when the client has disconnected: its frames still pass, but no broadcast waits for its copies to be counted. */
  leave(): void {
    this.#left = true;
  }

  /** Resolves when every frame that is pending now has been decided. */
  async idle(): Promise<void> {
    await this.#last;
  }

  /** @returns undefined if the frame may pass now; else a promise that resolves to true once it may, to false if refused */
  take(bytes: number): Promise<boolean> | undefined {
    return this.#pay(pointsOf(bytes), () => this.#ended);
  }

  /** Counts the copies of a broadcast. @returns as `take`; false if the socket disconnected before they were counted */
  takeCopies(points: number): Promise<boolean> | undefined {
    return this.#pay(points, () => this.#ended || this.#left);
  }

  #pay(points: number, isOver: () => boolean): Promise<boolean> | undefined {
    if (!this.#last && !this.#ended && this.#spend(points)) return undefined;
    const mine = (this.#last ?? Promise.resolve()).then(async () => {
      while (!this.#spend(points)) {
        if (isOver()) return false;
        await this.#earn(isOver);
      }
      return !this.#ended;
    });
    this.#last = mine;
    void mine.then(() => {
      if (this.#last === mine) this.#last = undefined;
    });
    return mine;
  }

  #spend(points: number): boolean {
    const { socket, address, room } = this.#tier;
    if (!socket && !address && !room) return true;
    if (this.#credit < points) return false;
    this.#credit -= points;
    return true;
  }

  async #earn(isOver: () => boolean): Promise<void> {
    const { socket, address, room } = this.#tier;
    const sources: [Limiter | undefined, string][] = [
      [socket, this.#by.connectionId],
      [address, this.#by.address],
      [room, this.#by.code],
    ];
    for (const [limiter, key] of sources) if (limiter) await consume(limiter, key, isOver);
    if (!isOver()) this.#credit += BATCH_POINTS;
  }
}

/** Waits until a limiter grants {@link BATCH_POINTS}. */
async function consume(limiter: Limiter, key: string, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    try {
      await limiter.consume(key, BATCH_POINTS);
      return;
    } catch (refused) {
      // A fault of the limiter itself. The frame passes, because its socket would wait without end.
      if (!(refused instanceof RateLimiterRes)) return;
      await sleep(Math.max(1, refused.msBeforeNext), undefined, { ref: false });
    }
  }
}
