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
  heardAt: number;
  pingedAt: number;
  closing: boolean;
  /** Until then, on this server's clock, it is not closed for being displaced. */
  sparedUntil: number;
}

/** What a place of an address is taken for. */
export interface Place {
  max: number;
  stream: Duplex;
  /** Hears how many places the address has still taken when this one is free again. */
  left(here: number): void;
}

export interface ConnectionsOptions {
  log: FastifyBaseLogger;
  /** ms of a clock that only moves forward */
  now(): number;
  /** The setting `MAX_BYTES_IN_FLIGHT`; send queues have a share of it. */
  maxBytesInFlight: number;
}

const TOO_SLOW = 'too much waits for connections that do not take their frames; connect again';

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
  readonly #queues: SendQueues<Connection>;

  constructor({ log, now, maxBytesInFlight }: ConnectionsOptions) {
    this.#log = log;
    this.#now = now;
    this.#queues = new SendQueues(now, maxBytesInFlight);
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

  /** Takes in a socket, under the id that its room knows. */
  add(id: string, entering: Entering): void {
    const { socket } = entering;
    const now = this.#now();
    const connection: Connection = {
      ...entering,
      ...this.#queues.empty(),
      id,
      heardAt: now,
      pingedAt: now,
      closing: false,
      sparedUntil: 0,
    };
    this.#connections.set(id, connection);
    const heard = () => {
      connection.heardAt = this.#now();
    };
    socket.on('message', heard);
    socket.on('ping', heard);
    socket.on('pong', heard);
    socket.once('close', () => {
      this.#connections.delete(id);
      this.#queues.left(connection);
    });
  }

  has(connectionId: string): boolean {
    return this.#connections.get(connectionId)?.closing === false;
  }

  /**
   * Queues a text frame; one for a socket that is gone, or whose queue is full, is lost. Where too much waits in all queues, the
   * slowest sockets are closed.
   */
  deliver(connectionIds: readonly string[], text: string): void {
    const here = connectionIds.filter((id) => this.has(id));
    if (here.length === 0) return;
    const frame = new OutgoingFrame(text);
    for (const id of here) {
      const connection = this.#connections.get(id);
      // Another socket may have made this one give way.
      if (!connection || connection.closing) continue;
      this.#queues.send(connection, frame);
      this.#relieve(connection.address);
    }
  }

  #relieve(address: string): void {
    for (let slow = this.#queues.slowest(address); slow; slow = this.#queues.slowest(address)) {
      this.#log.warn(
        { connection: slow.id },
        'Too much waits for sockets, and the slowest of them is closed',
      );
      this.close(slow.id, CLOSE.TRY_AGAIN, TOO_SLOW);
    }
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
    this.#queues.leaves(connection);
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
