import type { FastifyInstance, HTTPMethods } from 'fastify';
import { RelayError } from '../errors.ts';

/** Methods that a path has no procedure for get 405 and an `Allow` header instead of a bare 404. */
export function refuseOtherMethods(app: FastifyInstance, url: string, allowed: Set<string>): void {
  const others: HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
  app.route({
    method: others.filter((method) => !allowed.has(method)),
    url,
    onRequest: async (request, reply) => {
      const allow = [...allowed].toSorted().join(', ');
      reply.header('allow', allow);
      throw new RelayError('METHOD_NOT_ALLOWED', `${request.method} is not allowed here; use ${allow}.`);
    },
    handler: () => undefined,
  });
}
