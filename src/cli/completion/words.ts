import type { Argument, Command, Option } from 'commander';

/** What may follow an option or a command: one of these words, a file, or something that only the person knows. */
export type Value = readonly string[] | 'file' | 'unknown';

export interface OptionWords {
  /** As it is typed, such as `--entry`. */
  names: string[];
  description: string;
  /** Of an option without a value: undefined. */
  value?: Value;
}

/** What can be typed after one command. */
export interface CommandWords {
  /** The words before, such as `vault read`; empty for the program itself. */
  place: string;
  commands: { name: string; description: string }[];
  options: OptionWords[];
  /** Of its first argument. */
  argument?: Value;
}

/** A placeholder names a file. */
const FILE = /[<[](path|file)/;

function kindOfValue(flags: string, { argChoices }: { argChoices?: string[] }): Value {
  return argChoices ?? (FILE.test(flags) ? 'file' : 'unknown');
}

function describeOption(option: Option): OptionWords {
  const { flags, short, long, description, required, optional } = option;
  const names = [short, long].filter((name) => name !== undefined);
  return { names, description, ...((required || optional) && { value: kindOfValue(flags, option) }) };
}

const describeArgument = (argument: Argument): Value =>
  kindOfValue(`<${argument.name()}`, argument as { argChoices?: string[] });

/** @returns a command and all below it, each with what can be typed after it */
export function describeWords(command: Command, place: string[] = []): CommandWords[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command);
  const [argument] = command.registeredArguments;
  const own = {
    place: place.join(' '),
    commands: commands.map((each) => ({ name: each.name(), description: each.description() })),
    options: help.visibleOptions(command).map(describeOption),
    ...(argument && { argument: describeArgument(argument) }),
  };
  return [own, ...command.commands.flatMap((each) => describeWords(each, [...place, each.name()]))];
}
