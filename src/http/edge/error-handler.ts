import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { readFault } from '../../db/pg-errors.ts';
import { ERROR_FACES, isFailure, notFound, type RelayError } from '../../errors.ts';
import { type ErrorBody, toPublicError } from './public-error.ts';
import { installRefusals, noteRefusal } from './refusals.ts';

/** The cause of a 5xx goes into the log, with the request id and without any value of the request. */
export function logFailure(request: FastifyRequest, thrown: unknown): void {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const cause = error.cause ?? error;
  request.log.error({ fault: readFault(cause), stack: error.stack }, 'Request failed');
}

/**
 * Does what every surface owes to a failure, whoever raised it: logs what the caller is not to blame
 * for, and says when to try again. @returns what the caller may learn, for the surface to spell out
 */
export function settleFailure(thrown: unknown, request: FastifyRequest, reply: FastifyReply): RelayError {
  const failure = toPublicError(thrown);
  noteRefusal(request, { code: failure.refusal });
  if (isFailure(failure.code)) logFailure(request, thrown);
  if (failure.retryAfter !== undefined) reply.header('retry-after', failure.retryAfter);
  return failure;
}

/** Answers a failed request with `{"error", "code"}`, and what else a program may learn. */
export function sendError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { code, message, details } = settleFailure(thrown, request, reply);
  return reply.code(ERROR_FACES[code].status).send({ error: message, code, ...details } satisfies ErrorBody);
}

/** Every error of this scope has the shape `{"error", "code"}`, whoever raised it. */
export function installErrorHandler(app: FastifyInstance): void {
  installRefusals(app);
  // Where nothing is, no body is read: a broken one would hide that. Each surface reads its own.
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
