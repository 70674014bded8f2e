import { Command } from 'commander';
import type { Entry, VaultRelayClient } from '../../client/index.ts';
import type { CommandDeps } from '../command.ts';
import { parseNumber } from '../quantities.ts';
import { followVault, headOf } from '../remote/follow.ts';
import type { ConnectionFlags } from '../remote/settings.ts';
import { withConnectionOptions, withServer } from '../remote/with-server.ts';
import { requireVault, withVault } from './arguments.ts';
import { printRow } from './print.ts';
import { kindOption } from './read.ts';
import { runForRow } from './row-command.ts';
import { WatchState } from './watch-state.ts';

interface WatchOptions extends ConnectionFlags {
  since?: number;
  kind?: 'content' | 'summary' | 'all';
  others?: true;
  state?: string;
  exec?: string;
  json?: true;
}

/** Runs work until it ends or the process is told to stop, which aborts the signal. */
async function untilStopped(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  // A second signal ends the process at once.
  for (const name of names) process.once(name, onSignal);
  try {
    await work(stop.signal);
  } finally {
    for (const name of names) process.off(name, onSignal);
  }
}

/** @returns what is done with each row: it runs the command, or prints the row */
function makeTake(
  { out, hints, env }: CommandDeps,
  { exec, json, vaultId, signal }: WatchOptions & { vaultId: string; signal: AbortSignal },
): (row: Entry) => Promise<void> {
  if (exec !== undefined) {
    return async (row) => {
      const problem = await runForRow(row, { command: exec, vaultId, env, signal });
      if (problem === undefined || signal.aborted) return;
      await hints
        .line(`vault-relay: The command for e${row.entry_no} v${row.version} (seq ${row.seq}) ${problem}.`)
        .catch(() => {}); // stderr is closed, so nobody reads it
    };
  }
  return async (row) => {
    await (json ? out.json(row) : printRow(out, row));
    await out.flush();
  };
}

/** @returns the client id whose rows are left out */
const ownName = async (client: VaultRelayClient, { others }: WatchOptions) =>
  others ? (await client.session.whoami.query()).client_id : undefined;

async function watch(deps: CommandDeps, vaultId: string, options: WatchOptions): Promise<void> {
  const { hints } = deps;
  await withServer(deps, options, (client, { url }) =>
    untilStopped(async (signal) => {
      const state = options.state === undefined ? undefined : new WatchState(options.state, vaultId);
      const saved = state?.load();
      const own = await ownName(client, options);
      // Asked in any case, so that a wrong address or a refused key ends the command at once.
      const head = await headOf(client, vaultId);
      const since = saved ?? options.since ?? head;
      state?.save(since);
      const take = makeTake(deps, { ...options, vaultId, signal });
      const onOutage = (error: Error | undefined) =>
        void hints
          .line(`vault-relay: ${error ? `${error.message} Trying again.` : 'Connected again.'}`)
          .catch(() => {}); // stderr is closed, so nobody reads it
      const rows = followVault(client, { vaultId, since, kind: options.kind }, { url, signal, onOutage });
      for await (const row of rows) {
        if (row.writer_id !== own) await take(row);
        // A command that the stop has ended runs again at the next start.
        if (!signal.aborted) state?.save(row.seq);
      }
    }),
  );
}

/** `vault-relay vault watch`. */
export function makeWatchCommand(deps: CommandDeps): Command {
  const command = new Command('watch')
    .description('print the rows of a vault as they are written, until stopped')
    .option('--since <seq>', 'begin with the rows of a greater seq; default: with the next row', parseNumber)
    .addOption(kindOption())
    .option('--others', 'leave out rows of your own client id')
    .option('--exec <command>', 'run this command for each row, with the row as JSON on its input')
    .option('--state <path>', 'a file that keeps the place, so that the next watch misses no row')
    .option('--json', 'print one JSON object a line')
    .action((place: string | undefined, options: WatchOptions, self: Command) => {
      if (options.exec !== undefined && options.json)
        self.error("error: '--exec' and '--json' exclude each other");
      return watch(deps, requireVault(self, place), options);
    });
  return withConnectionOptions(withVault(command));
}
