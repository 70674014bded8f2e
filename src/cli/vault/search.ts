import type { inferRouterInputs, inferRouterOutputs } from '@trpc/server';
import { Command, Option } from 'commander';
import type { AppRouter, VaultRelayClient } from '../../client/index.ts';
import type { CommandDeps } from '../command.ts';
import { parseCount, parseMoment } from '../quantities.ts';
import type { ConnectionFlags } from '../remote/settings.ts';
import { withConnectionOptions, withServer } from '../remote/with-server.ts';
import { headingOf } from './print.ts';

type Wanted = inferRouterInputs<AppRouter>['search'];
type Found = inferRouterOutputs<AppRouter>['search'];

interface SearchOptions
  extends ConnectionFlags,
    Pick<Wanted, 'writer' | 'author' | 'tag' | 'vault' | 'kind'> {
  history?: true;
  since?: string;
  until?: string;
  order?: 'newest' | 'best';
  limit: number;
  json?: true;
}

/** Commander would give the value of an earlier option as the time of the parser. */
const readMoment = (text: string) => parseMoment(text);

/** Hits of one call, at most. */
const PAGE = 100;

/** @returns hits of as many pages as it takes, as one */
async function find(client: VaultRelayClient, what: Wanted, limit: number): Promise<Found> {
  const found: Found = { hits: [], next_cursor: null };
  do {
    const cursor = found.next_cursor ?? undefined;
    const page = await client.search.query({
      ...what,
      cursor,
      limit: Math.min(PAGE, limit - found.hits.length),
    });
    found.hits.push(...page.hits);
    found.next_cursor = page.next_cursor;
  } while (found.next_cursor !== null && found.hits.length < limit);
  return found;
}

/** `vault-relay vault search`. */
export function makeSearchCommand(deps: CommandDeps): Command {
  const { out } = deps;
  const command = new Command('search')
    .description('find texts in all vaults of your work session')
    .argument('[words...]', 'what a text must hold: parts of words in any case, or a phrase in double quotes')
    .option('--writer <id>', 'only what this client wrote')
    .option('--author <author>', 'only what this proven author wrote')
    .option('--tag <tag>', 'only entries with this tag')
    .option('--vault <id>', 'only this vault')
    .addOption(new Option('--kind <kind>', 'only entries, or only summaries').choices(['content', 'summary']))
    .option('--history', 'also versions that are not current')
    .option(
      '--since <time>',
      'only what was written since this time, such as 2026-11-24T09:00:00Z or 2d',
      readMoment,
    )
    .option('--until <time>', 'only what was written before this time', readMoment)
    .addOption(new Option('--order <order>', 'newest first, or best first').choices(['newest', 'best']))
    .option('--limit <n>', 'at most this many hits', parseCount, 20)
    .option('--json', 'print one JSON object')
    .action((words: string[], options: SearchOptions) =>
      withServer(deps, options, async (client) => {
        const { writer, author, tag, vault, kind, history, since, until, order, limit, json } = options;
        const q = words.length > 0 ? words.join(' ') : undefined;
        const what = { q, writer, author, tag, vault, kind, history, since, until, order };
        const found = await find(client, what, limit);
        if (json) return out.json(found);
        for (const hit of found.hits) {
          const version = hit.current ? [] : ['(not current)'];
          await out.note([hit.vault_id, ...version, headingOf(hit)].join('  '), hit.snippet);
        }
      }),
    );
  return withConnectionOptions(command);
}
