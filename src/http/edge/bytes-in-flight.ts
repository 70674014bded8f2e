import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { RelayError } from '../../errors.ts';

/** Smaller answers are not counted: their sockets and requests cost as much. */
const COUNTED_FROM = 65_536;

/** One connection, work session or address may have this part of what all may have together. */
const PARTS = { connection: 8, workSession: 4, address: 2 };

const tooMuch = (who: string) =>
  new RelayError('SERVICE_UNAVAILABLE', `Too many bytes are in flight to ${who}; read them, then retry.`, {
    retryAfter: 1,
  });

/** An answer, and what its bytes count for. */
export interface Reservation {
  answer: ServerResponse;
  /** The socket of the request. A pipelined answer has none until those before it are sent. */
  connection: Socket;
  address: string;
  /** Undefined for an operator and for callers without a session. */
  workSession: string | undefined;
}

/** Counts bytes by a key that strangers can choose; a key without bytes is forgotten. */
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
 * Bounds the memory of answers that their readers have not taken yet: for each connection, work session and address,
 * and for the server.
 */
export class BytesInFlight {
  readonly #max: number;
  #total = 0;
  readonly #byConnection = new Counts();
  readonly #byWorkSession = new Counts();
  readonly #byAddress = new Counts();
  /** What gives the bytes of a connection back when it closes. */
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
   * Reserves bytes of an answer. A reader that has none on their way may reserve as many as one answer needs.
   * @returns gives them back; the end of the answer or of its connection does so too
   * @throws RelayError `SERVICE_UNAVAILABLE`
   */
  reserve(reservation: Reservation, bytes: number): () => void {
    const { answer, connection } = reservation;
    // After the reader has left, no event would give the bytes back, and the answer goes nowhere.
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
    // Node closes no answer that waits behind others when the connection closes.
    connection.once('close', () => {
      this.#held.delete(connection);
      for (const release of held) release();
    });
    return held;
  }
}
