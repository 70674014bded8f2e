/** Random texts from a seed, so that a failure can be repeated and no file holds what looks like a secret. */
export interface Random {
  below(limit: number): number;
  /** Characters of an alphabet. */
  of(alphabet: string, length: number): string;
  pick<T>(items: readonly T[]): T;
}

export const DIGITS = '0123456789';
export const HEX = '0123456789abcdef';
export const LOWER = 'abcdefghijklmnopqrstuvwxyz';
export const UPPER = LOWER.toUpperCase();
export const BASE36 = DIGITS + LOWER;
export const BASE62 = DIGITS + UPPER + LOWER;
export const BASE64URL = `${BASE62}-_`;
export const BASE64 = `${BASE62}+/`;

/** @returns a generator of 32 bits of state (xorshift) */
export function makeRandom(seed: number): Random {
  let state = seed | 1;
  const below = (limit: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
  const of = (alphabet: string, length: number): string =>
    Array.from({ length }, () => alphabet[below(alphabet.length)]).join('');
  const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T;
  return { below, of, pick };
}
