import type { FastifyInstance, FastifyRequest } from 'fastify';
import { badRequest } from '../errors.ts';

/** Accepts JSON and nothing else. `__proto__` stays a field like any other, which the strict schemas refuse. */
export function installJsonBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    async (_: FastifyRequest, text: string) => {
      // Released clients announce JSON and send nothing where a call has no fields.
      if (text.length === 0) return undefined;
      try {
        return JSON.parse(text);
      } catch (error) {
        throw badRequest(`The request body is not valid JSON: ${(error as Error).message}.`);
      }
    },
  );
}
