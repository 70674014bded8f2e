import { MAX_QUEUED_BYTES } from './send-queue.ts';

/** All send queues may hold 1/SHARE of `MAX_BYTES_IN_FLIGHT`, and those of one address 1/SHARE of that. */
const SHARE = 4;

/** A text frame, encoded once for all its recipients. */
export class OutgoingFrame {
  readonly data: Buffer;
  /** Number of sockets that have it queued, by address. */
  readonly holders = new Map<string, number>();

  constructor(text: string) {
    this.data = Buffer.from(text);
  }
}

/** Counts the bytes in all send queues. A frame counts once for each address, because its sockets share one buffer. */
export class QueuedBytes {
  /** Maximum bytes of all addresses together. */
  readonly max: number;
  readonly #maxOfAddress: number;
  #total = 0;
  readonly #byAddress = new Map<string, number>();

  /** @param maxBytesInFlight the setting; at least one full queue per address and two per server always fit */
  constructor(maxBytesInFlight: number) {
    this.max = Math.max(2 * MAX_QUEUED_BYTES, Math.floor(maxBytesInFlight / SHARE));
    this.#maxOfAddress = Math.max(MAX_QUEUED_BYTES, Math.floor(this.max / SHARE));
  }

  /** Call when a socket of this address has queued the frame. */
  hold(frame: OutgoingFrame, address: string): void {
    const holders = frame.holders.get(address) ?? 0;
    frame.holders.set(address, holders + 1);
    if (holders === 0) this.#add(address, frame.data.length);
  }

  /** Call when a socket of this address no longer has the frame queued. */
  release(frame: OutgoingFrame, address: string): void {
    const holders = (frame.holders.get(address) ?? 0) - 1;
    frame.holders.set(address, holders);
    if (holders === 0) this.#add(address, -frame.data.length);
  }

  /**
   * @returns the address whose queue must shrink: the given one if it exceeds its share, the largest one if the total is
   * exceeded, else undefined
   */
  overdrawn(address: string): string | undefined {
    if (this.#of(address) > this.#maxOfAddress) return address;
    if (this.#total <= this.max) return undefined;
    return [...this.#byAddress].reduce((one, other) => (other[1] > one[1] ? other : one))[0];
  }

  #of(address: string): number {
    return this.#byAddress.get(address) ?? 0;
  }

  #add(address: string, bytes: number): void {
    this.#total += bytes;
    const left = this.#of(address) + bytes;
    if (left > 0) this.#byAddress.set(address, left);
    else this.#byAddress.delete(address);
  }
}
