import type { FastifyInstance } from 'fastify';

/** How long answers under way may take when the server stops; then their connections are cut. */
const GRACE_MS = 5000;

/**
 * Lets answers that are on their way reach their readers before the server closes its connections: Node counts a
 * connection as idle as soon as its answer was written, however much of it is still waiting to be sent.
 */
export function installDrain(app: FastifyInstance): void {
  const underWay = new Set<object>();
  let noneLeft: () => void = () => undefined;

  app.addHook('onRequest', async (request, reply) => {
    // A socket of the relay is closed by the relay.
    if ((request.raw as { upgrade?: boolean }).upgrade) return;
    underWay.add(reply.raw);
    reply.raw.once('close', () => {
      underWay.delete(reply.raw);
      if (underWay.size === 0) noneLeft();
    });
  });
  app.addHook('preClose', async () => {
    if (underWay.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      noneLeft = resolve;
      timer = setTimeout(resolve, GRACE_MS);
    });
    clearTimeout(timer);
  });
}
