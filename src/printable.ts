/** Characters that a terminal interprets, hides, reorders, or treats as a line break. */
const UNPRINTABLE = String.raw`[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]`;

/** A whole emoji, for a pattern with the flag `v`. */
export const RGI_EMOJI = String.raw`\p{RGI_Emoji}`;

/** Matches an emoji first, because its invisible joiners are harmless. */
const EMOJI_OR_UNPRINTABLE = new RegExp(`(?<emoji>${RGI_EMOJI})|${UNPRINTABLE}`, 'gv');

/** Excludes the three control characters that JSON allows outside strings. */
const UNPRINTABLE_IN_JSON = new RegExp(String.raw`(?![\t\n\r])${UNPRINTABLE}`, 'gu');

/** A fast path: most text is plain, and this check is ten times as fast as the patterns above. */
const isPlain = (text: string) => !/[^\t\n\r -~]/.test(text);

/** Makes text safe for one line of a terminal. @returns the text, with each unprintable character as `\u{1b}` */
export const escapeText = (text: string): string =>
  text.replace(EMOJI_OR_UNPRINTABLE, (match, emoji) =>
    emoji === undefined ? `\\u{${match.codePointAt(0)?.toString(16)}}` : match,
  );

const escapeUnit = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Makes a JSON text safe for a terminal. @returns JSON of the same value, with unprintable characters as escapes */
export function escapeJson(json: string): string {
  if (isPlain(json)) return json;
  return json.replace(UNPRINTABLE_IN_JSON, (character) => character.split('').map(escapeUnit).join(''));
}

/** @returns `value` as one line of JSON that is safe for a terminal */
export const toJson = (value: unknown): string => escapeJson(JSON.stringify(value));
