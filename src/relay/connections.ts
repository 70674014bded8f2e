import type { Duplex } from 'node:stream';
import type { FastifyBaseLogger } from 'fastify';
import type { WebSocket } from 'ws';
import { CLOSE, IDLE_TIMEOUT_MS, PING_INTERVAL_MS } from './protocol.ts';
import { dequeue, EMPTY_QUEUE, enqueue, isStalled, type SendQueue } from './send-queue.ts';

interface Connection {
  readonly socket: WebSocket;
  queue: SendQueue;
  heardAt: number;
  pingedAt: number;
  closing: boolean;
}

/** How often the sockets of this server are looked after. */
const TICK_MS = 1000;
/** How long a closing handshake may take when the server stops. */
const DRAIN_GRACE_MS = 2000;

/** The sockets of this server: their bounded queues, their signs of life, and how many an address has. */
export class Connections {
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
  claim(address: string, { max, stream }: { max: number; stream: Duplex }): (() => void) | undefined {
    if (this.countOf(address) >= max) return undefined;
    this.#perAddress.set(address, this.countOf(address) + 1);
    let taken = true;
    const release = () => {
      if (taken) this.#release(address);
      taken = false;
    };
    stream.once('close', release);
    return release;
  }

  add(connectionId: string, socket: WebSocket): void {
    const now = this.#now();
    const connection = { socket, queue: EMPTY_QUEUE, heardAt: now, pingedAt: now, closing: false };
    this.#connections.set(connectionId, connection);
    const heard = () => {
      connection.heardAt = this.#now();
    };
    socket.on('message', heard);
    socket.on('ping', heard);
    socket.on('pong', heard);
    socket.once('close', () => this.#connections.delete(connectionId));
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

  /** Ends a socket once what was queued before is written. */
  close(connectionId: string, code: number, reason: string): void {
    const connection = this.#connections.get(connectionId);
    if (!connection || connection.closing) return;
    connection.closing = true;
    connection.socket.close(code, reason);
  }

  /** Ends every socket, as a server does that is about to stop; one that does not answer is cut soon. */
  drain(): void {
    for (const id of this.#connections.keys()) this.close(id, CLOSE.RESTART, 'the server is restarting');
    clearInterval(this.#timer);
    const cut = () => {
      for (const { socket } of this.#connections.values()) socket.terminate();
    };
    setTimeout(cut, DRAIN_GRACE_MS).unref();
  }

  /** Pings who has been quiet, ends who stays silent, and who does not take what is sent to him. */
  tick(): void {
    const now = this.#now();
    for (const [id, connection] of this.#connections) {
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
