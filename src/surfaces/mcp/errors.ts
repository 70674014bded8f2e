import type { FastifyReply, FastifyRequest } from 'fastify';
import { ERROR_FACES } from '../../errors.ts';
import { settleFailure } from '../../http/edge/error-handler.ts';

/** JSON-RPC's code for a message that is none. */
const INVALID_REQUEST = -32_600;
/** The first of JSON-RPC's codes for the errors of an implementation. */
const REFUSED = -32_000;

/** The id of the request in a body, if it is one. */
function idOf(body: unknown): string | number | null {
  const { id } = (body ?? {}) as { id?: unknown };
  return typeof id === 'string' || typeof id === 'number' ? id : null;
}

/** Answers a request that was refused before the protocol's server ran, in the form that clients of MCP read. */
export function sendProtocolError(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const { code, message, details } = settleFailure(thrown, request, reply);
  const { status } = ERROR_FACES[code];
  const error = {
    code: status === 400 ? INVALID_REQUEST : REFUSED,
    message,
    data: { code, ...details },
  };
  return reply.code(status).send({ jsonrpc: '2.0', id: idOf(request.body), error });
}
