import type { FastifyRequest } from 'fastify';

/** Why calls of a request were refused: one for each call of a batch. */
const refusals = new WeakMap<FastifyRequest, string[]>();

/** Remembers that a call of a request was refused, or failed. */
export function noteRefusal(request: FastifyRequest, code: string): void {
  const noted = refusals.get(request);
  if (noted) noted.push(code);
  else refusals.set(request, [code]);
}

export function takeRefusals(request: FastifyRequest): readonly string[] {
  const noted = refusals.get(request) ?? [];
  refusals.delete(request);
  return noted;
}
