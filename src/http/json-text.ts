import { isUtf8 } from 'node:buffer';
import { badRequest } from '../errors.ts';

/** No body of this API nests deeper than a few levels, and parsing 1 MB of `[` blocks the event loop for half a second. */
const MAX_DEPTH = 16;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/** Follows the nesting of a JSON text byte by byte; the structural bytes stand for nothing else in UTF-8. */
function nestsTooDeep(bytes: Uint8Array): boolean {
  let depth = 0;
  let inString = false;
  let escaped = false;
  for (const byte of bytes) {
    if (inString) {
      if (escaped) escaped = false;
      else if (byte === BACKSLASH) escaped = true;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (OPENING.has(byte) && ++depth > MAX_DEPTH) return true;
    else if (CLOSING.has(byte)) depth--;
  }
  return false;
}

/**
 * The text of a JSON body that may be parsed, without the BOM that some programs put before it.
 * @throws RelayError `BAD_REQUEST` where it is not UTF-8 or nests too deep to be parsed safely
 */
export function readJsonText(bytes: Uint8Array): string {
  if (nestsTooDeep(bytes)) throw badRequest(`The request body nests deeper than ${MAX_DEPTH} levels.`);
  // Decoding leniently would store U+FFFD in place of what was sent.
  if (!isUtf8(bytes)) throw badRequest('The request body is not valid UTF-8.');
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}
