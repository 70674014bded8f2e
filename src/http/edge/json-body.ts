import type { FastifyInstance } from 'fastify';
import { badRequest, RelayError } from '../../errors.ts';
import { readJsonText } from './json-text.ts';

/** Bytes of a body that are read before the caller is known; every call without a session fits. */
export const MAX_STRANGERS_BODY = 8192;

/** Accepts JSON alone in this scope, as it is and not compressed, and hands its text to `parse`. */
export function installJsonBody(app: FastifyInstance, parse: (text: string) => unknown): void {
  app.addHook('preParsing', ({ method, headers }, _reply, body, done) => {
    const encoding = headers['content-encoding'] ?? 'identity';
    const hasBody = method !== 'GET' && method !== 'HEAD';
    if (!hasBody || encoding.toLowerCase() === 'identity') done(null, body);
    else
      done(
        new RelayError('UNSUPPORTED_MEDIA_TYPE', 'Send the body uncompressed, without a content-encoding.'),
      );
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (_request, bytes, done) => {
    let body: unknown;
    try {
      body = parse(readJsonText(bytes));
    } catch (error) {
      return done(error as Error);
    }
    // Outside of the block above, for it goes on to the handler.
    done(null, body);
  });
}

/** `__proto__` stays a field like any other, which the strict schemas refuse. */
export function parseJson(text: string): unknown {
  // Released clients announce JSON and send nothing where a call has no fields.
  if (text.length === 0) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badRequest(`The request body is not valid JSON: ${(error as Error).message}.`);
  }
}
