import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Node sets it where it detaches a connection. Its types do not declare it. */
const wasHandedOver = (raw: IncomingMessage & { upgrade?: boolean }) => raw.upgrade === true;

/** Closes a detached connection once its answer is sent, where Fastify runs no hooks. */
export function closeAfterAnswer({ raw }: FastifyRequest, reply: FastifyReply): void {
  if (wasHandedOver(raw)) reply.raw.once('finish', () => raw.socket.destroySoon());
}

/**
 * Closes the connection of a request that asked for a WebSocket but got a plain answer. Node detaches such connections on
 * every path: it reads no further, applies no time-out, and leaves the connection open.
 */
export function installUpgradeGuard(app: FastifyInstance): void {
  app.addHook('onResponse', ({ raw }, _reply, done) => {
    if (wasHandedOver(raw)) raw.socket.destroySoon();
    done();
  });
}
