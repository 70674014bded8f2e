import type { FastifyInstance } from 'fastify';
import type { Tracing } from '../../observability/tracing.ts';
import { loggablePath } from './loggable-url.ts';
import { operationOf } from './operation-name.ts';

/** Opens a span for each request. All later hooks run within it, because Fastify keeps the context while it reads a body. */
export function installTracing(app: FastifyInstance, tracing: Tracing): void {
  app.addHook('onRequest', (request, reply, done) => {
    const span = tracing.startRequest(request.method, request.headers);
    const attributes = () => {
      const operation = operationOf(request);
      return {
        'http.request.method': request.method,
        'url.path': loggablePath(request),
        'vault_relay.request_id': request.id,
        ...(request.routeOptions.url !== undefined && { 'http.route': request.routeOptions.url }),
        ...(operation !== undefined && { 'vault_relay.operation': operation }),
      };
    };
    reply.raw.once('close', () =>
      span.end(reply.raw.writableFinished ? reply.statusCode : undefined, attributes()),
    );
    span.run(done);
  });
}
