import { isUtf8 } from 'node:buffer';
import { badRequest } from '../../errors.ts';

/** Bodies of this API nest only a few levels. The limit exists because parsing 1 MB of `[` blocks for half a second. */
const MAX_DEPTH = 16;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** @param from the position after the opening quote @returns the position of the closing quote, or the length */
function findClosingQuote(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(QUOTE, from); at >= 0; at = bytes.indexOf(QUOTE, at + 1)) {
    let backslashes = 0;
    while (at - backslashes > from && bytes[at - backslashes - 1] === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return at;
  }
  return bytes.length;
}

/** Tracks the nesting byte by byte. That is safe, because UTF-8 uses the structural bytes for nothing else. */
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
 * Decodes a JSON body that is safe to parse, without the BOM that some programs prepend.
 * @throws RelayError `BAD_REQUEST` where it is not UTF-8 or nests too deep to be parsed safely
 */
export function readJsonText(bytes: Uint8Array): string {
  if (nestsTooDeep(bytes)) throw badRequest(`The request body nests deeper than ${MAX_DEPTH} levels.`);
  // Lenient decoding would replace invalid bytes with U+FFFD and store that.
  if (!isUtf8(bytes)) throw badRequest('The request body is not valid UTF-8.');
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}
