import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { RequestSpan, Tracing } from '../observability/tracing.ts';
import { loggableUrl } from './request-log.ts';

/**
 * Opens a span for each request. What runs after the hooks below runs within it: a body is read from the
 * connection, where no request is known, so that the second hook has to lead back.
 */
export function installTracing(app: FastifyInstance, tracing: Tracing): void {
  const spans = new WeakMap<FastifyRequest, RequestSpan>();

  app.addHook('onRequest', (request, reply, done) => {
    const span = tracing.startRequest(request.method, request.headers);
    spans.set(request, span);
    const attributes = () => ({
      'http.request.method': request.method,
      'url.path': loggableUrl(request.url).split('?')[0] ?? '',
      'vault_relay.request_id': request.id,
      ...(request.routeOptions.url !== undefined && { 'http.route': request.routeOptions.url }),
    });
    reply.raw.once('close', () =>
      span.end(reply.raw.writableFinished ? reply.statusCode : undefined, attributes()),
    );
    span.run(done);
  });
  app.addHook('preValidation', (request, _reply, done) => {
    const span = spans.get(request);
    if (span) span.run(done);
    else done();
  });
}
