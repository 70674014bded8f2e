import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { RelayError } from '../errors.ts';

/** Smaller answers are not counted: their sockets and requests cost as much. */
const COUNTED_FROM = 65_536;

/** What one connection may have on its way: this part of what all may have together. */
const CONNECTIONS_FOR_ALL = 8;

const tooMuch = (who: string) =>
  new RelayError(
    'SERVICE_UNAVAILABLE',
    `Too many bytes are on their way to ${who}; read them, then ask again.`,
    {
      retryAfter: 1,
    },
  );

/** Bounds the memory of answers that their readers have not taken yet, for each connection and for the server. */
export class BytesInFlight {
  readonly #max: number;
  #total = 0;
  readonly #byConnection = new WeakMap<Socket, number>();

  /** @param max bytes of all answers together */
  constructor(max: number) {
    this.#max = max;
  }

  /** Bytes that are reserved now. */
  get total(): number {
    return this.#total;
  }

  /**
   * Reserves bytes of an answer. A connection that has none on their way may reserve as many as one answer needs.
   * @returns gives them back; the end of the answer does so too
   * @throws RelayError `SERVICE_UNAVAILABLE`
   */
  reserve(answer: ServerResponse, bytes: number): () => void {
    if (bytes < COUNTED_FROM) return () => undefined;
    const { socket } = answer;
    // The reader has left: what is made now goes nowhere.
    if (!socket) return () => undefined;
    const here = this.#byConnection.get(socket) ?? 0;
    if (here > 0 && here + bytes > this.#max / CONNECTIONS_FOR_ALL) throw tooMuch('this connection');
    if (this.#total > 0 && this.#total + bytes > this.#max) throw tooMuch('readers of this server');
    this.#add(socket, bytes);
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      answer.off('close', release);
      this.#add(socket, -bytes);
    };
    answer.once('close', release);
    return release;
  }

  #add(socket: Socket, bytes: number): void {
    this.#total += bytes;
    this.#byConnection.set(socket, (this.#byConnection.get(socket) ?? 0) + bytes);
  }
}
