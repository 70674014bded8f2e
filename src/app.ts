import { setTimeout } from 'node:timers/promises';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { makeOperatorTokenCheck } from './access/caller.ts';
import type { Config } from './config.ts';
import { BytesInFlight } from './http/edge/bytes-in-flight.ts';
import { installChallenge } from './http/edge/challenge.ts';
import { installCredentialOf } from './http/edge/credential-of.ts';
import { installDrain } from './http/edge/drain.ts';
import { installErrorHandler } from './http/edge/error-handler.ts';
import { installCors, installSecurityHeaders } from './http/edge/headers.ts';
import { installHostCheck } from './http/edge/host-check.ts';
import { installOtherListeners } from './http/edge/listen.ts';
import { mountNotHosted } from './http/edge/not-hosted.ts';
import { makePersonCookies } from './http/edge/person-cookie.ts';
import { installPipelineLimit } from './http/edge/pipelining.ts';
import { installPressure } from './http/edge/pressure.ts';
import { installRateLimit, makeGrantCount } from './http/edge/rate-limit.ts';
import { makeHttpServer } from './http/edge/server.ts';
import { installStalledReaderGuard } from './http/edge/stalled-readers.ts';
import { installUpgradeGuard } from './http/edge/upgrade.ts';
import { mountHealth } from './http/ops/health.ts';
import { installRequestLog } from './http/ops/request-log.ts';
import { installRequestMetrics, mountMetrics } from './http/ops/request-metrics.ts';
import { installTracing } from './http/ops/request-tracing.ts';
import { mountDashboard } from './http/pages/dashboard.ts';
import { mountDocs } from './http/pages/docs.ts';
import { mountPages } from './http/pages/mount.ts';
import { makeOwnNames } from './net/own-names.ts';
import { noTracing } from './observability/tracing.ts';
import { once } from './once.ts';
import { verifyGrant } from './relay/key-proof.ts';
import { makeAppRouter } from './router.ts';
import type { Services } from './services.ts';
import { installContext } from './surfaces/context.ts';
import { mountMcp } from './surfaces/mcp/mount.ts';
import { installRefusalAudit } from './surfaces/refusal-audit.ts';
import { mountRest } from './surfaces/rest/routes.ts';
import { mountTrpc } from './surfaces/trpc/mount.ts';
import { makeVaultInputs } from './vault/inputs.ts';

export interface AppDeps {
  config: Config;
  services: Services;
  log: FastifyBaseLogger;
  version: string;
}

/** Composes the server from its dependencies. Does not listen. */
export async function buildApp({ config, services, log, version }: AppDeps): Promise<FastifyInstance> {
  const { metrics, tracing, exposition } = services.observability;
  const app = makeHttpServer(config, { log, metrics });
  // Relative to the URL of the document, unless PUBLIC_BASE_URL is set.
  const baseUrl = config.publicBaseUrl ?? '/';
  const router = makeAppRouter({
    ...services,
    version,
    vaultInputs: makeVaultInputs(config.limits),
    maxClientIdCharacters: config.limits.clientIdCharacters,
    verifyGrant: (grant) => verifyGrant(grant).ok,
    countGrantAttempt: makeGrantCount(services.makeLimiter, { perMinute: config.grantLimitPerMinute, log }),
  });

  // The first request of the document loads its generator.
  const document = once(async () => {
    const { makeOpenApiDocument } = await import('./surfaces/openapi/document.ts');
    return JSON.stringify(makeOpenApiDocument(router, { baseUrl, version, limits: config.limits }));
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
  const names = makeOwnNames(config);
  installHostCheck(app, names);
  await installCors(app, config);
  mountHealth(app, {
    pingDatabase: () => services.db.ping(),
    isStopping,
    searchLag: () => services.indexer.state.lag,
    ...(services.replica && { countReplicas: services.replica.count }),
    version,
  });
  // With METRICS_PORT set, another listener serves the metrics.
  if (exposition && config.metricsPort === undefined) mountMetrics(app, exposition, config.metricsToken);
  const inFlight = new BytesInFlight(config.maxBytesInFlight);
  metrics.gauge('bytesInFlight', () => inFlight.total);
  await app.register(async (limited) => {
    const { makeLimiter } = services;
    const cookies = makePersonCookies(config, names);
    const credentialOf = installCredentialOf(limited, services.credentials, cookies);
    await installPressure(limited, config.pressure);
    installRefusalAudit(limited, services.vaults.audit);
    const countMore = installRateLimit(limited, { config, makeLimiter, credentialOf });
    const contextOf = installContext(limited, {
      credentialOf,
      cookies,
      maxClientIdCharacters: config.limits.clientIdCharacters,
      maxAnswerBytes: config.maxAnswerBytes,
      inFlight,
      callers: services.callers,
      operatorOf: makeOperatorTokenCheck({ dashboard: config.dashboardToken, admin: config.adminToken }),
    });
    await limited.register(async (scope) => mountRest(scope, router, contextOf));
    await limited.register(async (scope) => mountTrpc(scope, router, contextOf));
    await limited.register(async (scope) => {
      const { changeFeed: changes } = services.vaults;
      mountMcp(scope, router, { contextOf, countMore, changes, version });
    });
    await limited.register(async (scope) => mountNotHosted(scope));
    await limited.register(async (scope) => services.sockets.mount(scope));
    await limited.register(async (scope) => mountPages(scope, services));
    await limited.register(async (scope) => mountDashboard(scope));
    await limited.register(async (scope) => mountDocs(scope, document));
  });
  return app;
}
