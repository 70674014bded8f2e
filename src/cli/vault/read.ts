import { Command, Option } from 'commander';
import type { Entry, VaultRelayClient } from '../../client/index.ts';
import type { CommandDeps } from '../command.ts';
import { parseCount, parseNumber } from '../quantities.ts';
import type { ConnectionFlags } from '../remote/settings.ts';
import { withConnectionOptions, withServer } from '../remote/with-server.ts';
import { requireVault, withVault } from './arguments.ts';
import { pages } from './pages.ts';
import { type Format, onOneLine, printRows } from './print.ts';

interface ReadFlags {
  since?: number;
  entryId?: number;
  asOf?: number;
  q?: string;
  writer?: string;
  tag?: string;
  kind?: 'content' | 'summary' | 'all';
  limit?: number;
  history?: true;
}

interface ReadOptions extends ReadFlags, ConnectionFlags {
  vaultId?: string;
  format: Exclude<Format, 'json'>;
  json?: true;
}

/** @returns an option for the kind of rows */
export const kindOption = (): Option =>
  new Option('--kind <kind>', 'entries, versions of the summary, or both').choices([
    'content',
    'summary',
    'all',
  ]);

/** Adds the options of a read. */
const withReadOptions = (command: Command): Command =>
  withConnectionOptions(
    withVault(command)
      .option('--since <seq>', 'only rows with a greater seq', parseNumber)
      .option('--entry, --entry-id <number>', 'only this entry', parseNumber)
      .option('--as-of <seq>', 'the vault as it was when this was its newest row', parseNumber)
      .option('--q <text>', 'only rows with this text, in any case')
      .option('--writer <id>', 'only rows that this client wrote')
      .option('--tag <tag>', 'only rows with this tag')
      .addOption(kindOption())
      .option('--limit <n>', 'at most this many rows', parseCount)
      .addOption(
        new Option('--format <format>', 'human, or plain: texts alone, unchanged')
          .choices(['human', 'plain'])
          .default('human'),
      )
      .option('--json', 'print one JSON array'),
  );

/** Yields rows page by page. All pages show the vault at the time of the first. */
function readRows(client: VaultRelayClient, vault: string, flags: ReadFlags): AsyncGenerator<Entry> {
  const { since, entryId: entry_id, asOf: as_of, q, writer, tag, kind, history, limit } = flags;
  const what = { vault_id: vault, since, entry_id, as_of, q, writer, tag, kind, history };
  return pages(limit, async (page) => {
    const { entries, next_cursor } = await client.vault.readPage.query({ ...what, ...page });
    return { items: entries, next: next_cursor };
  });
}

/** Whether the answer is the vault as it is now, for a person. */
const showsSummary = ({ history, asOf, kind, format, json }: ReadOptions) =>
  !json && format === 'human' && !history && asOf === undefined && kind === undefined;

const makeAction =
  (deps: CommandDeps, always: Pick<ReadFlags, 'history'>) =>
  (place: string | undefined, given: ReadOptions, command: Command): Promise<void> => {
    const vault = requireVault(command, place);
    const options = { ...given, ...always };
    return withServer(deps, options, async (client) => {
      if (showsSummary(options)) {
        const { summary } = await client.vault.meta.query({ vault_id: vault });
        await deps.out.line(`summary: ${onOneLine(summary)}`);
      }
      await printRows(deps.out, readRows(client, vault, options), options.json ? 'json' : options.format);
    });
  };

/** `vault-relay vault read`. */
export const makeReadCommand = (deps: CommandDeps): Command =>
  withReadOptions(new Command('read').description('print the current entries of a vault'))
    .option('--history', 'every version, oldest first')
    .action(makeAction(deps, {}));

/** `vault-relay vault history`. */
export const makeHistoryCommand = (deps: CommandDeps): Command =>
  withReadOptions(
    new Command('history').description('print every version of the entries of a vault, oldest first'),
  ).action(makeAction(deps, { history: true }));
