import { Command, InvalidArgumentError } from 'commander';
import type { CommandDeps } from './command.ts';
import type { ConnectionFlags } from './remote/settings.ts';
import { withConnectionOptions, withServer } from './remote/with-server.ts';

interface ChannelOptions extends ConnectionFlags {
  vault: string[];
}

/** Each vault keeps a read waiting at the server. */
const MAX_VAULTS = 20;

function addVault(id: string, ids: string[]): string[] {
  const all = new Set([...ids, id]);
  if (all.size > MAX_VAULTS)
    throw new InvalidArgumentError(`A channel follows at most ${MAX_VAULTS} of them.`);
  return [...all];
}

/** `vault-relay channel`. */
export const makeChannelCommand = (deps: CommandDeps): Command =>
  withConnectionOptions(
    new Command('channel')
      .description('tell a session of Claude Code what other agents write (MCP on stdin and stdout)')
      .option(
        '--vault <id>',
        'a vault to follow; may be given several times; all unless given',
        addVault,
        [],
      ),
  ).action(({ vault, ...flags }: ChannelOptions) =>
    withServer(deps, flags, async (client, { url }) => {
      // Loads the protocol's server, for which no other command waits.
      const { runChannel } = await import('./channel/run.ts');
      await runChannel({ client, url, version: deps.version, vaultIds: vault });
    }),
  );
