/**
 * Maximum nesting of arrays and objects. Released atems cannot parse more than 128 levels. Without a limit,
 * `JSON.parse` of a megabyte of `[` blocks the event loop for half a second.
 */
export const MAX_JSON_DEPTH = 128;

export type ParsedJson = { ok: true; value: unknown } | { ok: false; reason: 'too deep' | 'not JSON' };

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** `JSON.parse` that never throws and refuses more than {@link MAX_JSON_DEPTH} levels. */
export function parseJson(text: string): ParsedJson {
  if (isTooDeep(text)) return { ok: false, reason: 'too deep' };
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false, reason: 'not JSON' };
  }
}

/**
 * The members of a JSON object, byte for byte as the sender wrote them. Parsing and serialising them would round
 * integers beyond 2^53 and reorder keys that look like numbers.
 * @param text one valid JSON object
 * @returns each name with the text of its value; the last value of a duplicate name, as in `JSON.parse`
 */
export function membersOf(text: string): Map<string, string> {
  const members = new Map<string, string>();
  let depth = 0;
  let name: string | undefined;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') {
      const end = endOfString(text, at);
      if (depth === 1 && name === undefined) name = readString(text.slice(at, end + 1));
      at = end;
    } else if (character === ':' && depth === 1) {
      start = at + 1;
    } else if (depth === 1 && (character === ',' || character === '}')) {
      if (name !== undefined) members.set(name, text.slice(start, at).trim());
      name = undefined;
    }
    if (character === '{' || character === '[') depth++;
    if (character === '}' || character === ']') depth--;
  }
  return members;
}

/** The decoded strings of a JSON text, including member names. @param text valid JSON */
export function* stringsOf(text: string): Generator<string> {
  for (let open = text.indexOf('"'); open !== -1; ) {
    const end = endOfString(text, open);
    yield readString(text.slice(open, end + 1));
    open = text.indexOf('"', end + 1);
  }
}

/** Skips `JSON.parse` for strings without escapes, because calling it for every name dominates the cost. */
const readString = (quoted: string): string =>
  quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);

function isTooDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (character === QUOTE) at = endOfString(text, at);
    else if (character === OPEN_OBJECT || character === OPEN_ARRAY) {
      if (++depth > MAX_JSON_DEPTH) return true;
    } else if (character === CLOSE_OBJECT || character === CLOSE_ARRAY) depth--;
  }
  return false;
}

/** Index of the closing quote; the last index if there is none. */
function endOfString(text: string, open: number): number {
  for (let at = text.indexOf('"', open + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return at;
  }
  return text.length - 1;
}
