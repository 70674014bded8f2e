/** A part of a text without blanks, from a place up to another. */
export interface Run {
  from: number;
  to: number;
}

/** No secret that the scan finds by its characters is shorter. */
const MIN_LENGTH = 10;
const BLANK = 32;
const LAST_ASCII = 126;

/** Digits, capitals, `-` and `_`: every token and every value that looks random has one of them. */
const TELLING: Readonly<Uint8Array> = new Uint8Array(128)
  .fill(1, 48, 58)
  .fill(1, 65, 91)
  .fill(1, 45, 46)
  .fill(1, 95, 96);

/**
 * Finds the parts of a text in which a secret can stand, so that the scan skips most words of prose.
 * @returns runs of visible ASCII that hold more than small letters
 */
export function runsOf(text: string): Run[] {
  const runs: Run[] = [];
  let from = 0;
  let telling = 0;
  for (let at = 0; at <= text.length; at++) {
    // NaN at the end.
    const code = text.charCodeAt(at);
    if (code > BLANK && code <= LAST_ASCII) {
      telling |= TELLING[code] as number;
      continue;
    }
    if (telling !== 0 && at - from >= MIN_LENGTH) runs.push({ from, to: at });
    from = at + 1;
    telling = 0;
  }
  return runs;
}
