import type { FastifyInstance } from 'fastify';
import { badRequest, RelayError } from '../../errors.ts';
import { readJsonText } from './json-text.ts';

/** The largest body that is read before the caller is identified. Every call without a session fits. */
export const MAX_UNAUTHENTICATED_BODY = 8192;

/** Accepts only uncompressed JSON in this scope, and passes its text to `parse`. */
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
    // Outside the try block, because `done` runs the handler.
    done(null, body);
  });
}

/** Keeps `__proto__` as an ordinary field, so that the strict schemas refuse it. */
export function parseJson(text: string): unknown {
  // Released clients send a JSON content type and an empty body where a call has no fields.
  if (text.length === 0) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badRequest(`The request body is not valid JSON: ${(error as Error).message}.`);
  }
}
