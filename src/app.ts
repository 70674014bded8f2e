import cors from '@fastify/cors';
import helmet, { type FastifyHelmetOptions } from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { readOperatorToken, readSessionId } from './api/caller.ts';
import { makeOperatorTokenCheck } from './api/operator-token.ts';
import { makeAppRouter } from './api/router.ts';
import type { Config } from './config.ts';
import { tooManyRequests } from './errors.ts';
import { makeClientErrorHandler } from './http/client-error.ts';
import { makeContextOf } from './http/context.ts';
import { mountDashboard } from './http/dashboard.ts';
import { mountDocs } from './http/docs.ts';
import { installDrain } from './http/drain.ts';
import { installErrorHandler, sendError } from './http/error-handler.ts';
import { mountHealth } from './http/health.ts';
import { makeOpenApiDocument } from './http/openapi-document.ts';
import { mountPages } from './http/pages/mount.ts';
import { installRequestLog, logRequest, makeRequestId, markAnswer } from './http/request-log.ts';
import { mountRest } from './http/rest.ts';
import { mountTrpc } from './http/trpc.ts';
import { installUpgradeGuard } from './http/upgrade.ts';
import { verifyGrant } from './relay/identity.ts';
import type { Services } from './services.ts';
import type { SessionCache } from './session/cache.ts';
import { fingerprint, hashSessionId } from './session/session-id.ts';
import { makeVaultInputs } from './vault/inputs.ts';

export interface AppDeps {
  config: Config;
  services: Services;
  log: FastifyBaseLogger;
  version: string;
}

/** A JSON string spells a byte with at most six characters (`\u0041`); the rest is the object around it. */
const bodyLimit = (textBytes: number) => 6 * textBytes + 4096;

/** A valid session is counted by itself, wherever it comes from, and so are operators; everybody else by address. */
const countedBy =
  (sessions: SessionCache, isOperatorToken: (token: string) => boolean) =>
  async (request: FastifyRequest) => {
    const { authorization } = request.headers;
    const token = readOperatorToken(authorization);
    if (token !== undefined && isOperatorToken(token)) return 'operator';
    const sessionId = readSessionId(authorization);
    const session = sessionId && (await sessions.resolve(sessionId).catch(() => undefined));
    return sessionId && session
      ? `session ${fingerprint(hashSessionId(sessionId))}`
      : `address ${request.ip}`;
  };

/** Counts grants by address, whatever session they are for: an OTP must not be found by trying. */
function countGrantAttempts(app: FastifyInstance, max: number): (request: FastifyRequest) => Promise<void> {
  if (max === 0) return async () => undefined;
  const count = app.createRateLimit({ max, timeWindow: '1 minute', keyGenerator: (request) => request.ip });
  // All who count at the same time would be handed one and the same total; in turn, each gets its own.
  let turn: Promise<unknown> = Promise.resolve();
  return async (request) => {
    const counted = turn.then(() => count(request));
    turn = counted.catch(() => undefined);
    const outcome = await counted;
    if (!outcome.isAllowed && outcome.isExceeded) {
      throw tooManyRequests('Too many grants were tried from this address.', outcome.ttlInSeconds);
    }
  };
}

/** Nothing from elsewhere, nothing inline; HTTPS is insisted on only where it is known to be there. */
const securityHeaders = ({ publicBaseUrl }: Config): FastifyHelmetOptions => ({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
      // Viewers draw their icons as data.
      imgSrc: ["'self'", 'data:'],
      objectSrc: ["'none'"],
    },
  },
  strictTransportSecurity: publicBaseUrl?.startsWith('https:') ?? false,
});

/** Composes the whole server out of what it is given. It does not listen. */
export async function buildApp({ config, services, log, version }: AppDeps): Promise<FastifyInstance> {
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: makeRequestId,
    trustProxy: config.trustProxy ?? false,
    bodyLimit: bodyLimit(Math.max(config.limits.textBytes, config.limits.summaryBytes)),
    requestTimeout: 10_000,
    // By itself a slow request was cut after a minute only: Node checks its connections that seldom.
    http: { headersTimeout: 5000, connectionsCheckingInterval: 1000 },
    // A vault id of 128 characters outside the BMP, percent-encoded.
    routerOptions: { maxParamLength: 1536 },
    forceCloseConnections: 'idle',
    // What comes while the server stops is still answered, in our shape. Fastify's own 503 runs no hook, and so
    // would leave the connection of an upgrade open, which the stop then waits for.
    return503OnClosing: false,
    clientErrorHandler: makeClientErrorHandler(log),
    // An address that cannot be decoded is refused before any hook, and none runs after it.
    frameworkErrors: (error, request, reply) => {
      markAnswer(request, reply);
      sendError(error, request, reply);
      logRequest(request, reply);
    },
  });
  // By itself Node answers an expectation that it does not know with a bare 417; it may as well be ignored.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  // Relative to wherever the document was fetched, unless the operator says where that is.
  const baseUrl = config.publicBaseUrl ?? '/';
  const isOperatorToken = makeOperatorTokenCheck(config.dashboardToken);
  const router = makeAppRouter({
    ...services,
    version,
    vaultInputs: makeVaultInputs(config.limits),
    verifyGrant: (grant) => verifyGrant(grant).ok,
  });

  installRequestLog(app);
  installErrorHandler(app);
  installUpgradeGuard(app);
  // Who follows a vault would keep the server from stopping for as long as they like. Before the drain, which waits.
  app.addHook('preClose', async () => services.vaults.waiters.close());
  installDrain(app);
  await app.register(helmet, securityHeaders(config));
  if (config.corsOrigin) {
    const origin = config.corsOrigin.includes('*') ? '*' : config.corsOrigin;
    await app.register(cors, {
      origin,
      methods: ['GET', 'HEAD', 'POST', 'DELETE'],
      strictPreflight: false,
      exposedHeaders: [
        'x-request-id',
        'retry-after',
        'x-vault-head',
        'x-vault-head-hash',
        'link',
        'idempotent-replayed',
      ],
    });
  }
  mountHealth(app, { pingDatabase: () => services.db.ping(), version });
  await app.register(async (limited) => {
    await limited.register(rateLimit, {
      global: false,
      max: config.rateLimitPerMinute,
      timeWindow: '1 minute',
      enableDraftSpec: true,
      keyGenerator: countedBy(services.sessions, isOperatorToken),
      errorResponseBuilder: (_request, { ttl }) =>
        tooManyRequests('Too many requests; wait as Retry-After says.', Math.ceil(ttl / 1000)),
    });
    // By itself the plugin would come after a route's own hook, and so never count who is refused there.
    if (config.rateLimitPerMinute > 0) limited.addHook('onRequest', limited.rateLimit());
    const contextOf = makeContextOf(
      {
        resolveSession: (sessionId) => services.sessions.resolve(sessionId),
        maxClientIdCharacters: config.limits.clientIdCharacters,
        isOperatorToken,
      },
      countGrantAttempts(limited, config.grantLimitPerMinute),
    );
    await limited.register(async (scope) => mountRest(scope, router, contextOf));
    await limited.register(async (scope) => mountTrpc(scope, router, contextOf));
    await limited.register(async (scope) => services.sockets.mount(scope));
    await limited.register(async (scope) => mountPages(scope, services));
    await limited.register(async (scope) => mountDashboard(scope));
    await limited.register(async (scope) =>
      mountDocs(scope, makeOpenApiDocument(router, { baseUrl, version, limits: config.limits })),
    );
  });
  return app;
}
