const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Characters of a UUID that are shown. */
const SHOWN = 8;

/** A name as people can read it: of a UUID the beginning. */
export const shortName = (name: string): string => (UUID.test(name) ? `${name.slice(0, SHOWN)}…` : name);

const WORDS = /[\p{L}\p{N}]+/gu;

const firstOf = (word: string): string => [...word][0] ?? '';

/** One or two letters that stand for a name: the first letters of its first and last word, or the beginning of its only word. */
export function initialsOf(name: string): string {
  if (UUID.test(name)) return name.slice(0, 2);
  const [first = '', ...others] = name.match(WORDS) ?? [];
  const last = others.at(-1);
  const letters =
    last === undefined
      ? [...first].slice(0, /^\p{Script=Han}/u.test(first) ? 1 : 2).join('')
      : firstOf(first) + firstOf(last);
  return letters.toUpperCase() || '?';
}
