import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RateLimiterRes } from 'rate-limiter-flexible';
import { fingerprint } from '../../access/session-id.ts';
import type { Config } from '../../config.ts';
import { tooManyRequests } from '../../errors.ts';
import { networkOf } from '../../net/address.ts';
import type { Limiter, MakeLimiter } from '../../rate-limiter.ts';
import type { SessionOf } from './session-of.ts';

/** Calls in one HTTP request on tRPC; each counts as a request. */
export const MAX_BATCH_SIZE = 20;

/** How a key stands after it was counted. */
interface Standing {
  limit: number;
  remaining: number;
  resetSeconds: number;
  exceeded: boolean;
}

/** Counts calls by key, and says how the key stands; undefined where there is no limit, or the limiter failed. */
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
      // A fault of the limiter itself, since it counts in memory while Redis is away: rather no limit than no service.
      log.warn({ reason: String(refused) }, 'Could not count a request');
      return undefined;
    }
  };
}

/** How many calls a request makes: a batch of tRPC names each in its path. */
function countCalls({ params, query, routeOptions }: FastifyRequest): number {
  if (routeOptions.url !== '/trpc/:path') return 1;
  const { batch } = query as { batch?: string | string[] };
  if ([batch].flat()[0] !== '1') return 1;
  return Math.min((params as { path: string }).path.split(',').length, MAX_BATCH_SIZE);
}

function tell(reply: FastifyReply, { limit, remaining, resetSeconds }: Standing): void {
  reply.header('ratelimit-limit', limit);
  reply.header('ratelimit-remaining', remaining);
  reply.header('ratelimit-reset', resetSeconds);
}

/** Tells how the caller stands where it is nearest to its limit. @throws RelayError `TOO_MANY_REQUESTS` */
function settle(reply: FastifyReply, standings: (Standing | undefined)[]): void {
  const known = standings.filter((standing) => standing !== undefined);
  const [tightest] = known.sort((a, b) => a.remaining - b.remaining);
  if (!tightest) return;
  tell(reply, tightest);
  const exceeded = known.find((standing) => standing.exceeded);
  if (exceeded) {
    tell(reply, exceeded);
    throw tooManyRequests(
      'Too many requests; retry after the seconds in Retry-After.',
      exceeded.resetSeconds,
    );
  }
}

export interface RateLimitDeps {
  config: Pick<Config, 'rateLimitPerMinute' | 'rateLimitPerAddress'>;
  makeLimiter: MakeLimiter;
  sessionOf: SessionOf;
}

/**
 * Reads of the dashboard say so. What a person looks at is counted apart from what agents do, and within the same
 * bounds, so that looking never takes an agent's requests.
 */
const isLook = ({ method, headers }: FastifyRequest): boolean =>
  method === 'GET' && headers['x-vault-relay-client'] === 'dashboard';

/**
 * Counts every call of this scope twice: by address, before anything is looked up, so that a flood of unknown
 * sessions costs no more look-ups than that; then by session, or where none holds, by address once more.
 */
export function installRateLimit(
  app: FastifyInstance,
  { config, makeLimiter, sessionOf }: RateLimitDeps,
): void {
  const perMinute = config.rateLimitPerMinute;
  if (perMinute === 0 && config.rateLimitPerAddress === 0) return;
  const makeCounts = (of: string) => ({
    byAddress: makeCount(makeLimiter, `${of}address`, config.rateLimitPerAddress),
    bySession: makeCount(makeLimiter, `${of}session`, perMinute),
    withoutSession: makeCount(makeLimiter, `${of}without-session`, perMinute),
  });
  const counts = makeCounts('');
  const countsOfLooks = makeCounts('look-');

  const countCaller = async (request: FastifyRequest, calls: number) => {
    if (perMinute === 0) return undefined;
    const { bySession, withoutSession } = isLook(request) ? countsOfLooks : counts;
    const session = await sessionOf(request);
    if (session) return bySession(fingerprint(session.idHash), calls, request.log);
    return withoutSession(networkOf(request.address), calls, request.log);
  };

  app.addHook('onRequest', async (request, reply) => {
    const calls = countCalls(request);
    const { byAddress } = isLook(request) ? countsOfLooks : counts;
    const address = await byAddress(networkOf(request.address), calls, request.log);
    settle(reply, [address]);
    // A session that cannot be looked up now is no fault of the caller; who needs it will say so.
    const caller = await countCaller(request, calls).catch(() => undefined);
    settle(reply, [address, caller]);
  });
}

/** Counts grants by address, whatever session they are for: an OTP must not be found by trying. */
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
