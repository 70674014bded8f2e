import { connect, type Socket } from 'node:net';
import type { HttpRequest } from './job.ts';

const HEAD_END = Buffer.from('\r\n\r\n');
const LENGTH = 'content-length: ';

/** Encodes a request once, so that sending it costs one write. */
export function encode({ method, path, headers, body = '' }: HttpRequest, port: number): Buffer {
  const lines = Object.entries({
    host: `127.0.0.1:${port}`,
    ...headers,
    ...(method === 'GET' ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
}

function readLength(status: number, head: string): number {
  if (status === 204 || status === 304) return 0;
  const at = head.indexOf(LENGTH);
  if (at < 0) throw new Error(`An answer without content-length, which this client does not read: ${head}`);
  return Number.parseInt(head.slice(at + LENGTH.length), 10);
}

/** Callbacks for the answers of a connection. */
export interface Sender {
  answered(connection: Connection, status: number): void;
  failed(error: Error): void;
}

/**
 * A keep-alive HTTP/1.1 connection with one request at a time. It reads only the status and the end of an answer, because
 * the load must cost far less than the server that it measures.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #sender: Sender;
  /** The received part of an incomplete head. */
  #partial: Buffer | undefined;
  /** Bytes of the body that have not arrived yet. */
  #missing = 0;
  #status = 0;
  /** Planned start of the request in flight. Only the sender uses it. */
  startedAt = 0;

  /** @param bufferBytes size of the read buffer; small for thousands of connections */
  constructor(port: number, sender: Sender, bufferBytes = 65_536) {
    this.#sender = sender;
    this.#socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafe(bufferBytes),
        callback: (length, buffer) => this.#take(length, buffer),
      },
    });
    this.#socket.on('error', (error) => sender.failed(error));
  }

  connected(): Promise<void> {
    return new Promise((resolve) => this.#socket.once('connect', resolve));
  }

  send(request: Buffer): void {
    this.#socket.write(request);
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(length: number, buffer: Uint8Array): boolean {
    if (this.#missing > 0) {
      this.#missing -= length;
      if (this.#missing === 0) this.#sender.answered(this, this.#status);
      return true;
    }
    // `bytes` may share the socket's buffer, which the next read overwrites.
    const read = Buffer.from(buffer.buffer, buffer.byteOffset, length);
    const bytes = this.#partial ? Buffer.concat([this.#partial, read]) : read;
    const end = bytes.indexOf(HEAD_END);
    if (end < 0) {
      this.#partial = Buffer.from(bytes);
      return true;
    }
    this.#partial = undefined;
    this.#readHead(bytes, end);
    return true;
  }

  #readHead(bytes: Buffer, end: number): void {
    try {
      this.#status = Number(bytes.toString('latin1', 9, 12));
      const body = readLength(this.#status, bytes.toString('latin1', 0, end));
      this.#missing = end + HEAD_END.length + body - bytes.length;
      if (this.#missing < 0) throw new Error('More came than one answer.');
    } catch (error) {
      this.#sender.failed(error as Error);
      return;
    }
    if (this.#missing === 0) this.#sender.answered(this, this.#status);
  }
}

/** Opens connections and resolves when all of them are connected. */
export async function openConnections(
  count: number,
  port: number,
  { sender, bufferBytes }: { sender: Sender; bufferBytes?: number },
): Promise<Connection[]> {
  const connections = Array.from({ length: count }, () => new Connection(port, sender, bufferBytes));
  await Promise.all(connections.map((connection) => connection.connected()));
  return connections;
}
