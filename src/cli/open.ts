import { Command, Option } from 'commander';
import { PeopleStore } from '../people/store.ts';
import { openBrowser } from './browser.ts';
import type { CommandDeps } from './command.ts';
import { baseOf, linkOf } from './link.ts';
import { parseAstationId, parsePersonName } from './options.ts';
import { withDatabase } from './with-database.ts';

interface OpenOptions {
  workSession?: string;
  operator?: true;
  name?: string;
  json?: true;
}

/** `vault-relay open`: a link that signs one person in at the dashboard. */
export const makeOpenCommand = ({ setUp, out, hints }: CommandDeps): Command =>
  new Command('open')
    .description('print a link that signs one person in at the dashboard, once, within 10 minutes')
    .option('--work-session <id>', 'as a member of this work session', parseAstationId)
    .addOption(
      new Option('--operator', 'as an operator, who administers the server (default)').conflicts(
        'workSession',
      ),
    )
    .option('--name <name>', 'the name of the person; asked at the dashboard if left out', parsePersonName)
    .option('--json', 'print {"link": …}')
    .action(async ({ workSession, name, json }: OpenOptions) => {
      const { config, log } = await setUp();
      const code = await withDatabase(config, log, (db) =>
        new PeopleStore(db).invite({ workSessionId: workSession, name }),
      );
      const link = linkOf(baseOf(config), code);
      if (json) return out.json({ link });
      await out.line(link);
      await out.flush();
      const role = workSession === undefined ? 'an operator' : `a member of ${workSession}`;
      await hints.text(`It signs one person in as ${role}, once, within 10 minutes.\n`);
      if (out.isTerminal) openBrowser(link);
    });
