import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

const WELL_FORMED_ID = /^[\w.:-]{1,64}$/;

/** The caller's own `x-request-id` if it is well-formed, so that its log and ours meet; else a fresh one. */
export function makeRequestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && WELL_FORMED_ID.test(given) ? given : randomUUID();
}

/** Query parameters whose values may stand in a log; all others are cut. */
const HARMLESS = new Set(['since', 'history', 'batch', 'role']);
/** The path segment after one of these is a session id or a room code. */
const BEFORE_SECRET = /\/(sessions|pair)\/[^/]+/;

/** An address without what could be used to act as somebody: ids, codes, tokens. */
export function loggableUrl(url: string): string {
  const [path = '', query] = url.split('?', 2);
  const safePath = path.replace(BEFORE_SECRET, '/$1/[redacted]');
  if (query === undefined) return safePath;
  const safeQuery = query.split('&').map((pair) => {
    const [name = ''] = pair.split('=', 1);
    return HARMLESS.has(name) ? pair : `${name.slice(0, 32)}=[redacted]`;
  });
  return `${safePath}?${safeQuery.join('&')}`;
}

/** What every answer carries. */
export function markAnswer(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', request.id);
  // What a vault holds is for its caller alone; pages set a rule of their own.
  reply.header('cache-control', 'no-store');
}

export function logRequest(request: FastifyRequest, reply: FastifyReply): void {
  const line = {
    method: request.method,
    url: loggableUrl(request.url),
    status: reply.statusCode,
    ms: Math.round(reply.elapsedTime * 10) / 10,
    address: request.ip,
  };
  if (request.url.startsWith('/health')) request.log.debug(line, 'Request');
  else request.log.info(line, 'Request');
}

/** One line a request, and the request id on every answer. */
export function installRequestLog(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => markAnswer(request, reply));
  app.addHook('onResponse', async (request, reply) => logRequest(request, reply));
}
