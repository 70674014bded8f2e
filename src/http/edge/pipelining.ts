import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { tooManyRequests } from '../../errors.ts';
import type { Metrics } from '../../observability/metrics.ts';

/** The limit of unanswered requests on one connection. Only a client that pipelines has more than one. */
const MAX_IN_PROGRESS = 64;

/**
 * Bounds the requests that one connection has in progress, so that it cannot monopolize the event loop, or memory with
 * queued answers. The first request beyond the bound is refused, and the connection closes after its answer. The next
 * one closes the connection at once.
 */
export function installPipelineLimit(app: FastifyInstance, metrics: Metrics): void {
  const inProgress = new WeakMap<Socket, number>();
  const count = (socket: Socket, change: 1 | -1) => {
    const now = (inProgress.get(socket) ?? 0) + change;
    inProgress.set(socket, now);
    return now;
  };
  app.addHook('onRequest', ({ raw: { socket } }, reply, done) => {
    const requests = count(socket, 1);
    if (requests <= MAX_IN_PROGRESS) return done();
    if (requests > MAX_IN_PROGRESS + 1) {
      // Counted here, because no answer is sent.
      metrics.refused('TOO_MANY_REQUESTS');
      socket.destroy();
      return undefined;
    }
    reply.header('connection', 'close');
    done(
      tooManyRequests(
        `This connection already has ${MAX_IN_PROGRESS} requests in progress; wait for their answers.`,
        1,
      ),
    );
  });
  app.addHook('onResponse', ({ raw: { socket } }, _reply, done) => {
    count(socket, -1);
    done();
  });
}
