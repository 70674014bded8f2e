import { createHash, timingSafeEqual } from 'node:crypto';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyRequest } from 'fastify';
import { unauthorized } from '../../errors.ts';
import { readHost } from '../../net/host.ts';
import type { OwnNames } from '../../net/own-names.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { Exposition } from '../../observability/prometheus.ts';
import { installChallenge } from '../edge/challenge.ts';
import { makeClientOf } from '../edge/client-address.ts';
import { installErrorHandler } from '../edge/error-handler.ts';
import { installHostCheck } from '../edge/host-check.ts';
import { installOtherListeners } from '../edge/listen.ts';
import { installListener, listenerOptions } from '../edge/listener.ts';
import { operationOf } from './operation-name.ts';
import { installRequestLog } from './request-log.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether a request waits on purpose, on a route where its query does not say so. */
    waits?: (request: FastifyRequest) => boolean;
  }
}

const NO_ROUTE = 'none';

/** Long polls get a label apart, because their deliberate wait would hide the latency of other requests. */
function routeOf(request: FastifyRequest): string {
  const { routeOptions, query } = request;
  const { url = NO_ROUTE, config } = routeOptions;
  const waits =
    url !== NO_ROUTE && (Object.hasOwn((query ?? {}) as object, 'wait') || config.waits?.(request));
  return waits ? `${url} (wait)` : url;
}

const isStream = (type: unknown) => typeof type === 'string' && type.startsWith('text/event-stream');

/** Records the duration and outcome of each request. Streams are left out, because their clients decide how long they last. */
export function installRequestMetrics(app: FastifyInstance, metrics: Metrics): void {
  app.addHook('onResponse', (request, reply, done) => {
    for (const { code } of request.refusals ?? []) metrics.refused(code);
    if (!isStream(reply.getHeader('content-type'))) {
      metrics.answered({
        method: request.method,
        route: routeOf(request),
        operation: operationOf(request) ?? '',
        status: reply.statusCode,
        seconds: reply.elapsedTime / 1000,
      });
    }
    done();
  });
}

const digest = (text: string) => createHash('sha256').update(text).digest();

/** @throws RelayError `UNAUTHORIZED` unless the request carries the token */
function makeTokenCheck(token: string): (request: FastifyRequest) => Promise<void> {
  const expected = digest(token);
  return async ({ headers }) => {
    const given = /^bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
    if (!timingSafeEqual(digest(given), expected)) {
      throw unauthorized('Send the header "Authorization: Bearer <METRICS_TOKEN>".');
    }
  };
}

/** `GET /metrics` in the Prometheus format. @param token undefined: any client that can reach it may read it */
export function mountMetrics(app: FastifyInstance, exposition: Exposition, token: string | undefined): void {
  app.get(
    '/metrics',
    { config: { anyHost: true }, onRequest: token === undefined ? [] : [makeTokenCheck(token)] },
    async (_request, reply) => reply.type(exposition.contentType).send(await exposition.text()),
  );
}

/** A scraper may know the listener of the metrics by any name. */
const EVERY_HOST: Pick<OwnNames, 'isOwn' | 'mayCall'> = {
  isOwn: (host) => readHost(host) !== undefined,
  mayCall: () => true,
};

/** Builds a separate server for the metrics, so that clients need not be able to reach them. It does not listen yet. */
export function buildMetricsApp(
  exposition: Exposition,
  { token, log }: { token: string | undefined; log: FastifyBaseLogger },
): FastifyInstance {
  const deps = { log, metrics: exposition.metrics, clientOf: makeClientOf(() => false) };
  const app = Fastify({ ...listenerOptions(deps), forceCloseConnections: true });
  installListener(app, deps);
  installRequestLog(app);
  installErrorHandler(app);
  installChallenge(app);
  installHostCheck(app, EVERY_HOST);
  installOtherListeners(app);
  mountMetrics(app, exposition, token);
  return app;
}
