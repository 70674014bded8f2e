import { isUtf8 } from 'node:buffer';
import { badRequest } from '../../errors.ts';

/** No body of this API nests deeper than a few levels, and parsing 1 MB of `[` blocks the event loop for half a second. */
const MAX_DEPTH = 16;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** @param from right behind the quote that opens a string @returns where it is closed, or the end of all */
function findClosingQuote(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(QUOTE, from); at >= 0; at = bytes.indexOf(QUOTE, at + 1)) {
    let backslashes = 0;
    while (at - backslashes > from && bytes[at - backslashes - 1] === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return at;
  }
  return bytes.length;
}

/** Follows the nesting of a JSON text byte by byte; the structural bytes stand for nothing else in UTF-8. */
function nestsTooDeep(bytes: Uint8Array): boolean {
  let depth = 0;
  for (let i = 0; i < bytes.length; i++) {
    switch (bytes[i]) {
      case QUOTE:
        i = findClosingQuote(bytes, i + 1);
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > MAX_DEPTH) return true;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth--;
    }
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
