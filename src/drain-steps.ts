import type { FastifyBaseLogger } from 'fastify';

/** Something that has to end before the server can stop. */
export interface DrainStep {
  name: string;
  run(): Promise<unknown> | unknown;
}

/** Runs steps in their order. One that fails does not keep the others from running. */
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
