import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { RelayError } from '../../errors.ts';

/** Smaller answers are not counted, because their sockets and requests cost as much memory. */
const COUNTED_FROM = 65_536;

/** The divisors of the server's limit for one connection, work session or address. */
const PARTS = { connection: 8, workSession: 4, address: 2 };

const tooMuch = (who: string) =>
  new RelayError('SERVICE_UNAVAILABLE', `Too many bytes are in flight to ${who}; read them, then retry.`, {
    retryAfter: 1,
  });

/** An answer, and the keys under which its bytes are counted. */
export interface Reservation {
  answer: ServerResponse;
  /** The socket of the request. A pipelined answer has no socket until the answers before it are sent. */
  connection: Socket;
  address: string;
  /** Undefined for an operator and for callers without a session. */
  workSession: string | undefined;
}

/** Counts bytes by key. Keys without bytes are removed, because clients can choose the keys. */
class Counts {
  readonly #bytes = new Map<unknown, number>();

  get(key: unknown): number {
    return this.#bytes.get(key) ?? 0;
  }

  add(key: unknown, bytes: number): void {
    const sum = this.get(key) + bytes;
    if (sum > 0) this.#bytes.set(key, sum);
    else this.#bytes.delete(key);
  }
}

/**
 * Bounds the memory of answers that clients have not read yet: for each connection, work session and address, and for
 * the server.
 */
export class BytesInFlight {
  readonly #max: number;
  #total = 0;
  readonly #byConnection = new Counts();
  readonly #byWorkSession = new Counts();
  readonly #byAddress = new Counts();
  /** The release functions to call when a connection closes. */
  readonly #held = new Map<Socket, Set<() => void>>();

  /** @param max bytes of all answers together */
  constructor(max: number) {
    this.#max = max;
  }

  /** Bytes that are reserved now. */
  get total(): number {
    return this.#total;
  }

  /**
   * Reserves bytes of an answer. A client without bytes in flight may reserve as many as one answer needs.
   * @returns a function that releases them; the end of the answer or of its connection releases them too
   * @throws RelayError `SERVICE_UNAVAILABLE`
   */
  reserve(reservation: Reservation, bytes: number): () => void {
    const { answer, connection } = reservation;
    // Once the client has disconnected, no event would release the bytes.
    if (bytes < COUNTED_FROM || answer.closed || connection.destroyed) return () => undefined;
    this.#check(reservation, bytes);
    this.#add(reservation, bytes);
    const held = this.#heldOn(connection);
    const release = () => {
      if (!held.delete(release)) return;
      answer.off('close', release);
      this.#add(reservation, -bytes);
    };
    held.add(release);
    answer.once('close', release);
    return release;
  }

  #check({ connection, workSession, address }: Reservation, bytes: number): void {
    const isOver = (has: number, parts: number) => has > 0 && has + bytes > this.#max / parts;
    if (isOver(this.#byConnection.get(connection), PARTS.connection)) throw tooMuch('this connection');
    if (isOver(this.#byWorkSession.get(workSession), PARTS.workSession)) throw tooMuch('your work session');
    if (isOver(this.#byAddress.get(address), PARTS.address)) throw tooMuch('your address');
    if (isOver(this.#total, 1)) throw tooMuch('readers of this server');
  }

  #add({ connection, workSession, address }: Reservation, bytes: number): void {
    this.#total += bytes;
    this.#byConnection.add(connection, bytes);
    if (workSession !== undefined) this.#byWorkSession.add(workSession, bytes);
    this.#byAddress.add(address, bytes);
  }

  #heldOn(connection: Socket): Set<() => void> {
    const known = this.#held.get(connection);
    if (known) return known;
    const held = new Set<() => void>();
    this.#held.set(connection, held);
    // When a connection closes, Node does not close pipelined answers that are still queued.
    connection.once('close', () => {
      this.#held.delete(connection);
      for (const release of held) release();
    });
    return held;
  }
}
