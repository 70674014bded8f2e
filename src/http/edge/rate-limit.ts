import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RateLimiterRes } from 'rate-limiter-flexible';
import { fingerprint } from '../../access/session-id.ts';
import type { Config } from '../../config.ts';
import { tooManyRequests } from '../../errors.ts';
import { networkOf } from '../../net/address.ts';
import type { Limiter, MakeLimiter } from '../../rate-limiter.ts';
import type { CredentialOf } from './credential-of.ts';

/** Calls in one HTTP request on tRPC or MCP; each counts as a request. */
export const MAX_BATCH_SIZE = 20;

/** The state of a key's limit after a count. */
interface Standing {
  limit: number;
  remaining: number;
  resetSeconds: number;
  exceeded: boolean;
}

/** Counts calls by key. @returns the key's state; undefined where there is no limit, or the limiter failed */
type Count = (key: string, calls: number, log: FastifyBaseLogger) => Promise<Standing | undefined>;

function makeCount(makeLimiter: MakeLimiter, name: string, points: number): Count {
  if (points === 0) return async () => undefined;
  const limiter: Limiter = makeLimiter({ name, points });
  const standing = (result: RateLimiterRes, exceeded: boolean): Standing => ({
    limit: points,
    remaining: result.remainingPoints,
    resetSeconds: Math.max(1, Math.ceil(result.msBeforeNext / 1000)),
    exceeded,
  });
  return async (key, calls, log) => {
    try {
      return standing(await limiter.consume(key, calls), false);
    } catch (refused) {
      if (refused instanceof RateLimiterRes) return standing(refused, true);
      // A fault of the limiter itself, because it falls back to memory without Redis. Allow the request.
      log.warn({ reason: String(refused) }, 'Could not count a request');
      return undefined;
    }
  };
}

/** Counts the calls of a request. A tRPC batch lists them in its path. Those of MCP are counted once its body is read. */
function countCalls({ params, query, routeOptions }: FastifyRequest): number {
  if (routeOptions.url !== '/trpc/:path') return 1;
  const { batch } = query as { batch?: string | string[] };
  if ([batch].flat()[0] !== '1') return 1;
  return Math.min((params as { path: string }).path.split(',').length, MAX_BATCH_SIZE);
}

function setHeaders(reply: FastifyReply, { limit, remaining, resetSeconds }: Standing): void {
  reply.header('ratelimit-limit', limit);
  reply.header('ratelimit-remaining', remaining);
  reply.header('ratelimit-reset', resetSeconds);
}

/** Sends the state of the limit that is nearest to exhaustion. @throws RelayError `TOO_MANY_REQUESTS` */
function settle(reply: FastifyReply, standings: (Standing | undefined)[]): void {
  const known = standings.filter((standing) => standing !== undefined);
  const [tightest] = known.sort((a, b) => a.remaining - b.remaining);
  if (!tightest) return;
  setHeaders(reply, tightest);
  const exceeded = known.find((standing) => standing.exceeded);
  if (exceeded) {
    setHeaders(reply, exceeded);
    throw tooManyRequests(
      'Too many requests; retry after the seconds in Retry-After.',
      exceeded.resetSeconds,
    );
  }
}

export interface RateLimitDeps {
  config: Pick<Config, 'rateLimitPerMinute' | 'rateLimitPerAddress'>;
  makeLimiter: MakeLimiter;
  credentialOf: CredentialOf;
}

/**
 * Whether the dashboard sent a read. The server counts these apart from the calls of agents, with the same limits, so
 * that a person at the dashboard does not use up an agent's requests.
 */
const isDashboardRead = ({ method, headers }: FastifyRequest): boolean =>
  method === 'GET' && headers['x-vault-relay-client'] === 'dashboard';

/** Counts calls that a request turned out to carry beyond the first. @throws RelayError `TOO_MANY_REQUESTS` */
export type CountMore = (request: FastifyRequest, reply: FastifyReply, calls: number) => Promise<void>;

/**
 * Counts every call of this scope twice. The first count is by address, before the look-up of the credential, so that it bounds the
 * look-ups of unknown ones. The second is by session or key, or by address again where neither is valid.
 */
export function installRateLimit(
  app: FastifyInstance,
  { config, makeLimiter, credentialOf }: RateLimitDeps,
): CountMore {
  const perMinute = config.rateLimitPerMinute;
  if (perMinute === 0 && config.rateLimitPerAddress === 0) return async () => undefined;
  const makeCounts = (of: string) => ({
    byAddress: makeCount(makeLimiter, `${of}address`, config.rateLimitPerAddress),
    bySession: makeCount(makeLimiter, `${of}session`, perMinute),
    withoutSession: makeCount(makeLimiter, `${of}without-session`, perMinute),
  });
  const counts = makeCounts('');
  const dashboardCounts = makeCounts('look-');

  const countCaller = async (request: FastifyRequest, calls: number) => {
    if (perMinute === 0) return undefined;
    const { bySession, withoutSession } = isDashboardRead(request) ? dashboardCounts : counts;
    const credential = await credentialOf(request);
    if (credential) return bySession(fingerprint(credential.idHash), calls, request.log);
    return withoutSession(networkOf(request.address), calls, request.log);
  };

  const count: CountMore = async (request, reply, calls) => {
    const { byAddress } = isDashboardRead(request) ? dashboardCounts : counts;
    const address = await byAddress(networkOf(request.address), calls, request.log);
    settle(reply, [address]);
    // A failed session look-up is not the caller's fault. An operation that needs the session reports the error.
    const caller = await countCaller(request, calls).catch(() => undefined);
    settle(reply, [address, caller]);
  };
  app.addHook('onRequest', (request, reply) => count(request, reply, countCalls(request)));
  return count;
}

/** Counts grants by address, across sessions, so that a client cannot guess an OTP by brute force. */
export function makeGrantCount(
  makeLimiter: MakeLimiter,
  { perMinute, log }: { perMinute: number; log: FastifyBaseLogger },
): (address: string) => Promise<void> {
  const count = makeCount(makeLimiter, 'grant', perMinute);
  return async (address) => {
    const standing = await count(networkOf(address), 1, log);
    if (standing?.exceeded) {
      throw tooManyRequests('Too many grants were tried from this address.', standing.resetSeconds);
    }
  };
}
