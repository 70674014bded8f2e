import { Command } from 'commander';
import { makeAstationCommand } from './astation.ts';
import { makeAuditCommand } from './audit.ts';
import type { CommandDeps } from './command.ts';
import { makeKeyCommand } from './key.ts';
import { makeMigrateCommand } from './migrate.ts';
import { makeOpenCommand } from './open.ts';
import { makeOpenApiCommand } from './openapi.ts';
import { makeServeCommand } from './serve.ts';
import { makeSessionCommand } from './session.ts';
import { makeExportCommand, makeImportCommand } from './transfer.ts';
import { makeVerifyCommand } from './verify.ts';

const COMMANDS = [
  makeServeCommand,
  makeMigrateCommand,
  makeOpenCommand,
  makeSessionCommand,
  makeKeyCommand,
  makeAstationCommand,
  makeVerifyCommand,
  makeAuditCommand,
  makeExportCommand,
  makeImportCommand,
  makeOpenApiCommand,
];

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

/** The whole command line of the program. Its `parseAsync` throws what a command fails with. */
export function makeProgram(deps: CommandDeps, said: Said): Command {
  const program = new Command('vault-relay')
    .description('Append-only, versioned vaults of shared notes for coding agents that work toward one goal.')
    .version(deps.version);
  for (const make of COMMANDS) program.addCommand(make(deps));
  return tame(program, said);
}
