import { Command } from 'commander';
import { bringUpToDate } from './bring-up-to-date.ts';
import type { CommandDeps } from './command.ts';
import { openDatabaseSourceForCommand } from './database-url.ts';

/** `vault-relay migrate`: beside `serve` the only command that makes or migrates a database. */
export const makeMigrateCommand = ({ setUp, out }: CommandDeps): Command =>
  new Command('migrate').description('migrate the database, without serving').action(async () => {
    const { config, log } = await setUp();
    const source = await openDatabaseSourceForCommand(config, log, { create: true });
    try {
      const applied = await bringUpToDate(source.url, log);
      await out.line(applied.length > 0 ? `Applied ${applied.join(', ')}.` : 'Nothing to apply.');
    } finally {
      await source.release();
    }
  });
