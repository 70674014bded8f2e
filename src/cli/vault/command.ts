import { Command } from 'commander';
import type { CommandDeps } from '../command.ts';
import { makeListCommand } from './list.ts';
import { makeHistoryCommand, makeReadCommand } from './read.ts';
import { makeSearchCommand } from './search.ts';
import { makeWatchCommand } from './watch.ts';
import { makeNewCommand, makeSetSummaryCommand, makeWriteCommand } from './write.ts';

/** `vault-relay vault …`: the vaults of a server, as a client of it. */
export const makeVaultCommand = (deps: CommandDeps): Command =>
  new Command('vault')
    .description('read and write the vaults of a server')
    .addCommand(makeNewCommand(deps))
    .addCommand(makeListCommand(deps))
    .addCommand(makeReadCommand(deps))
    .addCommand(makeWriteCommand(deps))
    .addCommand(makeSetSummaryCommand(deps))
    .addCommand(makeHistoryCommand(deps))
    .addCommand(makeSearchCommand(deps))
    .addCommand(makeWatchCommand(deps));
