import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Logger } from 'pino';
import { makeNetworkCheck } from '../address.ts';
import type { Config } from '../config.ts';
import type { Metrics } from '../observability/metrics.ts';
import { installClientAddress, makeClientOf } from './client-address.ts';
import { makeClientErrorHandler } from './client-error.ts';
import { installConnectionLimit } from './connection-limit.ts';
import { sendError } from './error-handler.ts';
import { LazyLogger } from './lazy-logger.ts';
import { logRequest, makeRequestId, markAnswer } from './request-log.ts';

/** Bytes of a request's address and headers together; Node answers more with 431. */
const MAX_HEAD_BYTES = 16_384;

/** A JSON string spells a byte with at most six characters (`\u0041`); the rest is the object around it. */
const bodyLimit = (textBytes: number) => 6 * textBytes + 4096;

/** Fastify with every limit that holds before a request has a route. It mounts nothing. */
export function makeHttpServer(
  config: Config,
  { log, metrics }: { log: FastifyBaseLogger; metrics: Metrics },
): FastifyInstance {
  const isTrusted = makeNetworkCheck(config.trustProxy ?? []);
  const clientOf = makeClientOf(isTrusted);
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: makeRequestId,
    childLoggerFactory: (logger, bindings, options) => new LazyLogger(logger as Logger, bindings, options),
    // Fastify reads hosts by it; `request.address` has the client.
    trustProxy: config.trustProxy === undefined ? false : isTrusted,
    bodyLimit: bodyLimit(Math.max(config.limits.textBytes, config.limits.summaryBytes)),
    requestTimeout: 10_000,
    // By itself a slow request was cut after a minute only: Node checks its connections that seldom.
    http: {
      requireHostHeader: false,
      maxHeaderSize: MAX_HEAD_BYTES,
      headersTimeout: 5000,
      connectionsCheckingInterval: 1000,
    },
    // A vault id of 128 characters outside the BMP, percent-encoded.
    routerOptions: { maxParamLength: 1536 },
    // By itself a stop that waits for answers on their way would fail after ten seconds.
    pluginTimeout: 0,
    forceCloseConnections: 'idle',
    // What comes while the server stops is still answered, in our shape. Fastify's own 503 runs no hook, and so
    // would leave the connection of an upgrade open, which the stop then waits for.
    return503OnClosing: false,
    clientErrorHandler: makeClientErrorHandler(log, metrics),
    // An address that cannot be decoded is refused before any hook, and none runs after it.
    frameworkErrors: (error, request, reply) => {
      markAnswer(request, reply);
      sendError(error, request, reply);
      logRequest(request, reply, clientOf(request.raw));
    },
  });
  // By itself Node answers an expectation that it does not know with a bare 417; it may as well be ignored.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  installClientAddress(app, clientOf);
  installConnectionLimit(app, {
    maxPerAddress: config.maxConnectionsPerAddress,
    isTrusted,
    metrics,
  });
  return app;
}
