import type { Duplex } from 'node:stream';
import type { FastifyBaseLogger } from 'fastify';
import type { WebSocket } from 'ws';
import type { Delivery } from './delivery.ts';
import { CLOSE, DISPLACED, IDLE_TIMEOUT_MS, PING_INTERVAL_MS } from './protocol.ts';
import { dequeue, EMPTY_QUEUE, enqueue, isStalled, type SendQueue } from './send-queue.ts';

interface Connection {
  readonly socket: WebSocket;
  queue: SendQueue;
  heardAt: number;
  pingedAt: number;
  closing: boolean;
  /** Until then, on this server's clock, it is not closed for being displaced. */
  sparedUntil: number;
  /** Called when this server begins to close the socket. */
  onClosing(): void;
}

/** What a place of an address is taken for. */
export interface Place {
  max: number;
  stream: Duplex;
  /** Hears how many places the address has still taken when this one is free again. */
  left(here: number): void;
}

/** How often the sockets of this server are looked after. */
const TICK_MS = 1000;
/** How long the closing handshakes may take when all sockets have to go. */
const CLOSE_GRACE_MS = 2000;

/** The sockets of this server: their bounded queues, their signs of life, and how many an address has. */
export class Connections implements Delivery {
  readonly #connections = new Map<string, Connection>();
  readonly #perAddress = new Map<string, number>();
  readonly #log: FastifyBaseLogger;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;

  /** @param now ms of a clock that only moves forward */
  constructor(log: FastifyBaseLogger, now: () => number) {
    this.#log = log;
    this.#now = now;
    this.#timer = setInterval(() => this.tick(), TICK_MS);
    this.#timer.unref();
  }

  /** How many sockets an address has here, those on their way in included. */
  countOf(address: string): number {
    return this.#perAddress.get(address) ?? 0;
  }

  get size(): number {
    return this.#connections.size;
  }

  /**
   * Takes one of the places of an address, before the upgrade and before anything is waited for: of many that
   * come at once, no more get in than may. The place is free again when the network connection ends.
   * @returns gives the place back earlier; undefined when there is none
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

  /** @param onClosing called when this server begins to close the socket */
  add(connectionId: string, socket: WebSocket, onClosing: () => void): void {
    const now = this.#now();
    const connection = {
      socket,
      queue: EMPTY_QUEUE,
      heardAt: now,
      pingedAt: now,
      closing: false,
      sparedUntil: 0,
      onClosing,
    };
    this.#connections.set(connectionId, connection);
    const heard = () => {
      connection.heardAt = this.#now();
    };
    socket.on('message', heard);
    socket.on('ping', heard);
    socket.on('pong', heard);
    socket.once('close', () => this.#connections.delete(connectionId));
  }

  has(connectionId: string): boolean {
    return this.#connections.get(connectionId)?.closing === false;
  }

  /** Queues a text frame; one for a socket that is gone, or whose queue is full, is lost. */
  deliver(connectionId: string, text: string): void {
    const connection = this.#connections.get(connectionId);
    if (!connection || connection.closing) return;
    const bytes = Buffer.byteLength(text);
    const { queue, accepted } = enqueue(connection.queue, { bytes, now: this.#now() });
    connection.queue = queue;
    if (!accepted) return;
    connection.socket.send(text, () => {
      connection.queue = dequeue(connection.queue, bytes);
    });
  }

  /** Whether frames for a socket are lost at present, since too much waits for it. */
  isFull(connectionId: string): boolean {
    return this.#connections.get(connectionId)?.queue.fullSince !== undefined;
  }

  /**
   * Keeps a socket for so long although newer ones displace it: strangers that connect all the time must not take from
   * an Astation the time to prove its key.
   */
  spare(connectionId: string, ms: number): void {
    const connection = this.#connections.get(connectionId);
    if (connection) connection.sparedUntil = this.#now() + ms;
  }

  /** Ends a socket once what was queued before is written; one that is spared, later. */
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
  }

  /** Ends every socket with 1012; one that does not answer is cut soon. */
  closeAll(reason: string): void {
    const closing = [...this.#connections];
    for (const [id] of closing) this.close(id, CLOSE.RESTART, reason);
    const cut = () => {
      for (const [, { socket }] of closing) socket.terminate();
    };
    setTimeout(cut, CLOSE_GRACE_MS).unref();
  }

  /** Ends every socket of a server that is about to stop. */
  drain(): void {
    this.closeAll('the server is restarting');
    clearInterval(this.#timer);
  }

  /** Pings who has been quiet, ends who stays silent, and who does not take what is sent to him. */
  tick(): void {
    const now = this.#now();
    for (const [id, connection] of this.#connections) {
      // The server itself does not read from it, so its silence says nothing.
      if (connection.socket.isPaused) connection.heardAt = now;
      if (now - connection.heardAt >= IDLE_TIMEOUT_MS) {
        connection.socket.terminate();
      } else if (isStalled(connection.queue, now)) {
        this.#log.warn({ connection: id }, 'A socket does not take its frames and is closed');
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
