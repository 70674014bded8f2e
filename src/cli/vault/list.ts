import { Command } from 'commander';
import type { VaultRelayClient } from '../../client/index.ts';
import type { CommandDeps } from '../command.ts';
import { parseCount } from '../quantities.ts';
import type { ConnectionFlags } from '../remote/settings.ts';
import { withConnectionOptions, withServer } from '../remote/with-server.ts';
import { pages } from './pages.ts';
import { onOneLine } from './print.ts';

interface ListOptions extends ConnectionFlags {
  q?: string;
  writer?: string;
  tag?: string;
  limit?: number;
  json?: true;
}

/** `vault-relay vault list`. */
export function makeListCommand(deps: CommandDeps): Command {
  const { out } = deps;
  const command = new Command('list')
    .description('list the vaults that you can read, oldest first')
    .option('--q <text>', 'only those whose summary or current entries hold this text, in any case')
    .option('--writer <id>', 'only those that this client wrote into')
    .option('--tag <tag>', 'only those with a current entry of this tag')
    .option('--limit <n>', 'at most this many', parseCount)
    .option('--json', 'print one JSON array')
    .action(({ q, writer, tag, limit, json, ...flags }: ListOptions) =>
      withServer(deps, flags, async (client) => {
        const vaults = listVaults(client, { q, writer, tag }, limit);
        await (json ? out.jsonArray(vaults) : out.table(['VAULT', 'SUMMARY'], toCells(vaults)));
      }),
    );
  return withConnectionOptions(command);
}

type Filter = { [field in 'q' | 'writer' | 'tag']: string | undefined };

const listVaults = (client: VaultRelayClient, filter: Filter, limit: number | undefined) =>
  pages(limit, async (page) => {
    const { vaults, next_cursor } = await client.vault.listPage.query({ ...filter, ...page });
    return { items: vaults, next: next_cursor };
  });

async function* toCells(
  vaults: AsyncIterable<{ vault_id: string; summary: string }>,
): AsyncGenerator<string[]> {
  for await (const { vault_id, summary } of vaults) yield [vault_id, onOneLine(summary)];
}
