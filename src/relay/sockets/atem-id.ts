/**
 * UTF-8 bytes of an `atem_id` at most. Released Astation apps ignore every frame that names a longer one, so
 * a longer id would connect and never be heard.
 */
export const MAX_ATEM_ID_BYTES = 255;

/** One escape, or the two to four that make up one character (RFC 3629, section 4). */
const ESCAPED_CHARACTER =
  /%(?:[0-7][\da-f]|[cd][\da-f]%[89ab][\da-f]|e[\da-f](?:%[89ab][\da-f]){2}|f[0-7](?:%[89ab][\da-f]){3})/gi;

/** ASCII that is no letter, digit or hyphen, and half surrogate pairs, which no UTF-8 frame can carry. */
const UNWANTED = /\p{Surrogate}|(?![A-Za-z0-9-])\p{ASCII}/gu;

/**
 * The value of `atem_id` as it stands in the request's URL, still encoded. A parsed query is of no use here:
 * what it holds has been decoded already, and a `%` in it can no longer be told from the start of an escape.
 * @param url path and query of the request, such as `/ws?role=atem&atem_id=a%20b`
 * @returns undefined when the query has no `atem_id`; of several, the first
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
 * An atem's id as the relay keeps it (contract, section 3): percent-decoded **once**, then every non-ASCII
 * character and, of ASCII, only letters, digits and `-`; cut to {@link MAX_ATEM_ID_BYTES} at a whole
 * character. What is no escape of a character stays the text it is, so that different ids stay different;
 * nothing throws. Nothing is normalised either: an atem signs its id, and the Astation checks it, as it was
 * sent.
 * @param raw the value as it stands in the URL, see {@link rawAtemId}
 * @param randomHex names an atem that is left without an id; its answer is lower-case hex digits
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
      // The shape of UTF-8, but no character: an overlong form, a surrogate, or beyond U+10FFFF.
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
