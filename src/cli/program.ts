import { Command } from 'commander';
import type { CommandDeps } from './command.ts';

type MakeCommand = (deps: CommandDeps) => Command;

/** By name, in the order of the help. A command's modules load with it, because those of the server take half a second. */
const COMMANDS: Record<string, () => Promise<MakeCommand>> = {
  serve: async () => (await import('./serve.ts')).makeServeCommand,
  migrate: async () => (await import('./migrate.ts')).makeMigrateCommand,
  open: async () => (await import('./open.ts')).makeOpenCommand,
  session: async () => (await import('./session.ts')).makeSessionCommand,
  key: async () => (await import('./key.ts')).makeKeyCommand,
  astation: async () => (await import('./astation.ts')).makeAstationCommand,
  verify: async () => (await import('./verify.ts')).makeVerifyCommand,
  search: async () => (await import('./search.ts')).makeSearchCommand,
  audit: async () => (await import('./audit.ts')).makeAuditCommand,
  export: async () => (await import('./transfer.ts')).makeExportCommand,
  import: async () => (await import('./transfer.ts')).makeImportCommand,
  login: async () => (await import('./login.ts')).makeLoginCommand,
  vault: async () => (await import('./vault/command.ts')).makeVaultCommand,
  channel: async () => (await import('./channel.ts')).makeChannelCommand,
  openapi: async () => (await import('./openapi.ts')).makeOpenApiCommand,
  completion: async () => (await import('./completion/command.ts')).makeCompletionCommand,
};

/** What commander itself would print: help, the version. */
export interface Said {
  out: string;
  err: string;
}

/** Has a command and all below it throw instead of exit, and keep what they would print. */
function tame(command: Command, said: Said): Command {
  command.exitOverride().configureOutput({
    writeOut: (text) => {
      said.out += text;
    },
    writeErr: (text) => {
      said.err += text;
    },
    // The thrown error has the same message.
    outputError: () => undefined,
  });
  for (const each of command.commands) tame(each, said);
  return command;
}

/**
 * Makes the command line of the program. Its `parseAsync` throws what a command fails with.
 * @param first the first argument: if it names a command, the program has this one alone; otherwise it has all.
 *   `completion` describes all of them
 */
export async function makeProgram(deps: CommandDeps, said: Said, first?: string): Promise<Command> {
  const program = new Command('vault-relay')
    .description('Append-only, versioned vaults of shared notes for coding agents that work toward one goal.')
    .version(deps.version);
  const all = Object.entries(COMMANDS);
  const named = all.filter(([name]) => name === first && name !== 'completion');
  for (const [, load] of named.length > 0 ? named : all) program.addCommand((await load())(deps));
  return tame(program, said);
}
