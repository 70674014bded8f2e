import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../../observability/metrics.ts';

/** How long a reader may take no byte of what waits for it. */
const STALLED_MS = 10_000;
const LOOK_MS = 1000;

/** How far a reader has come. */
interface Progress {
  /** Bytes of writes that are done. */
  done: number;
  /** Bytes of the write under way that the system has not taken. */
  left: number;
  /** Since when nothing was taken, on the clock of `performance.now()`. */
  since: number;
}

/** Node looks at the same number to tell a slow reader from a stalled one, and has no public name for it. */
const systemQueue = (socket: Socket): number =>
  (socket as Socket & { _handle?: { writeQueueSize?: number } | null })._handle?.writeQueueSize ?? 0;

/** Cuts connections whose reader takes nothing for ten seconds, so that nobody holds an answer in memory for longer. */
export function installStalledReaderGuard(app: FastifyInstance, metrics: Metrics): void {
  const readers = new Map<Socket, Progress>();

  app.addHook('onRequest', ({ raw }, _reply, done) => {
    const { socket } = raw;
    // Sockets of the relay have a queue with rules of its own.
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
