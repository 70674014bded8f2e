import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import type { Config } from '../../config.ts';
import { makeNetworkCheck } from '../../net/address.ts';
import type { Metrics } from '../../observability/metrics.ts';
import { makeClientOf } from './client-address.ts';
import { installConnectionLimit } from './connection-limit.ts';
import { installListener, listenerOptions } from './listener.ts';

/** A JSON string spells a byte with at most six characters (`\u0041`); the rest is the object around it. */
const bodyLimit = (textBytes: number) => 6 * textBytes + 4096;

/** Fastify with every limit that holds before a request has a route. It mounts nothing. */
export function makeHttpServer(
  config: Config,
  { log, metrics }: { log: FastifyBaseLogger; metrics: Metrics },
): FastifyInstance {
  const isTrusted = makeNetworkCheck(config.trustProxy ?? []);
  const deps = { log, metrics, clientOf: makeClientOf(isTrusted) };
  const app = Fastify({
    ...listenerOptions(deps),
    // Fastify reads hosts by it; `request.address` has the client.
    trustProxy: config.trustProxy === undefined ? false : isTrusted,
    bodyLimit: bodyLimit(Math.max(config.limits.textBytes, config.limits.summaryBytes)),
    // A vault id of 128 characters outside the BMP, percent-encoded.
    routerOptions: { maxParamLength: 1536 },
    // By itself a stop that waits for answers on their way would fail after ten seconds.
    pluginTimeout: 0,
    forceCloseConnections: 'idle',
    // What comes while the server stops is still answered, in our shape. Fastify's own 503 runs no hook, and so
    // would leave the connection of an upgrade open, which the stop then waits for.
    return503OnClosing: false,
  });
  installListener(app, deps);
  installConnectionLimit(app, {
    maxPerAddress: config.maxConnectionsPerAddress,
    isTrusted,
    metrics,
  });
  return app;
}
