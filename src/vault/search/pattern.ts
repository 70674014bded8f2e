import { fold } from '../../fold.ts';
import { once } from '../../once.ts';

/** For PostgreSQL: every character that may be a combining mark, and the letters of most scripts. A mark changes the letter before it. */
const MARK =
  '[^\\u0001-\\u02ff\\u0370-\\u0482\\u048a-\\u0590\\u1e00-\\u20cf\\u2100-\\u2cee\\u2e80-\\u3029\\u3030-\\u3098\\u309b-\\ua66e\\uac00-\\ud7a3]';

/** A mark, or a Korean letter that joins the one before it. */
const JOINS = /[\p{M}\u1160-\u11ff\u{16d63}-\u{16d6a}]/u;

/** Ranges with characters that fold to others or decompose. Korean syllables are left out, because arithmetic finds them. */
const CHANGING = [
  [0x41, 0x33ff],
  [0xa640, 0xabff],
  [0xf900, 0xffff],
  [0x10400, 0x105ff],
  [0x10c80, 0x10dff],
  [0x11080, 0x118ff],
  [0x16d60, 0x16eff],
  [0x1d15e, 0x1d1c0],
  [0x1e900, 0x1e95f],
  [0x2f800, 0x2fa1f],
] as const;

/** Characters that may fold to others. Unicode case folding keeps Cherokee capitals, but `fold` does not. */
const FOLDS = /[\p{Changes_When_NFKC_Casefolded}\p{Changes_When_Lowercased}]/u;

/** Letters of the query that the candidate pattern covers. The limit bounds the cost of making the pattern. */
const MAX_UNITS = 32;

/** The spellings of each folded character. */
class Spellings {
  /** Characters that fold to exactly this one with its marks, or to exactly these two or three. */
  readonly same = new Map<string, string[]>();
  /** Characters that fold to this one without marks, or to several of which it is one. */
  readonly bare = new Map<string, string[]>();
  /** Characters that fold to this one, with or without marks, or to several that include it. */
  readonly marked = new Map<string, string[]>();
  /** Pairs of characters that a single character may fold to. */
  readonly pairs = new Set<string>();

  constructor() {
    for (const [from, to] of CHANGING) {
      for (let code = from; code <= to; code++) this.#add(String.fromCodePoint(code));
    }
  }

  #add(written: string): void {
    if (!FOLDS.test(written) && written.normalize('NFD') === written) return;
    const folded = fold(written);
    const parts = folded.normalize('NFD');
    const letters = parts.match(/\P{M}/gu) ?? [];
    const isOne = [...folded].length === 1;
    if (!JOINS.test(written)) put(this.same, folded, written);
    for (const letter of letters) {
      if (!isOne || parts === letter) put(this.bare, letter, written);
      put(this.marked, letter, written);
    }
    for (const [n, letter] of letters.slice(1).entries()) this.pairs.add(`${letters[n]}${letter}`);
  }
}

function put(map: Map<string, string[]>, key: string, value: string): void {
  const known = map.get(key);
  if (known) known.push(value);
  else map.set(key, [value]);
}

/** Made at the first search, because it takes as long as a few requests. */
const spellings = once(() => new Spellings());

const escaped = (character: string): string =>
  `\\U${(character.codePointAt(0) ?? 0).toString(16).padStart(8, '0')}`;
const anyOf = (characters: readonly string[]): string =>
  characters.length === 1 ? characters.map(escaped).join('') : `[${characters.map(escaped).join('')}]`;

/** A letter and whether marks follow it, or a Korean syllable. */
interface Unit {
  letter: string;
  hasMarks: boolean;
}

const isSyllable = (character: string): boolean => /^[\uac00-\ud7a3]$/.test(character);

/** @param folded in NFC */
function unitsOf(folded: string): Unit[] {
  const units: Unit[] = [];
  for (const character of folded) {
    const [letter = '', ...marks] = isSyllable(character) ? [character] : character.normalize('NFD');
    const last = units.at(-1);
    if (!/\p{M}/u.test(letter)) units.push({ letter, hasMarks: marks.length > 0 });
    else if (last) last.hasMarks = true;
  }
  return units;
}

/** A pattern for a syllable, composed or as its letters. */
function spellSyllable(syllable: string): string {
  const letters = syllable.normalize('NFD');
  const pair = letters.length > 2 ? [`${letters.slice(0, 2).normalize('NFC')}${letters.slice(2)}`] : [];
  return `(?:${[syllable, ...pair, letters].map((one) => [...one].map(escaped).join('')).join('|')})`;
}

function spell({ letter, hasMarks }: Unit, before: string | undefined): string {
  const { bare, marked, pairs } = spellings();
  if (isSyllable(letter)) return hasMarks ? `${spellSyllable(letter)}${MARK}*` : spellSyllable(letter);
  const one = anyOf([letter, ...((hasMarks ? marked : bare).get(letter) ?? [])]);
  // A character that folds to two letters matches at the first of them. The marks of the second follow it.
  const maybe = before !== undefined && pairs.has(before + letter) ? '?' : '';
  return `${one}${maybe}${hasMarks ? `${MARK}*` : ''}`;
}

/** Whether each letter has only one spelling, as in Chinese. */
const isPlain = (folded: string): boolean =>
  folded.normalize('NFD') === folded &&
  [...folded].every((one) => !/\p{M}/u.test(one) && !spellings().bare.has(one));

/** For PostgreSQL: a character that joins the one before it. */
const mark = once(() => {
  const ranges: [from: number, to: number][] = [];
  for (let code = 0x300; code < 0x1f000; code++) {
    if (!JOINS.test(String.fromCodePoint(code))) continue;
    const last = ranges.at(-1);
    if (last?.[1] === code - 1) last[1] = code;
    else ranges.push([code, code]);
  }
  const range = (codes: number[]) => codes.map((code) => escaped(String.fromCodePoint(code))).join('-');
  return `[${ranges.map(range).join('')}]`;
});

/** A pattern without false matches: it matches a folded text in most of its spellings, and no other text. */
function certainPattern(folded: string): string | null {
  const characters = [...folded];
  if (JOINS.test(characters[0] ?? '')) return null;
  const { same } = spellings();
  const parts: string[] = [];
  for (let n = 0; n < characters.length; ) {
    const length = [3, 2].find((count) => same.has(characters.slice(n, n + count).join(''))) ?? 1;
    const letters = characters.slice(n, n + length);
    const apart = letters.map((letter) => anyOf([letter, ...(same.get(letter) ?? [])])).join('');
    const together = length === 1 ? undefined : same.get(letters.join(''));
    parts.push(together ? `(?:${apart}|${anyOf(together)})` : apart);
    n += length;
  }
  return `${parts.join('')}(?!${mark()})`;
}

/**
 * The parameter of `holds`, with which a search finds the same in every database. Each text with the query matches the
 * literal text, or else the candidate pattern. The certain pattern, if there is one, matches only texts with the query.
 * Where the patterns do not decide, `search_fold` compares with the query itself. The patterns name each character,
 * because a collation must not change the result.
 */
export type SearchPattern = [
  literal: string | null,
  candidate: string,
  certain: string | null,
  query: string,
];

/** @param query the text to find, not empty */
export function searchPattern(query: string): SearchPattern {
  const folded = fold(query);
  const units = unitsOf(folded);
  const candidate = units.slice(0, MAX_UNITS).map((unit, n) => spell(unit, units[n - 1]?.letter));
  const certain = certainPattern(folded);
  return [isPlain(folded) ? folded : null, `***:${candidate.join('')}`, certain && `***:${certain}`, query];
}
