import { z } from 'zod';

/** RFC 3339 in UTC with microseconds, the precision of the database. */
export const timestamp = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
  .meta({ format: 'date-time' });

/** PostgreSQL text cannot contain NUL, and UTF-8 encoding would silently replace a lone surrogate by U+FFFD. */
function describeUnstorable(text: string): string | undefined {
  if (text.includes('\0')) return 'must not contain the NUL character';
  if (!text.isWellFormed()) return 'must not contain a lone surrogate';
  return undefined;
}

/** The pattern in the OpenAPI document for text without NUL. */
const NO_NUL = '^[^\\u0000]*$';

/** An exceeded limit. `tooLarge` selects status 413 instead of 400. */
interface Excess {
  message: string;
  tooLarge?: boolean;
}

/** Text that is stored and returned byte for byte. `judge` returns why it refuses a text. */
export const storable = (judge: (text: string) => Excess | undefined) =>
  z.string().check((context) => {
    const { value } = context;
    const unstorable = describeUnstorable(value);
    const excess = unstorable === undefined ? judge(value) : { message: unstorable };
    if (!excess) return;
    const { message, tooLarge = false } = excess;
    context.issues.push({ code: 'custom', input: value, message, params: { tooLarge } });
  });

/** Text of at most `maxBytes` bytes of UTF-8. */
export const storableText = (maxBytes: number) =>
  storable((text) => {
    const bytes = Buffer.byteLength(text);
    return bytes > maxBytes
      ? { message: `is ${bytes} bytes of UTF-8; the limit is ${maxBytes}`, tooLarge: true }
      : undefined;
  }).meta({
    pattern: NO_NUL,
    maxLength: maxBytes,
    description: `At most ${maxBytes} bytes of UTF-8. Kept byte for byte.`,
  });

function judgeLength(text: string, maxCharacters: number): Excess | undefined {
  if (text === '') return { message: 'must not be empty' };
  // Counts code points. The first comparison is cheap and suffices for short texts.
  return text.length > maxCharacters && [...text].length > maxCharacters
    ? { message: `must be at most ${maxCharacters} characters long` }
    : undefined;
}

/** A name of 1 to `maxCharacters` Unicode code points. */
export const storableName = (maxCharacters: number) =>
  storable((text) => judgeLength(text, maxCharacters)).meta({
    pattern: NO_NUL,
    minLength: 1,
    maxLength: maxCharacters,
  });

/** Control characters (C0, DEL, C1), marks that reorder text, and separators of lines and paragraphs. */
const CONTROLS = String.raw`\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069`;
const CONTROL = new RegExp(`[${CONTROLS}]`);

/** A name that pages and terminals show: as `storableName`, but without characters that they would interpret. */
export const displayName = (maxCharacters: number) =>
  storable((text) => {
    const excess = judgeLength(text, maxCharacters);
    if (excess || !CONTROL.test(text)) return excess;
    return { message: 'must not contain control characters, marks that reorder text, or line separators' };
  }).meta({ pattern: `^[^${CONTROLS}]+$`, minLength: 1, maxLength: maxCharacters });
