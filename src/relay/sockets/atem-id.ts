/**
 * Maximum UTF-8 bytes of an `atem_id`. Released Astation apps ignore frames with a longer id, so such an atem could connect
 * but never communicate.
 */
export const MAX_ATEM_ID_BYTES = 255;

/** The one to four escapes of one character (RFC 3629, section 4). */
const ESCAPED_CHARACTER =
  /%(?:[0-7][\da-f]|[cd][\da-f]%[89ab][\da-f]|e[\da-f](?:%[89ab][\da-f]){2}|f[0-7](?:%[89ab][\da-f]){3})/gi;

/** ASCII other than letters, digits and hyphens, and lone surrogates, which UTF-8 frames cannot carry. */
const UNWANTED = /\p{Surrogate}|(?![A-Za-z0-9-])\p{ASCII}/gu;

/**
 * The still encoded value of `atem_id` in the request's URL. A parsed query does not serve, because it is already decoded: a
 * literal `%` cannot be distinguished from an escape.
 * @param url path and query of the request, such as `/ws?role=atem&atem_id=a%20b`
 * @returns the first `atem_id`; undefined if the query has none
 */
export function rawAtemId(url: string): string | undefined {
  const start = url.indexOf('?');
  if (start === -1) return undefined;
  const pair = url
    .slice(start + 1)
    .split('&')
    .find((part) => part.startsWith('atem_id='));
  return pair?.slice('atem_id='.length);
}

/**
 * Sanitises an atem's id (contract, section 3): decodes percent escapes **once**, keeps non-ASCII characters, ASCII letters,
 * digits and `-`, and cuts to {@link MAX_ATEM_ID_BYTES} at a whole character. Invalid escapes stay literal, so that different
 * ids stay different. Does not normalise, because the atem signs its id, and the Astation checks it, as sent. Never throws.
 * @param raw the encoded value in the URL, see {@link rawAtemId}
 * @param randomHex returns lower-case hex digits, used as the id of an atem without one
 * @returns never empty, always well-formed Unicode
 */
export function sanitizeAtemId(raw: string | undefined, randomHex: () => string): string {
  const kept = cutToBytes(decodeOnce(raw ?? '').replace(UNWANTED, ''));
  return kept === '' ? `atem-${randomHex()}` : kept;
}

function decodeOnce(raw: string): string {
  return raw.replace(ESCAPED_CHARACTER, (escaped) => {
    try {
      return decodeURIComponent(escaped);
    } catch {
      // Not valid UTF-8 despite its shape: an overlong form, a surrogate, or beyond U+10FFFF.
      return escaped;
    }
  });
}

function cutToBytes(text: string): string {
  if (Buffer.byteLength(text) <= MAX_ATEM_ID_BYTES) return text;
  let kept = '';
  let bytes = 0;
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > MAX_ATEM_ID_BYTES) break;
    kept += character;
  }
  return kept;
}
