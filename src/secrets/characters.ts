/** The classes of ASCII characters, by their codes. Everything else is `OTHER`. */

export const OTHER = 0;
export const DIGIT = 1;
export const LOWER = 2;
export const UPPER = 3;

const CLASSES: Readonly<Uint8Array> = new Uint8Array(128)
  .fill(DIGIT, 48, 58)
  .fill(UPPER, 65, 91)
  .fill(LOWER, 97, 123);

/** @returns the class of a character */
export const classOf = (code: number): number => (code < 128 ? (CLASSES[code] ?? OTHER) : OTHER);

export const isDigitOrLetter = (code: number): boolean => classOf(code) !== OTHER;
