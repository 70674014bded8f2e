import { listOf, placesOf, quote, renderBody } from './bourne.ts';
import type { CommandWords, OptionWords } from './words.ts';

const bash = (all: CommandWords[]): string => `# Completion of vault-relay for bash.
_vault_relay() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} place= each
  COMPREPLY=()
${renderBody(
  {
    words: (words) => `COMPREPLY=($(compgen -W ${quote(listOf(words))} -- "$word"))`,
    files: 'compopt -o default',
    wordsBefore: `"\${COMP_WORDS[@]:1:COMP_CWORD-1}"`,
  },
  all,
)}
}
complete -F _vault_relay vault-relay
`;

const zsh = (all: CommandWords[]): string => `#compdef vault-relay
_vault_relay() {
  local word=$words[CURRENT] before=$words[CURRENT-1] place= each
${renderBody(
  { words: (words) => `compadd -- ${listOf(words)}`, files: '_files', wordsBefore: '$words[2,CURRENT-1]' },
  all,
)}
}
compdef _vault_relay vault-relay
`;

/** The first word of a line, for what is offered after `place`. */
const fishLine = (place: string) =>
  `complete -c vault-relay -n ${quote(`test (__vault_relay_place) = "${place}"`)}`;

function fishOption(place: string, { names, description, value }: OptionWords): string {
  const spelled = names.map((name) =>
    name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
  );
  const needs = value === undefined ? [] : value === 'file' ? ['-r -F'] : ['-x'];
  const words = Array.isArray(value) ? [`-a ${quote(listOf(value))}`] : [];
  return [fishLine(place), ...spelled, ...needs, ...words, '-d', quote(description)].join(' ');
}

const fishLines = ({ place, commands, options, argument }: CommandWords): string[] => [
  ...commands.map(({ name, description }) => `${fishLine(place)} -a ${name} -d ${quote(description)}`),
  ...(Array.isArray(argument) ? [`${fishLine(place)} -a ${quote(listOf(argument))}`] : []),
  ...(argument === 'file' ? [`${fishLine(place)} -F`] : []),
  ...options.map((option) => fishOption(place, option)),
];

/** Unlike the others, fish asks a function for the place, and shows descriptions. */
const fish = (all: CommandWords[]): string => `# Completion of vault-relay for fish.
function __vault_relay_place
    set -l place
    for each in (commandline -opc)[2..]
        switch (string trim -- "$place $each")
            case ${placesOf(all).map(quote).join(' ')}
                set place (string trim -- "$place $each")
        end
    end
    echo "$place"
end
complete -c vault-relay -f
${all.flatMap(fishLines).join('\n')}
`;

/** By the name of the shell. */
export const COMPLETION_SCRIPTS: Record<string, (all: CommandWords[]) => string> = { bash, zsh, fish };
