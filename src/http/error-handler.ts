import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { readFault } from '../db/pg-errors.ts';
import { notFound } from '../errors.ts';
import { toPublicError } from './public-error.ts';

/** The cause of a 5xx goes into the log, with the request id and without any value of the request. */
export function logFailure(request: FastifyRequest, thrown: unknown): void {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const cause = error.cause ?? error;
  request.log.error({ fault: readFault(cause), stack: error.stack }, 'Request failed');
}

/** Answers a failed request, whoever raised the error. */
export function sendError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, body, retryAfter } = toPublicError(thrown);
  if (status >= 500) logFailure(request, thrown);
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
  return reply.code(status).send(body);
}

/** Every error of this scope has the shape `{"error", "code"}`, whoever raised it. */
export function installErrorHandler(app: FastifyInstance): void {
  app.setErrorHandler(sendError);
  app.setNotFoundHandler((request, reply) =>
    sendError(
      notFound(`There is nothing at ${request.method} ${request.url.split('?')[0]}.`),
      request,
      reply,
    ),
  );
}
