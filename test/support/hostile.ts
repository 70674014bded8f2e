/** Characters that a terminal obeys, hides or reorders, and halves of characters. */
export const HOSTILE = [
  '\u001b[2J',
  '\u0007',
  '\n',
  '\r',
  '\t',
  '\b',
  '\u007f',
  '\u0085',
  '\u009b31m',
  '\u00ad',
  '\u061c',
  '\u200b',
  '\u200d',
  '\u200e',
  '\u200f',
  '\u2028',
  '\u2029',
  '\u202e',
  '\u2060',
  '\u2066',
  '\u2069',
  '\ufeff',
  '\u{e0041}',
];

/** Characters that no output may contain. */
export const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
