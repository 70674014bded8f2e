import type { FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The name of the operation that a route calls, or a function that finds it in a request. */
    operation?: string | ((request: FastifyRequest) => string | undefined);
  }
}

/**
 * The name of the operation that a request calls, for its log line, metrics and trace.
 * @returns undefined for a page, a probe or a path without a route
 */
export function operationOf(request: FastifyRequest): string | undefined {
  const { operation } = request.routeOptions.config ?? {};
  return typeof operation === 'function' ? operation(request) : operation;
}
