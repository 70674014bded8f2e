import type { WebSocket } from 'ws';
import { type OutgoingFrame, QueuedBytes } from './queued-bytes.ts';
import { dequeue, EMPTY_QUEUE, enqueue, type SendQueue } from './send-queue.ts';

/** A socket and its send queue. */
export interface Receiver {
  readonly socket: WebSocket;
  readonly address: string;
  queue: SendQueue;
  /** The frames in its queue. */
  readonly held: Set<OutgoingFrame>;
  /** When a frame was last written, or first queued after the queue was empty. */
  movedAt: number;
}

/** The send queues of all sockets of this server, with limits per address and in total. */
export class SendQueues<R extends Receiver> {
  readonly #now: () => number;
  readonly #queued: QueuedBytes;
  /** Sockets with queued frames, by address. */
  readonly #waiting = new Map<string, Set<R>>();
  /** Closing sockets in the order of closing, with their unsent bytes. */
  readonly #leaving = new Map<R, number>();
  #leavingBytes = 0;

  /** @param maxBytesInFlight the setting; queues have a share of it */
  constructor(now: () => number, maxBytesInFlight: number) {
    this.#now = now;
    this.#queued = new QueuedBytes(maxBytesInFlight);
  }

  /** The empty queue of a new socket. */
  empty(): Pick<Receiver, 'queue' | 'held' | 'movedAt'> {
    return { queue: EMPTY_QUEUE, held: new Set(), movedAt: this.#now() };
  }

  /** Queues a frame, or drops it if the queue is full. The caller must check {@link slowest} afterwards. */
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
   * The socket to close because its address, or all addresses together, exceed their limit.
   * @param address the address of the socket that just received a frame
   * @returns the socket that has made no progress for longest (on a tie the one with most bytes); undefined if within limits
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

  /** Call when closing a socket. Terminates the earliest closing sockets if their unsent bytes exceed the limit. */
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

  /** Call when a socket has closed. */
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
