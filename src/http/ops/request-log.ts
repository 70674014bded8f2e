import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { loggableUrl } from './loggable-url.ts';
import { operationOf } from './operation-name.ts';

const WELL_FORMED_ID = /^[\w.:-]{1,64}$/;

/** The caller's own `x-request-id` if it is well-formed, so that both logs share the id; otherwise a fresh one. */
export function makeRequestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && WELL_FORMED_ID.test(given) ? given : randomUUID();
}

/** Sets the headers that every answer carries. */
export function markAnswer(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', request.id);
  // The content of a vault is for its caller alone. Pages override this header.
  reply.header('cache-control', 'no-store');
}

function describe(request: FastifyRequest, address: string) {
  const operation = operationOf(request);
  return {
    method: request.method,
    url: loggableUrl(request),
    ...(operation !== undefined && { operation }),
    address,
  };
}

/** Whether the logger writes lines of this level. Checked first, because finding the address costs 1.2 µs. */
const isWritten = ({ log }: FastifyRequest, level: 'info' | 'debug') => (log as Logger).isLevelEnabled(level);

/** @param address of the client; given where Fastify found no route, because `request.address` is then missing */
export function logRequest(request: FastifyRequest, reply: FastifyReply, address?: string): void {
  const level = /^\/(health|metrics)\b/.test(request.url) ? 'debug' : 'info';
  if (!isWritten(request, level)) return;
  const ms = Math.round(reply.elapsedTime * 10) / 10;
  request.log[level](
    { ...describe(request, address ?? request.address), status: reply.statusCode, ms },
    'Request',
  );
}

/** Logs one line per request, and sets the request id on every answer. */
export function installRequestLog(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    markAnswer(request, reply);
    if (isWritten(request, 'info')) {
      // Read now, because a closed connection no longer has its remote address.
      const address = request.address;
      reply.raw.once('close', () => {
        // No answer was sent in this case, so the hook below does not run.
        if (!reply.raw.writableFinished)
          request.log.info(describe(request, address), 'The client aborted the request');
      });
    }
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    logRequest(request, reply);
    done();
  });
}
