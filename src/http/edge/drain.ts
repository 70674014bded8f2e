import type { FastifyInstance } from 'fastify';
import { type DrainStep, runSteps } from '../../drain-steps.ts';

/** How long requests in flight may take when the server stops. Then their connections are closed. */
const GRACE_MS = 10_000;

/** How long a connection without a request may still send one. Node itself would wait without limit. */
const SILENT_MS = 1000;

export interface Drain {
  /** Whether the server has begun to stop. */
  isStopping(): boolean;
}

/**
 * Stops the server in order. Health checks fail first, then `steps` end long-lived work, then answers in flight reach
 * their clients. Node counts a connection as idle once its answer is written, even while bytes of it are still queued.
 * New requests are answered as long as one such connection is open.
 */
export function installDrain(app: FastifyInstance, steps: readonly DrainStep[]): Drain {
  let underWay = 0;
  let noneLeft: () => void = () => undefined;
  let stopping = false;

  app.addHook('onRequest', (request, reply, done) => {
    // The relay closes its own sockets.
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
