import type { FastifyInstance } from 'fastify';
import type { Tracing } from '../../observability/tracing.ts';
import { loggablePath } from './loggable-url.ts';

/** Opens a span for each request. Whatever runs after this hook runs within it; Fastify keeps that while it reads a body. */
export function installTracing(app: FastifyInstance, tracing: Tracing): void {
  app.addHook('onRequest', (request, reply, done) => {
    const span = tracing.startRequest(request.method, request.headers);
    const attributes = () => ({
      'http.request.method': request.method,
      'url.path': loggablePath(request),
      'vault_relay.request_id': request.id,
      ...(request.routeOptions.url !== undefined && { 'http.route': request.routeOptions.url }),
    });
    reply.raw.once('close', () =>
      span.end(reply.raw.writableFinished ? reply.statusCode : undefined, attributes()),
    );
    span.run(done);
  });
}
