import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import type { Config } from '../../config.ts';
import { makeNetworkCheck } from '../../net/address.ts';
import type { Metrics } from '../../observability/metrics.ts';
import { makeClientOf } from './client-address.ts';
import { installConnectionLimit } from './connection-limit.ts';
import { installListener, listenerOptions } from './listener.ts';
import { schemaController } from './serializers.ts';

/** JSON needs at most six characters for one byte (`\u0041`). The rest is for the object around the text. */
const bodyLimit = (textBytes: number) => 6 * textBytes + 4096;

/** Makes a Fastify server with all limits that apply before routing. It mounts no routes. */
export function makeHttpServer(
  config: Config,
  { log, metrics }: { log: FastifyBaseLogger; metrics: Metrics },
): FastifyInstance {
  const isTrusted = makeNetworkCheck(config.trustProxy ?? []);
  const deps = { log, metrics, clientOf: makeClientOf(isTrusted) };
  const app = Fastify({
    ...listenerOptions(deps),
    // Fastify uses it for `request.host`. The client's address is in `request.address`.
    trustProxy: config.trustProxy === undefined ? false : isTrusted,
    bodyLimit: bodyLimit(Math.max(config.limits.textBytes, config.limits.summaryBytes)),
    // A vault id has up to 128 characters. One outside the BMP takes 12 when percent-encoded.
    routerOptions: { maxParamLength: 1536 },
    // With the default, a stop that waits for answers in flight would fail after ten seconds.
    pluginTimeout: 0,
    forceCloseConnections: 'idle',
    // Requests during a stop are still answered, in our format. Fastify's own 503 runs no hooks, so the connection of an
    // upgrade would stay open and block the stop.
    return503OnClosing: false,
    schemaController,
  });
  installListener(app, deps);
  installConnectionLimit(app, {
    maxPerAddress: config.maxConnectionsPerAddress,
    isTrusted,
    metrics,
  });
  return app;
}
