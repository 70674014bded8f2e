import type { WebSocket } from 'ws';
import { type OutgoingFrame, QueuedBytes } from './queued-bytes.ts';
import { dequeue, EMPTY_QUEUE, enqueue, type SendQueue } from './send-queue.ts';

/** A socket with what waits for it. */
export interface Receiver {
  readonly socket: WebSocket;
  readonly address: string;
  queue: SendQueue;
  /** The frames in its queue. */
  readonly held: Set<OutgoingFrame>;
  /** When it last took a frame, or began to have one waiting. */
  movedAt: number;
}

/** The send queues of all sockets of this server, and the bounds of what waits in them together. */
export class SendQueues<R extends Receiver> {
  readonly #now: () => number;
  readonly #queued: QueuedBytes;
  /** By address, its sockets for which something waits. */
  readonly #waiting = new Map<string, Set<R>>();
  /** Sockets that are being closed, the longest first, with the bytes that they have not taken. */
  readonly #leaving = new Map<R, number>();
  #leavingBytes = 0;

  /** @param maxBytesInFlight the setting; queues have a share of it */
  constructor(now: () => number, maxBytesInFlight: number) {
    this.#now = now;
    this.#queued = new QueuedBytes(maxBytesInFlight);
  }

  /** What a new socket begins with. */
  empty(): Pick<Receiver, 'queue' | 'held' | 'movedAt'> {
    return { queue: EMPTY_QUEUE, held: new Set(), movedAt: this.#now() };
  }

  /** Queues a frame, or loses it where the queue is full. Look at {@link slowest} afterwards. */
  send(receiver: R, frame: OutgoingFrame): void {
    const bytes = frame.data.length;
    const now = this.#now();
    const { queue, accepted } = enqueue(receiver.queue, { bytes, now });
    if (receiver.queue.frames === 0) receiver.movedAt = now;
    receiver.queue = queue;
    if (!accepted) return;
    this.#hold(receiver, frame);
    receiver.socket.send(frame.data, { binary: false }, () => {
      receiver.queue = dequeue(receiver.queue, bytes);
      receiver.movedAt = this.#now();
      this.#release(receiver, frame);
    });
  }

  /**
   * The socket that has to go, because too much waits for sockets of its address or of all addresses.
   * @param address whose socket has just got a frame
   * @returns the one that has waited longest to take a frame, and of several the one with most bytes
   */
  slowest(address: string): R | undefined {
    const over = this.#queued.overdrawn(address);
    if (over === undefined) return undefined;
    const slower = (one: R, other: R) => one.movedAt - other.movedAt || other.queue.bytes - one.queue.bytes;
    return [...(this.#waiting.get(over) ?? [])].reduce<R | undefined>(
      (one, other) => (one === undefined || slower(other, one) < 0 ? other : one),
      undefined,
    );
  }

  /** A socket is being closed. What waits for such sockets is bounded too: the first of them are cut. */
  leaves(receiver: R): void {
    this.#releaseAll(receiver);
    this.#leaving.set(receiver, receiver.queue.bytes);
    this.#leavingBytes += receiver.queue.bytes;
    for (const [first] of this.#leaving) {
      if (this.#leavingBytes <= this.#queued.max) return;
      this.#forget(first);
      first.socket.terminate();
    }
  }

  /** A socket is gone. */
  left(receiver: R): void {
    this.#releaseAll(receiver);
    this.#forget(receiver);
  }

  #hold(receiver: R, frame: OutgoingFrame): void {
    const { address, held } = receiver;
    held.add(frame);
    this.#queued.hold(frame, address);
    this.#waiting.set(address, (this.#waiting.get(address) ?? new Set()).add(receiver));
  }

  #release(receiver: R, frame: OutgoingFrame): void {
    const { address, held } = receiver;
    if (!held.delete(frame)) return;
    this.#queued.release(frame, address);
    if (held.size > 0) return;
    const waiting = this.#waiting.get(address);
    waiting?.delete(receiver);
    if (waiting?.size === 0) this.#waiting.delete(address);
  }

  #releaseAll(receiver: R): void {
    for (const frame of receiver.held) this.#release(receiver, frame);
  }

  #forget(receiver: R): void {
    this.#leavingBytes -= this.#leaving.get(receiver) ?? 0;
    this.#leaving.delete(receiver);
  }
}
