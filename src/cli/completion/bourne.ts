import type { CommandWords, Value } from './words.ts';

/** Words of this form need no quotes in any shell. */
const PLAIN = /^[\w-]+$/;

/** @returns a text as one word of bash, zsh and fish */
export const quote = (text: string) => `'${text.replace(/[\\']/g, (character) => `'\\${character}'`)}'`;

export const listOf = (words: readonly string[]): string =>
  words.map((word) => (PLAIN.test(word) ? word : quote(word))).join(' ');

/** @returns where the words before the cursor can lead, without the program itself */
export const placesOf = (all: CommandWords[]): string[] =>
  all.map(({ place }) => place).filter((place) => place !== '');

/** How bash or zsh offers words and files, and what it calls the words before the cursor. */
interface Dialect {
  words(words: readonly string[]): string;
  files: string;
  wordsBefore: string;
}

/** What was typed before, and what to do then. */
type Branch = [pattern: string, action: string];

/** The place so far and one more word. `place` alone would begin with a space. */
const placeAnd = (variable: string) => `"\${place:+$place }$${variable}"`;

/** @returns a `case`, with one branch for each action */
function renderCase(subject: string, branches: Branch[], indent: string): string {
  const patterns = new Map<string, string[]>();
  for (const [pattern, action] of branches) patterns.set(action, [...(patterns.get(action) ?? []), pattern]);
  const lines = [...patterns].map(([action, those]) => `  ${those.join('|')}) ${action} ;;`);
  return [`case ${subject} in`, ...lines, 'esac'].join(`\n${indent}`);
}

const offer = ({ words, files }: Dialect, value: Value) =>
  value === 'file' ? files : value === 'unknown' ? ':' : words(value);

/** Branches for an option in front of the cursor that takes a value. */
const valueBranches = (dialect: Dialect, all: CommandWords[]): Branch[] =>
  all.flatMap(({ place, options }) =>
    options.flatMap(({ names, value }) =>
      names.flatMap((name): Branch[] =>
        value === undefined ? [] : [[quote(`${place} ${name}`.trim()), offer(dialect, value)]],
      ),
    ),
  );

const nextWords = ({ commands, options, argument }: CommandWords): string[] => [
  ...commands.map(({ name }) => name),
  ...(Array.isArray(argument) ? argument : []),
  ...options.flatMap(({ names }) => names),
];

/** Branches for any other word after a command. A file may be typed unless an option is begun. */
const wordBranches = (dialect: Dialect, all: CommandWords[]): Branch[] =>
  all.map((each) => {
    const words = dialect.words(nextWords(each));
    const filesToo = `case $word in -*) ${words} ;; *) ${dialect.files} ;; esac`;
    return [quote(each.place), each.argument === 'file' ? filesToo : words];
  });

/** The body of a function of bash or zsh. Its `word` is the one at the cursor, `before` the one ahead of it. */
export function renderBody(dialect: Dialect, all: CommandWords[]): string {
  const go = placesOf(all).map((place): Branch => [quote(place), `place=${placeAnd('each')}`]);
  const byPlace = renderCase('"$place"', wordBranches(dialect, all), '    ');
  const byOption: Branch[] = [...valueBranches(dialect, all), ['*', byPlace]];
  return `  for each in ${dialect.wordsBefore}; do
    ${renderCase(placeAnd('each'), go, '    ')}
  done
  ${renderCase(placeAnd('before'), byOption, '  ')}`;
}
