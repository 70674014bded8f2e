import type { FastifyRequest } from 'fastify';

/** A call that was refused, or failed. */
export interface NotedRefusal {
  /** What metrics count it as: its code, or more than that. */
  code: string;
  /** The procedure, such as `vault.write`, as far as it is known. */
  call: string | undefined;
}

/** Why calls of a request were refused: one for each call of a batch. */
const refusals = new WeakMap<FastifyRequest, NotedRefusal[]>();

/** Remembers that a call of a request was refused, or failed. */
export function noteRefusal(request: FastifyRequest, code: string, call?: string): void {
  const refusal = { code, call: call ?? request.routeOptions.config.operation };
  const noted = refusals.get(request);
  if (noted) noted.push(refusal);
  else refusals.set(request, [refusal]);
}

/** What was remembered of a request. */
export const refusalsOf = (request: FastifyRequest): readonly NotedRefusal[] => refusals.get(request) ?? [];
