import { Argument, Command } from 'commander';
import type { CommandDeps } from '../command.ts';
import { COMPLETION_SCRIPTS } from './scripts.ts';
import { describeWords } from './words.ts';

/** `vault-relay completion`: made from the commands of this program, so that it fits them. */
export const makeCompletionCommand = ({ out }: CommandDeps): Command =>
  new Command('completion')
    .description('print a script that completes the commands in your shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(COMPLETION_SCRIPTS)))
    .action(async (shell: string, _options: object, self: Command) => {
      const script = COMPLETION_SCRIPTS[shell]?.(describeWords(self.parent ?? self));
      await out.text(script ?? '');
    });
