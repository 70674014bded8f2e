import { setTimeout } from 'node:timers/promises';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { makeOperatorTokenCheck } from './api/operator-token.ts';
import { makeAppRouter } from './api/router.ts';
import type { Config } from './config.ts';
import { installRefusalAudit } from './http/audit.ts';
import { BytesInFlight } from './http/bytes-in-flight.ts';
import { installChallenge } from './http/challenge.ts';
import { installContext } from './http/context.ts';
import { mountDashboard } from './http/dashboard.ts';
import { mountDocs } from './http/docs.ts';
import { installDrain } from './http/drain.ts';
import { installErrorHandler } from './http/error-handler.ts';
import { installCors, installSecurityHeaders } from './http/headers.ts';
import { mountHealth } from './http/health.ts';
import { installHostCheck } from './http/host-check.ts';
import { installOtherListeners } from './http/listen.ts';
import { installRequestMetrics, mountMetrics } from './http/metrics.ts';
import { mountNotHosted } from './http/not-hosted.ts';
import { makeOpenApiDocument } from './http/openapi-document.ts';
import { mountPages } from './http/pages/mount.ts';
import { installPipelineLimit } from './http/pipelining.ts';
import { installPressure } from './http/pressure.ts';
import { installRateLimit, makeGrantCount } from './http/rate-limit.ts';
import { installRequestLog } from './http/request-log.ts';
import { mountRest } from './http/rest.ts';
import { makeHttpServer } from './http/server.ts';
import { installSessionOf } from './http/session-of.ts';
import { installStalledReaderGuard } from './http/stalled-readers.ts';
import { installTracing } from './http/tracing.ts';
import { mountTrpc } from './http/trpc.ts';
import { installUpgradeGuard } from './http/upgrade.ts';
import { noTracing } from './observability/tracing.ts';
import { makeOwnNames } from './own-names.ts';
import { verifyGrant } from './relay/identity.ts';
import type { Services } from './services.ts';
import { makeVaultInputs } from './vault/inputs.ts';

export interface AppDeps {
  config: Config;
  services: Services;
  log: FastifyBaseLogger;
  version: string;
}

/** Composes the whole server out of what it is given. It does not listen. */
export async function buildApp({ config, services, log, version }: AppDeps): Promise<FastifyInstance> {
  const { metrics, tracing, exposition } = services.observability;
  const app = makeHttpServer(config, { log, metrics });
  // Relative to wherever the document was fetched, unless the operator says where that is.
  const baseUrl = config.publicBaseUrl ?? '/';
  const router = makeAppRouter({
    ...services,
    version,
    vaultInputs: makeVaultInputs(config.limits),
    verifyGrant: (grant) => verifyGrant(grant).ok,
    countGrantAttempt: makeGrantCount(services.makeLimiter, { perMinute: config.grantLimitPerMinute, log }),
  });

  installRequestLog(app);
  if (tracing !== noTracing) installTracing(app, tracing);
  if (exposition) installRequestMetrics(app, metrics);
  installErrorHandler(app);
  installPipelineLimit(app, metrics);
  installChallenge(app);
  installUpgradeGuard(app);
  installStalledReaderGuard(app, metrics);
  const { isStopping } = installDrain(app, [
    { name: 'delay', run: () => setTimeout(config.shutdownDelayMs) },
    ...services.drainSteps,
  ]);
  installOtherListeners(app);
  installSecurityHeaders(app, config);
  installHostCheck(app, makeOwnNames(config));
  await installCors(app, config);
  mountHealth(app, {
    pingDatabase: () => services.db.ping(),
    isStopping,
    ...(services.replica && { countReplicas: services.replica.count }),
    version,
  });
  // With a port of their own they are not here.
  if (exposition && config.metricsPort === undefined) mountMetrics(app, exposition, config.metricsToken);
  const inFlight = new BytesInFlight(config.maxBytesInFlight);
  metrics.gauge('bytesInFlight', () => inFlight.total);
  await app.register(async (limited) => {
    const { makeLimiter } = services;
    const sessionOf = installSessionOf(limited, services.sessions);
    await installPressure(limited, config.pressure);
    installRefusalAudit(limited, services.vaults);
    installRateLimit(limited, { config, makeLimiter, sessionOf });
    const contextOf = installContext(limited, {
      sessionOf,
      maxClientIdCharacters: config.limits.clientIdCharacters,
      maxAnswerBytes: config.maxAnswerBytes,
      inFlight,
      isOperatorToken: makeOperatorTokenCheck(config.dashboardToken),
    });
    await limited.register(async (scope) => mountRest(scope, router, contextOf));
    await limited.register(async (scope) => mountTrpc(scope, router, contextOf));
    await limited.register(async (scope) => mountNotHosted(scope));
    await limited.register(async (scope) => services.sockets.mount(scope));
    await limited.register(async (scope) => mountPages(scope, services));
    await limited.register(async (scope) => mountDashboard(scope));
    await limited.register(async (scope) =>
      mountDocs(scope, makeOpenApiDocument(router, { baseUrl, version, limits: config.limits })),
    );
  });
  return app;
}
