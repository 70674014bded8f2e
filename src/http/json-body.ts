import type { FastifyInstance, FastifyRequest } from 'fastify';
import secureJson from 'secure-json-parse';
import { badRequest } from '../errors.ts';

/** Accepts JSON and nothing else. A `__proto__` or `constructor.prototype` key is refused, not dropped. */
export function installJsonBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    async (_: FastifyRequest, text: string) => {
      // Released clients announce JSON and send nothing where a call has no fields.
      if (text.length === 0) return undefined;
      try {
        return secureJson.parse(text, null, { protoAction: 'error', constructorAction: 'error' });
      } catch (error) {
        throw badRequest(`The request body is not valid JSON: ${(error as Error).message}.`);
      }
    },
  );
}
