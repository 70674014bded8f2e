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

  app.addHook('onRequest', (request, reply, done) => {
    // A socket of the relay is closed by the relay.
    if (!(request.raw as { upgrade?: boolean }).upgrade) {
      const { raw } = reply;
      underWay.add(raw);
      raw.once('close', () => {
        underWay.delete(raw);
        if (underWay.size === 0) noneLeft();
      });
    }
    done();
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
