import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Node sets it where it hands a connection over; its types leave it out. */
const wasHandedOver = (raw: IncomingMessage & { upgrade?: boolean }) => raw.upgrade === true;

/** Closes a connection that was handed over once its answer is sent, where Fastify runs no hook. */
export function closeAfterAnswer({ raw }: FastifyRequest, reply: FastifyReply): void {
  if (wasHandedOver(raw)) reply.raw.once('finish', () => raw.socket.destroySoon());
}

/**
 * Closes the connection of a request that asked for a WebSocket and was answered like any other. Node hands over such a
 * connection at every address: it reads no further, applies no time limit, and leaves the connection open.
 */
export function installUpgradeGuard(app: FastifyInstance): void {
  app.addHook('onResponse', ({ raw }, _reply, done) => {
    if (wasHandedOver(raw)) raw.socket.destroySoon();
    done();
  });
}
