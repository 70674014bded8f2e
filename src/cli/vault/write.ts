import { Command } from 'commander';
import { type CommandDeps, ExitCode } from '../command.ts';
import { parseCount, parseNumber } from '../quantities.ts';
import { RemoteError } from '../remote/failure.ts';
import type { ConnectionFlags } from '../remote/settings.ts';
import { withConnectionOptions, withServer } from '../remote/with-server.ts';
import { requireText, withText } from './arguments.ts';
import { printRow } from './print.ts';
import { warnOfSecrets } from './secrets.ts';

interface WriteOptions extends ConnectionFlags {
  expect?: number;
  idempotencyKey?: string;
  allowSecret?: string;
  json?: true;
}

interface EntryOptions extends WriteOptions {
  entryId?: number;
  tag?: string[];
}

/** The exit code of a write that found another version than it expected. */
const CONFLICT = 3;

const withWriteOptions = (command: Command): Command =>
  withConnectionOptions(
    command
      .option(
        '--idempotency-key <key>',
        'makes a repetition safe: with the same key, it writes nothing again',
      )
      .option(
        '--allow-secret <reason>',
        'why it may hold what looks like a secret, where the server refuses it',
      )
      .option('--json', 'print the answer as JSON'),
  );

/** Prints the current version for a conflict. @throws ExitCode for a conflict, and anything else as it is */
async function explainConflict(thrown: unknown, { out, hints }: CommandDeps, json: boolean): Promise<never> {
  if (!(thrown instanceof RemoteError && thrown.current)) throw thrown;
  await (json ? out.json(thrown.current) : printRow(out, thrown.current));
  await hints.line(`vault-relay: ${thrown.message}`);
  throw new ExitCode(CONFLICT);
}

/** The fields that every write takes. */
const fieldsOf = ({ idempotencyKey, allowSecret }: WriteOptions) => ({
  idempotency_key: idempotencyKey,
  allow_secret: allowSecret,
});

const collect = (tag: string, before: string[] = []) => [...before, tag];

/** `vault-relay vault new`. */
export function makeNewCommand(deps: CommandDeps): Command {
  const command = new Command('new')
    .description('create a vault in your work session, and print its id')
    .argument('[summary]', 'what it is for')
    .option('--summary <text>', 'the same, as atem spells it')
    .action(
      async (place: string | undefined, options: WriteOptions & { summary?: string }, self: Command) => {
        const { summary = place, json } = options;
        if (place !== undefined && place !== summary) self.error('error: the summary is given twice');
        const made = await withServer(deps, { ...options, writes: true }, (client) =>
          client.vault.create.mutate({ summary, ...fieldsOf(options) }),
        );
        await warnOfSecrets(deps.hints, made.secrets);
        await (json ? deps.out.json(made) : deps.out.line(made.vault_id));
      },
    );
  return withWriteOptions(command);
}

/** `vault-relay vault write`. */
export function makeWriteCommand(deps: CommandDeps): Command {
  const command = new Command('write')
    .description('append an entry, or write the next version of one')
    .option('--entry, --entry-id <number>', 'the entry to write the next version of', parseNumber)
    .option(
      '--expect <version>',
      'only if the entry is still at this version; otherwise exit code 3',
      parseCount,
    )
    .option('--tag <tag>', 'a search word of the entry; may be given several times', collect)
    .action(
      async (vault: string | undefined, text: string | undefined, options: EntryOptions, self: Command) => {
        const { entryId: entry_id, expect: expected_version, tag: tags, ...rest } = options;
        const { json = false } = rest;
        if (expected_version !== undefined && entry_id === undefined)
          self.error("error: option '--expect <version>' needs '--entry <number>'");
        const given = requireText(self, [vault, text], deps.stdin);
        const written = await withServer(deps, { ...options, writes: true }, async (client) => {
          const what = { vault_id: given.vault, text: await given.read(), tags, ...fieldsOf(rest) };
          return client.vault.write.mutate({ ...what, entry_id, expected_version });
        }).catch((thrown) => explainConflict(thrown, deps, json));
        await warnOfSecrets(deps.hints, written.secrets);
        const { entry_no, version, seq } = written;
        await (json ? deps.out.json(written) : deps.out.line(`Wrote e${entry_no} v${version} (seq ${seq})`));
      },
    );
  return withWriteOptions(withText(command));
}

/** `vault-relay vault set-summary`. */
export function makeSetSummaryCommand(deps: CommandDeps): Command {
  const command = new Command('set-summary')
    .description('replace the summary of a vault')
    .option(
      '--expect <version>',
      'only if the summary is still at this version; otherwise exit code 3',
      parseCount,
    )
    .action(
      async (vault: string | undefined, text: string | undefined, options: WriteOptions, self: Command) => {
        const { expect: expected_summary_version, json = false } = options;
        const given = requireText(self, [vault, text], deps.stdin);
        const done = await withServer(deps, { ...options, writes: true }, async (client) => {
          const what = { vault_id: given.vault, text: await given.read(), ...fieldsOf(options) };
          return client.vault.setSummary.mutate({ ...what, expected_summary_version });
        }).catch((thrown) => explainConflict(thrown, deps, json));
        await warnOfSecrets(deps.hints, done.secrets);
        await (json ? deps.out.json(done) : deps.out.line('Summary updated.'));
      },
    );
  return withWriteOptions(withText(command));
}
