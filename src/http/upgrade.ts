import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';

/** Node sets it where it hands a connection over; its types leave it out. */
const wasHandedOver = (raw: IncomingMessage & { upgrade?: boolean }) => raw.upgrade === true;

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
