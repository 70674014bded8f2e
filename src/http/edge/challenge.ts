import type { FastifyInstance } from 'fastify';

/**
 * Puts `WWW-Authenticate: Bearer` on every 401 of this listener, whichever surface answers (RFC 9110, section 15.5.2).
 * The answer of tRPC still is a `Response` here, which brings its own status.
 */
export function installChallenge(app: FastifyInstance): void {
  app.addHook('onSend', (_request, reply, payload, done) => {
    const status = payload instanceof Response ? payload.status : reply.statusCode;
    if (status === 401) reply.header('www-authenticate', 'Bearer');
    done(null, payload);
  });
}
