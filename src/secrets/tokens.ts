import { isDigitOrLetter } from './characters.ts';
import { FORMATS, type Format } from './formats.ts';
import type { Found } from './found.ts';
import { isMonotonous, isPlaceholder } from './judge.ts';
import type { Run } from './runs.ts';

/** A format under one of its beginnings. */
interface Beginning {
  begins: string;
  format: Format;
  /** What follows. */
  rest: RegExp;
}

/** @returns beginnings by the code of their first character. Longer ones come first: `sk-ant-` is tried before `sk-`. */
function beginningsOf(formats: readonly Format[]): readonly (readonly Beginning[])[] {
  const byFirst: Beginning[][] = [];
  for (const format of formats) {
    const rest = new RegExp(format.rest, 'y');
    for (const begins of format.begins) {
      const code = begins.charCodeAt(0);
      const all = [...(byFirst[code] ?? []), { begins, format, rest }];
      byFirst[code] = all.toSorted((a, b) => b.begins.length - a.begins.length);
    }
  }
  return byFirst;
}
const BY_FIRST = beginningsOf(FORMATS);

const BACKSLASH = 92;
const PERCENT = 37;
/** The letters of the escapes of a line break and a tab. */
const ESCAPED: ReadonlySet<number> = new Set(['n', 'r', 't'].map((letter) => letter.charCodeAt(0)));

/** Whether no letter or digit stands before a place, unless as an escape of JSON or of an address. */
function beginsWord(text: string, at: number): boolean {
  const before = text.charCodeAt(at - 1);
  if (at === 0 || !isDigitOrLetter(before)) return true;
  if (text.charCodeAt(at - 3) === PERCENT) return true;
  return text.charCodeAt(at - 2) === BACKSLASH && ESCAPED.has(before);
}

/** Up to where a text was read for a form and holds no token of it. */
export type Rejected = Map<Format, number>;

/**
 * @param rejected skips what was read for a form before, so that a text of many beginnings is read once for each form
 * @returns the token of a published form that begins at a place
 */
export function tokenAt(text: string, at: number, rejected: Rejected = new Map()): Found | undefined {
  for (const { begins, format, rest } of BY_FIRST[text.charCodeAt(at)] ?? []) {
    if (!text.startsWith(begins, at) || at < (rejected.get(format) ?? 0)) continue;
    rest.lastIndex = at + begins.length;
    const random = rest.exec(text)?.[0];
    if (random === undefined) continue;
    const value = begins + random;
    if (!isMonotonous(random) && !isPlaceholder(random) && (format.isValid?.(value) ?? true))
      return { kind: format.kind, at, value, shown: begins };
    rejected.set(format, at + value.length);
  }
  return undefined;
}

/** @returns tokens of a published form that begin in these runs. Each beginning reads a bounded part of the text. */
export function findTokens(text: string, runs: readonly Run[]): Found[] {
  const found: Found[] = [];
  const rejected: Rejected = new Map();
  for (const { from, to } of runs) {
    for (let at = from; at < to; at++) {
      if (BY_FIRST[text.charCodeAt(at)] === undefined || !beginsWord(text, at)) continue;
      const token = tokenAt(text, at, rejected);
      if (!token) continue;
      found.push(token);
      at += token.value.length - 1;
    }
  }
  return found;
}
