import type { FastifyInstance } from 'fastify';
import { type DrainStep, runSteps } from '../drain.ts';

/** How long requests in flight may take when the server stops; then their connections are cut. */
const GRACE_MS = 10_000;

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
  const underWay = new Set<object>();
  let noneLeft: () => void = () => undefined;
  let stopping = false;

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

  const answersSent = async () => {
    if (underWay.size === 0) return;
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
  });
  return { isStopping: () => stopping };
}
