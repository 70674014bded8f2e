import type { Duplex } from 'node:stream';
import type { FastifyBaseLogger } from 'fastify';
import type { WebSocket } from 'ws';
import type { Delivery } from '../delivery.ts';
import { CLOSE, DISPLACED, IDLE_TIMEOUT_MS, PING_INTERVAL_MS } from '../frames/protocol.ts';
import { OutgoingFrame } from './queued-bytes.ts';
import { isStalled } from './send-queue.ts';
import { type Receiver, SendQueues } from './send-queues.ts';

/** A socket that has just opened. */
interface Entering {
  readonly socket: WebSocket;
  readonly address: string;
  /** Called when this server begins to close the socket. */
  onClosing(): void;
}

interface Connection extends Entering, Receiver {
  readonly id: string;
  receivedAt: number;
  pingedAt: number;
  closing: boolean;
  /** Time on this server's clock until which displacement does not close the socket. */
  sparedUntil: number;
}

/** A claim for one of an address's places. */
export interface Place {
  max: number;
  stream: Duplex;
  /** Called when this place is released, with the number of places the address still holds. */
  left(here: number): void;
}

export interface ConnectionsOptions {
  log: FastifyBaseLogger;
  /** ms of a clock that only moves forward */
  now(): number;
  /** The setting `MAX_BYTES_IN_FLIGHT`; send queues have a share of it. */
  maxBytesInFlight: number;
}

const TOO_SLOW = 'too many bytes wait for slow connections; connect again';

/** Interval between checks for idle and stalled sockets. */
const TICK_MS = 1000;
/** Time for the closing handshakes when all sockets are closed. */
const CLOSE_GRACE_MS = 2000;

/** The sockets of this server: bounded send queues, keep-alive, and counts per address. */
export class Connections implements Delivery {
  readonly #connections = new Map<string, Connection>();
  readonly #perAddress = new Map<string, number>();
  readonly #log: FastifyBaseLogger;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;
  readonly #queues: SendQueues<Connection>;

  constructor({ log, now, maxBytesInFlight }: ConnectionsOptions) {
    this.#log = log;
    this.#now = now;
    this.#queues = new SendQueues(now, maxBytesInFlight);
    this.#timer = setInterval(() => this.tick(), TICK_MS);
    this.#timer.unref();
  }

  /** Sockets of an address on this server, including upgrades in progress. */
  countOf(address: string): number {
    return this.#perAddress.get(address) ?? 0;
  }

  get size(): number {
    return this.#connections.size;
  }

  /**
   * Claims one of an address's places. Call before the upgrade and before the first `await`, so that concurrent requests
   * cannot exceed the limit. The place is released when the network connection ends.
   * @returns a function that releases the place earlier; undefined if all places are taken
   */
  claim(address: string, { max, stream, left }: Place): (() => void) | undefined {
    if (this.countOf(address) >= max) return undefined;
    this.#perAddress.set(address, this.countOf(address) + 1);
    let taken = true;
    const release = () => {
      if (!taken) return;
      taken = false;
      this.#release(address);
      left(this.countOf(address));
    };
    stream.once('close', release);
    return release;
  }

  /** Adds a socket. @param id its connection id in the room */
  add(id: string, entering: Entering): void {
    const { socket } = entering;
    const now = this.#now();
    const connection: Connection = {
      ...entering,
      ...this.#queues.empty(),
      id,
      receivedAt: now,
      pingedAt: now,
      closing: false,
      sparedUntil: 0,
    };
    this.#connections.set(id, connection);
    const received = () => {
      connection.receivedAt = this.#now();
    };
    socket.on('message', received);
    socket.on('ping', received);
    socket.on('pong', received);
    socket.once('close', () => {
      this.#connections.delete(id);
      this.#queues.left(connection);
    });
  }

  has(connectionId: string): boolean {
    return this.#connections.get(connectionId)?.closing === false;
  }

  /**
   * Queues a text frame. Drops it for a closed socket or a full queue. Closes the slowest sockets if all queues together
   * hold too much.
   */
  deliver(connectionIds: readonly string[], text: string): void {
    const here = connectionIds.filter((id) => this.has(id));
    if (here.length === 0) return;
    const frame = new OutgoingFrame(text);
    for (const id of here) {
      const connection = this.#connections.get(id);
      // An earlier iteration may have closed this socket.
      if (!connection || connection.closing) continue;
      this.#queues.send(connection, frame);
      this.#relieve(connection.address);
    }
  }

  #relieve(address: string): void {
    for (let slow = this.#queues.slowest(address); slow; slow = this.#queues.slowest(address)) {
      this.#log.warn({ connection: slow.id }, 'Closing the slowest socket because the send queues are full');
      this.close(slow.id, CLOSE.TRY_AGAIN, TOO_SLOW);
    }
  }

  /** Whether frames for a socket are dropped at present because its queue is full. */
  isFull(connectionId: string): boolean {
    return this.#connections.get(connectionId)?.queue.fullSince !== undefined;
  }

  /**
   * Protects a socket from displacement for `ms`. Otherwise clients that reconnect constantly could leave an Astation no time
   * to prove its key.
   */
  spare(connectionId: string, ms: number): void {
    const connection = this.#connections.get(connectionId);
    if (connection) connection.sparedUntil = this.#now() + ms;
  }

  /** Closes a socket after its queued frames have been written. Displacement of a spared socket waits until `sparedUntil`. */
  close(connectionId: string, code: number, reason: string): void {
    const connection = this.#connections.get(connectionId);
    if (!connection || connection.closing) return;
    const sparedMs = reason === DISPLACED ? connection.sparedUntil - this.#now() : 0;
    if (sparedMs > 0) {
      if (Number.isFinite(sparedMs))
        setTimeout(() => this.close(connectionId, code, reason), sparedMs).unref();
      return;
    }
    connection.closing = true;
    connection.onClosing();
    connection.socket.close(code, reason);
    this.#queues.leaves(connection);
  }

  /** Closes every socket with 1012, and terminates those that do not answer within {@link CLOSE_GRACE_MS}. */
  closeAll(reason: string): void {
    const closing = [...this.#connections];
    for (const [id] of closing) this.close(id, CLOSE.RESTART, reason);
    const cut = () => {
      for (const [, { socket }] of closing) socket.terminate();
    };
    setTimeout(cut, CLOSE_GRACE_MS).unref();
  }

  /** Closes every socket, because the server is about to stop. */
  drain(): void {
    this.closeAll('the server is restarting');
    clearInterval(this.#timer);
  }

  /** Pings sockets, terminates idle ones and closes stalled ones. */
  tick(): void {
    const now = this.#now();
    for (const [id, connection] of this.#connections) {
      // The server has paused reading from this socket, so the socket does not count as idle.
      if (connection.socket.isPaused) connection.receivedAt = now;
      if (now - connection.receivedAt >= IDLE_TIMEOUT_MS) {
        connection.socket.terminate();
      } else if (isStalled(connection.queue, now)) {
        this.#log.warn({ connection: id }, 'Closing a stalled socket');
        this.close(id, CLOSE.TRY_AGAIN, 'this connection does not take its frames');
      } else if (now - connection.pingedAt >= PING_INTERVAL_MS) {
        connection.pingedAt = now;
        connection.socket.ping();
      }
    }
  }

  #release(address: string): void {
    const left = this.countOf(address) - 1;
    if (left > 0) this.#perAddress.set(address, left);
    else this.#perAddress.delete(address);
  }
}
