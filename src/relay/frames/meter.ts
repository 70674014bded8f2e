import { setTimeout as sleep } from 'node:timers/promises';
import { RateLimiterRes } from 'rate-limiter-flexible';
import { type Limiter, type MakeLimiter, makeMemoryLimiter } from '../../rate-limiter.ts';
import type { RelayLimitSettings } from '../settings.ts';

/** What a socket is counted by. */
export interface MeteredBy {
  connectionId: string;
  address: string;
  /** Code of its room. */
  code: string;
}

/** The limiters of one standing; undefined where the limit is off. */
interface Tier {
  socket: Limiter | undefined;
  address: Limiter | undefined;
  room: Limiter | undefined;
}

/** The limits of frames: of sockets that proved whose they are, and of all others. */
export interface FrameLimits {
  proved: Tier;
  unproved: Tier;
}

/** Bytes of one point. */
const POINT_BYTES = 1024;

/** Points that a socket takes from its limiters at once, so that Redis is not asked about each frame. */
const LUMP = 50;

/** What a frame counts: one for each KiB begun. */
export const pointsOf = (bytes: number): number => 1 + Math.floor(bytes / POINT_BYTES);

/** A copy of a broadcast counts as this many bytes at least, because each copy is a call of the system. */
const LEAST_COPY_BYTES = 256;

/** What a broadcast counts: its bytes for each atem that gets it. */
export const pointsOfBroadcast = (bytes: number, recipients: number): number =>
  pointsOf(Math.max(bytes, LEAST_COPY_BYTES) * recipients);

/** Makes the limiters. Those of addresses and rooms count where `makeLimiter` does; sockets are on one server. */
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

/** What a socket may send at once: its proof does not wait for what others of its address send. */
const FIRST_FRAME_BYTES = 4096;

/** Holds the frames of one socket to its limits: those beyond them wait, in their order. */
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

  /** The socket has proved whose it is. */
  proved(): void {
    this.#tier = this.#limits.proved;
  }

  /** The server closes the socket: no frame passes from now on, and none waits. */
  end(): void {
    this.#ended = true;
  }

  /** The client has left: what it sent still passes, and no copies of it are waited for. */
  leave(): void {
    this.#left = true;
  }

  /** Resolves when every frame that waits by now has passed. */
  async idle(): Promise<void> {
    await this.#last;
  }

  /** @returns whether the frame may pass, as soon as it may; undefined: at once */
  take(bytes: number): Promise<boolean> | undefined {
    return this.#pay(pointsOf(bytes), () => this.#ended);
  }

  /** Counts the copies that a frame makes. @returns as `take`; false where the socket has left before they could be counted */
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
    if (!isOver()) this.#credit += LUMP;
  }
}

/** Takes a lump from a limiter, as soon as it has one. */
async function consume(limiter: Limiter, key: string, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    try {
      await limiter.consume(key, LUMP);
      return;
    } catch (refused) {
      // A fault of the limiter itself. The frame passes, because its socket would wait without end.
      if (!(refused instanceof RateLimiterRes)) return;
      await sleep(Math.max(1, refused.msBeforeNext), undefined, { ref: false });
    }
  }
}
