import type { FastifyInstance, FastifyRequest } from 'fastify';
import { operationOf } from '../ops/operation-name.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Why calls of this request were refused, or failed: one for each call of a batch. */
    refusals: NotedRefusal[] | null;
  }
}

/** A call that was refused, or failed. */
export interface NotedRefusal {
  /** What metrics count it as: its code, or more than that. */
  code: string;
  /** Name of the operation, such as `vault.write`, as far as it is known. */
  call: string | undefined;
  /** What tRPC was told of it with. */
  error?: Error;
}

/** Lets requests of this scope remember their refusals. */
export const installRefusals = (app: FastifyInstance) => app.decorateRequest('refusals', null);

/** Remembers that a call of a request was refused, or failed. The call is that of the route unless it is given. */
export function noteRefusal(
  request: FastifyRequest,
  refusal: Partial<NotedRefusal> & { code: string },
): void {
  request.refusals ??= [];
  request.refusals.push({ call: operationOf(request), ...refusal });
}
