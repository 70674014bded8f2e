import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { tooManyRequests } from '../../errors.ts';
import type { Metrics } from '../../observability/metrics.ts';

/** Requests of one connection that are not answered yet. Only a client that pipelines has more than one. */
const MAX_IN_PROGRESS = 64;

/**
 * Bounds the requests that one connection has in progress, so that nobody keeps the event loop, or the memory of
 * answers that wait for the one before, to himself. The first request beyond the bound is refused and ends the
 * connection; one that follows it cuts the connection.
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
      // No answer leaves, which metrics would count it by.
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
