import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { badRequest } from '../errors.ts';

/** Node sets it where it hands a connection over; its types leave it out. */
const wasHandedOver = (raw: IncomingMessage & { upgrade?: boolean }) => raw.upgrade === true;

/**
 * Whatever asks for an upgrade is handed over by Node with its connection, at every address: it is read no
 * further, no time limit holds for it, and it stays open when it was answered like any other request. Such a
 * connection is closed after its answer, and a body, which would never come, is not waited for.
 */
export function installUpgradeGuard(app: FastifyInstance): void {
  app.addHook('onRequest', ({ raw }, _reply, done) => {
    const refused = wasHandedOver(raw) && raw.method !== 'GET' && raw.method !== 'HEAD';
    done(refused ? badRequest('Send this request without the header Upgrade.') : undefined);
  });
  app.addHook('onResponse', ({ raw }, _reply, done) => {
    if (wasHandedOver(raw)) raw.socket.destroySoon();
    done();
  });
}
