import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../../observability/metrics.ts';

/** How long a client may read no byte of its pending answer. */
const STALLED_MS = 10_000;
const LOOK_MS = 1000;

/** How much of its answers a client has read. */
interface Progress {
  /** Bytes of completed writes. */
  done: number;
  /** Bytes of the write in flight that the operating system has not accepted. */
  left: number;
  /** When the client last read something, on the clock of `performance.now()`. */
  since: number;
}

/** Node uses the same number to distinguish slow from stalled clients, but has no public name for it. */
const systemQueue = (socket: Socket): number =>
  (socket as Socket & { _handle?: { writeQueueSize?: number } | null })._handle?.writeQueueSize ?? 0;

/** Closes connections whose client reads nothing for ten seconds, so that it cannot keep an answer in memory. */
export function installStalledReaderGuard(app: FastifyInstance, metrics: Metrics): void {
  const readers = new Map<Socket, Progress>();

  app.addHook('onRequest', ({ raw }, _reply, done) => {
    const { socket } = raw;
    // The relay bounds the queues of its sockets itself.
    if (!(raw as { upgrade?: boolean }).upgrade && !readers.has(socket)) {
      readers.set(socket, { done: 0, left: 0, since: performance.now() });
      socket.once('close', () => readers.delete(socket));
    }
    done();
  });

  const look = () => {
    const now = performance.now();
    for (const [socket, before] of readers) {
      const waiting = socket.writableLength;
      const [done, left] = [socket.bytesWritten - waiting, systemQueue(socket)];
      if (waiting === 0 || done !== before.done || left < before.left) before.since = now;
      before.done = done;
      before.left = left;
      if (now - before.since < STALLED_MS) continue;
      metrics.refused('READER_STALLED');
      socket.destroy();
    }
  };
  const timer = setInterval(look, LOOK_MS).unref();
  app.addHook('onClose', (_app, done) => {
    clearInterval(timer);
    done();
  });
}
