import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Calls tRPC, which reads the method at once, as if the request were a GET. tRPC itself answers HEAD with nothing. */
export function asGet<Answer>(raw: IncomingMessage, call: () => Answer): Answer {
  raw.method = 'GET';
  try {
    return call();
  } finally {
    raw.method = 'HEAD';
  }
}

/**
 * A hook that leaves the header `Connection` of a tRPC answer to Node: tRPC keeps each subscription's connection alive,
 * also where the client asked to close it. To HEAD it sends no body, and cancels the one that was begun.
 */
export function settleAnswer(
  { method }: FastifyRequest,
  _reply: FastifyReply,
  payload: unknown,
  done: (error: Error | null, payload: unknown) => void,
): void {
  const isAnswer = payload instanceof Response;
  if (isAnswer) payload.headers.delete('connection');
  const isBodiless = isAnswer && method === 'HEAD';
  // The body is not sent, so a fault of it changes nothing.
  if (isBodiless) payload.body?.cancel().catch(() => undefined);
  done(null, isBodiless ? new Response(null, payload) : payload);
}
