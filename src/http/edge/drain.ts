import type { FastifyInstance } from 'fastify';
import { type DrainStep, runSteps } from '../../drain-steps.ts';

/** How long requests in flight may take when the server stops; then their connections are cut. */
const GRACE_MS = 10_000;

/** How long a connection that has asked for nothing yet may still ask; Node would wait for it for ever. */
const SILENT_MS = 1000;

export interface Drain {
  /** Whether the server has begun to stop. */
  isStopping(): boolean;
}

/**
 * Stops the server in order: health fails first, then `steps` end what would otherwise stay open, then the answers
 * that are on their way reach their readers. Node counts a connection as idle as soon as its answer was written,
 * however much of it is still waiting to be sent; and as long as one of them is open, new requests are answered too.
 */
export function installDrain(app: FastifyInstance, steps: readonly DrainStep[]): Drain {
  let underWay = 0;
  let noneLeft: () => void = () => undefined;
  let stopping = false;

  app.addHook('onRequest', (request, reply, done) => {
    // A socket of the relay is closed by the relay.
    if (!(request.raw as { upgrade?: boolean }).upgrade) {
      underWay++;
      reply.raw.once('close', () => {
        if (--underWay === 0) noneLeft();
      });
    }
    done();
  });

  const answersSent = async () => {
    if (underWay === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      noneLeft = resolve;
      timer = setTimeout(resolve, GRACE_MS);
    });
    clearTimeout(timer);
  };

  app.addHook('preClose', async () => {
    stopping = true;
    await runSteps([...steps, { name: 'requests in flight', run: answersSent }], app.log);
    setTimeout(() => app.server.closeAllConnections(), SILENT_MS).unref();
  });
  return { isStopping: () => stopping };
}
