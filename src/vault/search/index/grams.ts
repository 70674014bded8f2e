import { fold } from '../../../fold.ts';
import type { Needle } from '../query.ts';
import type { Filters } from '../wanted.ts';

/**
 * The index knows a text by its grams, one for each place of the folded text: three characters of scripts with small
 * alphabets, and two characters elsewhere. A gram is known by 32 bits, of which the first 16 stand for its first two characters.
 * So the grams that begin with two letters stand together. Characters are UTF-16 code units.
 */

/** Where scripts with large alphabets begin. Pairs of them are as selective as three letters. */
const WIDE = 0x2e80;
/** In the place of the third character of a pair. */
const PAIR = 0x10000;
/** Grams of a needle that are looked up. More would not be more selective. */
const MAX_LOOKED_UP = 8;
/** Grams of all needles that are looked up. */
const MAX_OF_NEEDLES = 32;

/** What a search looks up: a gram, or all that begin with the same 16 bits. */
export interface Term {
  hash: number;
  isPrefix: boolean;
}

function mix(first: number, second: number): number {
  let h = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca77);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return h ^ (h >>> 13);
}

/** @param pair what `mix` makes of the first two characters @returns 32 bits */
function hashOf(pair: number, third: number): number {
  const h = Math.imul(pair ^ Math.imul(third, 0xc2b2ae3d), 0x297a2d39);
  return ((pair & 0xffff0000) | ((h ^ (h >>> 15)) & 0xffff)) >>> 0;
}

/** Calls a function with the hash of each gram of a folded text. */
export function eachGram(form: string, add: (hash: number) => void): void {
  let [first, second] = [form.charCodeAt(0), form.charCodeAt(1)];
  for (let n = 2; n <= form.length; n++) {
    const third = form.charCodeAt(n);
    const isTriple = first < WIDE && second < WIDE && third < WIDE;
    add(hashOf(mix(first, second), isTriple ? third : PAIR));
    first = second;
    second = third;
  }
}

/** The terms of the grams that a text with a word has. */
function termsOfWord(form: string): Term[] {
  const terms: Term[] = [];
  const isNarrow = (n: number) => form.charCodeAt(n) < WIDE;
  for (let n = 0; n + 1 < form.length; n++) {
    const isLetters = isNarrow(n) && isNarrow(n + 1);
    const pair = mix(form.charCodeAt(n), form.charCodeAt(n + 1));
    if (isLetters && isNarrow(n + 2)) {
      terms.push({ hash: hashOf(pair, form.charCodeAt(n + 2)), isPrefix: false });
    } else if (!isLetters || n + 2 < form.length) {
      terms.push({ hash: hashOf(pair, PAIR), isPrefix: false });
    } else if (n === 0 || !isNarrow(n - 1)) {
      // Any character may follow in the text. Behind another letter, the gram before says more.
      terms.push({ hash: (pair & 0xffff0000) >>> 0, isPrefix: true });
    }
  }
  const step = Math.max(1, terms.length / MAX_LOOKED_UP);
  return Array.from(
    { length: Math.min(terms.length, MAX_LOOKED_UP) },
    (_, n) => terms[Math.floor(n * step)] as Term,
  );
}

/** Facts about a row that are looked up as a whole. */
export type Fact = 'writer' | 'author' | 'tag' | 'vault' | 'kind';
const FACTS: Record<Fact, number> = { writer: 1, author: 2, tag: 3, vault: 4, kind: 5 };

export function hashOfFact(fact: Fact, value: string): number {
  let h = mix(FACTS[fact], value.length);
  for (let n = 0; n < value.length; n++) h = mix(h, value.charCodeAt(n));
  return hashOf(h, PAIR + 1);
}

/** @returns what each row has that is wanted */
export function termsOf(needles: readonly Needle[], filters: Filters): Term[] {
  const words = needles.flatMap(({ form, exact }) => termsOfWord(exact ? fold(form) : form));
  const facts = (['writer', 'author', 'tag', 'vault', 'kind'] as const).flatMap((fact) => {
    const value = filters[fact];
    return value === undefined ? [] : [{ hash: hashOfFact(fact, value), isPrefix: false }];
  });
  const terms = [...facts, ...words.slice(0, MAX_OF_NEEDLES)];
  return [...new Map(terms.map((term) => [`${term.hash} ${term.isPrefix}`, term])).values()];
}
