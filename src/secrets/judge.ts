import { classOf, DIGIT, LOWER, OTHER, UPPER } from './characters.ts';

/** Tells random values from names, numbers, paths and placeholders. */

const PLACEHOLDER =
  /example|change.?me|placeholder|your.?(?:api|key|token|secret|pass)|redacted|dummy|x{4}|\*{3}|\.{3}|01234567|12345678|abcdefgh/i;

/** Whether a value stands for one that the reader puts in. */
export const isPlaceholder = (value: string): boolean => PLACEHOLDER.test(value);

/** @returns the bits a character carries, by how often each occurs, and the number of different ones */
function varietyOf(value: string): { bits: number; different: number } {
  const counts = new Uint16Array(128);
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i) & 127;
    counts[code] = (counts[code] as number) + 1;
  }
  let bits = 0;
  let different = 0;
  for (const count of counts) {
    if (count === 0) continue;
    different++;
    bits -= (count / value.length) * Math.log2(count / value.length);
  }
  return { bits, different };
}

/** Whether the random part of a token has too few different characters to be random. */
export const isMonotonous = (value: string): boolean =>
  varietyOf(value).different < Math.min(8, value.length / 3);

/** How the characters of a value alternate. */
interface Texture {
  /** How many of the classes occur. */
  classes: number;
  hasDigit: boolean;
  /** Places where another class begins. A capital that begins a word counts once. */
  changes: number;
}

function textureOf(value: string): Texture {
  let seen = 0;
  let changes = 0;
  let last = -1;
  for (let i = 0; i < value.length; i++) {
    const now = classOf(value.charCodeAt(i));
    if (last >= 0 && now !== last && !(last === UPPER && now === LOWER)) changes++;
    seen |= 1 << now;
    last = now;
  }
  const classes = [OTHER, DIGIT, LOWER, UPPER].filter((each) => seen & (1 << each)).length;
  return { classes, hasDigit: (seen & (1 << DIGIT)) !== 0, changes };
}

/** Parts that a value is joined from. Base64 has two of the characters, but seldom. */
const JOINT = /[-_./:@+=,~]/;
const HEX = /^(?:[0-9a-f]{1,512}|[0-9A-F]{1,512})$/;
const WORD_OR_NUMBER = /^(?:[A-Za-z]{0,512}|\d{1,512})$/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether a value is digits of base 16, as hashes and many keys are. */
export const isHex = (value: string): boolean => HEX.test(value) || UUID.test(value);

/** Characters of one part that look random. */
const MIN_RUN = 10;
/** Share of the characters at which the class changes. Base 62 has 0.5, hexadecimal 0.47, and names have below 0.2. */
const MIN_CHANGE = 0.22;
const MIN_BITS = 3;

const isVaried = (value: string): boolean => varietyOf(value).bits >= MIN_BITS && !isPlaceholder(value);

/** Whether a value of at least 16 characters looks like one that was drawn at random. */
export function looksRandom(value: string): boolean {
  if (value.length < 16 || !textureOf(value).hasDigit) return false;
  const longest = value.split(JOINT).reduce((best, part) => (part.length > best.length ? part : best), '');
  const { classes, hasDigit, changes } = textureOf(longest);
  const isRandom =
    longest.length >= MIN_RUN && hasDigit && classes > 1 && changes >= longest.length * MIN_CHANGE;
  return (isRandom || UUID.test(value)) && isVaried(value);
}

/** Whether a value looks like a password that a program has made, or a careful person. */
export function looksLikePassword(value: string): boolean {
  if (looksRandom(value)) return true;
  if (value.length < 10 || value.split(JOINT).every((part) => WORD_OR_NUMBER.test(part))) return false;
  const { classes, hasDigit, changes } = textureOf(value);
  return classes >= 3 && hasDigit && changes >= value.length * MIN_CHANGE && isVaried(value);
}
