import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { readFault } from '../../db/pg-errors.ts';
import { ERROR_FACES, isFailure, notFound, type RelayError } from '../../errors.ts';
import { type ErrorBody, toPublicError } from './public-error.ts';
import { installRefusals, noteRefusal } from './refusals.ts';

/** Logs the cause of a 5xx with the request id, but without any value of the request. */
export function logFailure(request: FastifyRequest, thrown: unknown): void {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const cause = error.cause ?? error;
  request.log.error({ fault: readFault(cause), stack: error.stack }, 'Request failed');
}

/**
 * Handles a failure for every surface: logs server faults and sets `Retry-After`.
 * @returns the error that the caller may see, for the surface to format
 */
export function settleFailure(thrown: unknown, request: FastifyRequest, reply: FastifyReply): RelayError {
  const failure = toPublicError(thrown);
  noteRefusal(request, { code: failure.refusal });
  if (isFailure(failure.code)) logFailure(request, thrown);
  if (failure.retryAfter !== undefined) reply.header('retry-after', failure.retryAfter);
  return failure;
}

/** Answers a failed request with `{"error", "code"}` and the details of the error. */
export function sendError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { code, message, details } = settleFailure(thrown, request, reply);
  return reply.code(ERROR_FACES[code].status).send({ error: message, code, ...details } satisfies ErrorBody);
}

/** Gives every error of this scope the format `{"error", "code"}`, whatever raised it. */
export function installErrorHandler(app: FastifyInstance): void {
  installRefusals(app);
  // Paths without a route read no body, because a malformed one would hide the 404. Each surface adds its own parser.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.setErrorHandler(sendError);
  app.setNotFoundHandler((request, reply) =>
    sendError(
      notFound(`There is nothing at ${request.method} ${request.url.split('?')[0]}.`),
      request,
      reply,
    ),
  );
}
