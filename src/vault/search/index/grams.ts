import { fold } from '../../../fold.ts';
import type { Needle } from '../query.ts';
import type { Filters } from '../wanted.ts';

/**
 * The index knows a text by the hashes of its grams: each two characters of the folded text, and each three of scripts
 * with small alphabets. A search asks for the longest grams of its words. Characters are UTF-16 code units.
 */

/** Where scripts with large alphabets begin. Pairs of them are as selective as three letters. */
const WIDE = 0x2e80;
/** In the place of the third character of a pair. */
const PAIR = 0x10000;
/** Hashes of a needle that are looked up. More would not be more selective. */
const MAX_LOOKED_UP = 8;
/** Hashes of all needles that are looked up. */
const MAX_OF_NEEDLES = 32;

/** @returns 32 bits */
export function hashOf(first: number, second: number, third: number): number {
  let h = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca77) ^ Math.imul(third, 0xc2b2ae3d);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return (h ^ (h >>> 15)) >>> 0;
}

/** Calls a function with the hash of each gram of a folded text. */
export function eachGram(form: string, add: (hash: number) => void): void {
  let [first, second] = [form.charCodeAt(0), form.charCodeAt(1)];
  for (let n = 2; n <= form.length; n++) {
    add(hashOf(first, second, PAIR));
    const third = form.charCodeAt(n);
    if (first < WIDE && second < WIDE && third < WIDE) add(hashOf(first, second, third));
    [first, second] = [second, third];
  }
}

/** The hashes that a text with a word has: of three characters where the index has them, of pairs elsewhere. */
function hashesOfWord(form: string): number[] {
  const hashes: number[] = [];
  const isNarrow = (n: number) => form.charCodeAt(n) < WIDE;
  for (let n = 0; n + 1 < form.length; n++) {
    const isTriple = isNarrow(n) && isNarrow(n + 1) && isNarrow(n + 2);
    const follows = isNarrow(n - 1) && isNarrow(n) && isNarrow(n + 1);
    if (isTriple) hashes.push(hashOf(form.charCodeAt(n), form.charCodeAt(n + 1), form.charCodeAt(n + 2)));
    else if (!follows) hashes.push(hashOf(form.charCodeAt(n), form.charCodeAt(n + 1), PAIR));
  }
  const step = Math.max(1, hashes.length / MAX_LOOKED_UP);
  return Array.from(
    { length: Math.min(hashes.length, MAX_LOOKED_UP) },
    (_, n) => hashes[Math.floor(n * step)] ?? 0,
  );
}

/** Facts about a row that are looked up as a whole. */
export type Fact = 'writer' | 'author' | 'tag' | 'vault' | 'kind';
const FACTS: Record<Fact, number> = { writer: 1, author: 2, tag: 3, vault: 4, kind: 5 };

export function hashOfFact(fact: Fact, value: string): number {
  let [first, second] = [FACTS[fact], value.length];
  for (let n = 0; n < value.length; n++) {
    [first, second] = [second, hashOf(first, second, value.charCodeAt(n))];
  }
  return hashOf(first, second, PAIR + 1);
}

/** @returns the hashes that each row has that is wanted */
export function hashesOf(needles: readonly Needle[], filters: Filters): number[] {
  const words = needles.flatMap(({ form, exact }) => hashesOfWord(exact ? fold(form) : form));
  const facts = (['writer', 'author', 'tag', 'vault', 'kind'] as const).flatMap((fact) => {
    const value = filters[fact];
    return value === undefined ? [] : [hashOfFact(fact, value)];
  });
  return [...new Set([...facts, ...words.slice(0, MAX_OF_NEEDLES)])];
}
