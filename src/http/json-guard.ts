import { Transform } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { badRequest } from '../errors.ts';

/** No body of this API nests deeper than a few levels, and parsing 1 MB of `[` blocks the event loop for half a second. */
const MAX_DEPTH = 16;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/** Follows the nesting of a JSON text byte by byte; the structural bytes stand for nothing else in UTF-8. */
class NestingGauge {
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** @returns whether the text nests too deep by now */
  exceededBy(bytes: Uint8Array): boolean {
    for (const byte of bytes) {
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inString = false;
      } else if (byte === QUOTE) this.#inString = true;
      else if (OPENING.has(byte) && ++this.#depth > MAX_DEPTH) return true;
      else if (CLOSING.has(byte)) this.#depth--;
    }
    return false;
  }
}

/** Passes a body on as it is, and fails where it is not UTF-8 or nests too deep to be parsed safely. */
export function makeGuard(): Transform {
  // Decoding leniently would store U+FFFD in place of what was sent.
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  const nesting = new NestingGauge();
  const checkUtf8 = (bytes?: Uint8Array) => {
    try {
      utf8.decode(bytes, { stream: bytes !== undefined });
      return null;
    } catch {
      return badRequest('The request body is not valid UTF-8.');
    }
  };
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const problem = nesting.exceededBy(chunk)
        ? badRequest(`The request body nests deeper than ${MAX_DEPTH} levels.`)
        : checkUtf8(chunk);
      done(problem, chunk);
    },
    flush: (done) => done(checkUtf8()),
  });
}

/** Guards every body of this scope before it is parsed. */
export function installJsonGuard(app: FastifyInstance): void {
  app.addHook('preParsing', async (_request, _reply, payload) => payload.pipe(makeGuard()));
}
