import type { FastifyBaseLogger } from 'fastify';

/** A step of stopping the server. */
export interface DrainStep {
  name: string;
  run(): Promise<unknown> | unknown;
}

/** Runs steps in order. Logs a failed step and continues. */
export async function runSteps(steps: readonly DrainStep[], log: FastifyBaseLogger): Promise<void> {
  for (const { name, run } of steps) {
    const from = performance.now();
    try {
      await run();
    } catch (error) {
      log.warn({ step: name, reason: String(error) }, 'A closing step failed');
    }
    log.debug({ step: name, ms: Math.round(performance.now() - from) }, 'Closed');
  }
}
