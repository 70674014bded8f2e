import type { FastifyInstance, FastifyRequest } from 'fastify';
import { operationOf } from '../ops/operation-name.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Why calls of this request were refused or failed; one item for each call of a batch. */
    refusals: NotedRefusal[] | null;
  }
}

/** A call that was refused, or failed. */
export interface NotedRefusal {
  /** The name under which the metrics count it: its code, or a finer cause. */
  code: string;
  /** The name of the operation, such as `vault.write`, if it is known. */
  call: string | undefined;
  /** The error that tRPC reported. */
  error?: Error;
}

/** Adds the list of refusals to the requests of this scope. */
export const installRefusals = (app: FastifyInstance) => app.decorateRequest('refusals', null);

/** Records that a call of a request was refused or failed. The call defaults to the route's. */
export function noteRefusal(
  request: FastifyRequest,
  refusal: Partial<NotedRefusal> & { code: string },
): void {
  request.refusals ??= [];
  request.refusals.push({ call: operationOf(request), ...refusal });
}
