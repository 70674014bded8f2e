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
      if (text.length === 0) throw badRequest('The request body is empty; it must be a JSON object.');
      try {
        return secureJson.parse(text, null, { protoAction: 'error', constructorAction: 'error' });
      } catch (error) {
        throw badRequest(`The request body is not valid JSON: ${(error as Error).message}.`);
      }
    },
  );
}
