import type { FastifyInstance } from 'fastify';

/**
 * Sets `WWW-Authenticate: Bearer` on every 401 of this listener, on each surface (RFC 9110, section 15.5.2). An answer of
 * tRPC is still a `Response` here, with its own status.
 */
export function installChallenge(app: FastifyInstance): void {
  app.addHook('onSend', (_request, reply, payload, done) => {
    const status = payload instanceof Response ? payload.status : reply.statusCode;
    if (status === 401) reply.header('www-authenticate', 'Bearer');
    done(null, payload);
  });
}
