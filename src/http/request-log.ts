import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';

const WELL_FORMED_ID = /^[\w.:-]{1,64}$/;

/** The caller's own `x-request-id` if it is well-formed, so that its log and ours meet; else a fresh one. */
export function makeRequestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && WELL_FORMED_ID.test(given) ? given : randomUUID();
}

/** The words that addresses of this server are made of; whatever else stands in one may be a secret. */
const WORDS = new Set(
  'api vault summary meta proof writers sessions status grant deny pair auth ws health live ready metrics docs viewer assets trpc openapi.json'.split(
    ' ',
  ),
);
const VAULT_ID = /^v-[0-9A-Za-z]{1,64}$/;
/** What stands behind `/trpc`: one procedure or several. */
const PROCEDURES = /^[A-Za-z.,]{1,256}$/;

/** Query parameters by their names, each with the values that may stand in a log. */
const QUERY_VALUES = new Map<string, RegExp>([
  ['since', /^\d{1,20}$/],
  ['history', /^(true|false)$/],
  ['details', /^(true|false)$/],
  ['kind', /^(content|summary|all)$/],
  ['as_of', /^\d{1,20}$/],
  ['limit', /^\d{1,4}$/],
  ['wait', /^\d{1,2}$/],
  // Of a page of entries, or of vaults.
  ['cursor', /^\d{1,16}\.(\d{1,16}|v-[0-9A-Za-z]{1,64})$/],
  ['batch', /^1$/],
  ['role', /^(atem|astation)$/],
  ...'id session code input q writer tag otp token atem_id lastEventId connectionParams'
    .split(' ')
    .map((name) => [name, /^$/] as const),
]);

const REDACTED = '[redacted]';

function loggablePath(path: string): string {
  return path
    .split('/')
    .map((segment, i, segments) => {
      const plain = segment === '' || WORDS.has(segment) || VAULT_ID.test(segment);
      return plain || (segments[i - 1] === 'trpc' && PROCEDURES.test(segment)) ? segment : REDACTED;
    })
    .join('/');
}

function loggablePair(pair: string): string {
  const [name = '', ...rest] = pair.split('=');
  const values = QUERY_VALUES.get(name);
  if (!values) return REDACTED;
  return values.test(rest.join('=')) && rest.length > 0 ? pair : `${name}=${REDACTED}`;
}

/** An address without what could be used to act as somebody: ids, codes, tokens, in whatever spelling. */
export function loggableUrl(url: string): string {
  const [path = '', query] = url.split('?', 2);
  if (query === undefined) return loggablePath(path);
  return `${loggablePath(path)}?${query.split('&').map(loggablePair).join('&')}`;
}

/** What every answer carries. */
export function markAnswer(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', request.id);
  // What a vault holds is for its caller alone; pages set a rule of their own.
  reply.header('cache-control', 'no-store');
}

const describe = (request: FastifyRequest, address: string) => ({
  method: request.method,
  url: loggableUrl(request.url),
  address,
});

/** Whether a line of this level is written at all; making one costs more than most of a request. */
const isWritten = ({ log }: FastifyRequest, level: 'info' | 'debug') => (log as Logger).isLevelEnabled(level);

/** @param address of the client, which a request that no route was found for does not know by itself */
export function logRequest(request: FastifyRequest, reply: FastifyReply, address = request.address): void {
  const level = /^\/(health|metrics)\b/.test(request.url) ? 'debug' : 'info';
  if (!isWritten(request, level)) return;
  const ms = Math.round(reply.elapsedTime * 10) / 10;
  request.log[level]({ ...describe(request, address), status: reply.statusCode, ms }, 'Request');
}

/** One line a request, and the request id on every answer. */
export function installRequestLog(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    markAnswer(request, reply);
    if (isWritten(request, 'info')) {
      // A connection that is gone does not tell any more where it came from.
      const address = request.address;
      reply.raw.once('close', () => {
        // Nothing was answered then, so that the hook below does not run.
        if (!reply.raw.writableFinished)
          request.log.info(describe(request, address), 'Request given up by its client');
      });
    }
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    logRequest(request, reply);
    done();
  });
}
