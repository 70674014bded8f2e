import { lookup } from 'node:dns/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import type { FastifyInstance } from 'fastify';

declare module 'fastify' {
  interface FastifyInstance {
    /** Listeners beside the first. They pass their connections to the app's one server. */
    otherListeners: Server[];
  }
}

/** Closes the other listeners when the app begins to close. Call it after every other hook that delays the close. */
export function installOtherListeners(app: FastifyInstance): void {
  app.decorate('otherListeners', []);
  app.addHook('preClose', async () => {
    for (const listener of app.otherListeners) listener.close();
  });
}

/**
 * Listens on one more address, at the port of the first. Connections go to the app's one server, because Fastify would
 * create another server for each further address, without any of the limits.
 * @throws the error of the listener
 */
export function listenToo(app: FastifyInstance, host: string): Promise<void> {
  const { port } = app.server.address() as AddressInfo;
  // The options with which Node creates its own HTTP listeners.
  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
    app.server.emit('connection', socket),
  );
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen({ host, port }, () => {
      app.otherListeners.push(listener);
      resolve();
    });
  });
}

/**
 * Listens on every address of a host: `localhost` has one of each family.
 * @throws the error of the first address; a further address that fails is logged and left out
 */
export async function listenOn(
  app: FastifyInstance,
  { host, port }: { host: string; port: number },
): Promise<void> {
  const found = host === 'localhost' ? await lookup(host, { all: true }) : [];
  const [first = host, ...others] = new Set(found.map(({ address }) => address));
  await app.listen({ host: first, port });
  for (const other of others) {
    await listenToo(app, other).catch((error: NodeJS.ErrnoException) =>
      app.log.warn({ host: other, reason: error.code }, 'Cannot listen on this address too'),
    );
  }
}
