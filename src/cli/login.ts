import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { Command, InvalidArgumentError } from 'commander';
import type { CommandDeps } from './command.ts';
import { NOT_AN_ADDRESS, readAddress } from './remote/address.ts';
import { makeConnection } from './remote/connection.ts';
import { settingsFile, writeSettingsFile } from './remote/settings-file.ts';
import { withServer } from './remote/with-server.ts';

/** @returns an address @throws InvalidArgumentError */
function parseAddress(text: string): string {
  const address = readAddress(text);
  if (address === undefined) throw new InvalidArgumentError(`It ${NOT_AN_ADDRESS}.`);
  return address;
}

/** Asks on the terminal, and does not show what is typed. @returns the line */
async function ask({ stdin, hints }: CommandDeps): Promise<string> {
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin(), output, terminal: true });
  const given = new AbortController();
  lines.once('close', () => given.abort());
  // The terminal shows nothing that is typed from here on. The question comes before the hint, because nobody reads a line
  // that is typed earlier. Ctrl-C or Ctrl-D ends it without an answer.
  const answer = lines.question('', { signal: given.signal }).catch(() => '');
  await hints.line('Key or session id (it is not shown):');
  const line = await answer;
  lines.close();
  return line;
}

/** @returns the first line of the input */
async function readLine({ stdin }: CommandDeps): Promise<string> {
  for await (const line of createInterface({ input: stdin() })) return line;
  return '';
}

/** `vault-relay login`. */
export const makeLoginCommand = (deps: CommandDeps): Command =>
  new Command('login')
    .description('store the address of a server and a key for the commands of `vault`')
    .argument('<url>', 'the address of the server', parseAddress)
    .option('--key <key>', 'a key or the id of a session; by default it is asked for, or read from the input')
    .option('--client-id <id>', 'who you are, with a session; a key has a client id')
    .option('--json', 'print what the server says about you')
    .action(async (url: string, options: { key?: string; clientId?: string; json?: true }, self: Command) => {
      const key = options.key ?? (await (deps.stdin().isTTY ? ask(deps) : readLine(deps))).trim();
      if (key === '') self.error('error: missing the key: type it, pipe it in, or give it with --key <key>');
      const names = { url: 'The address', key: 'The key' };
      const connection = makeConnection({ url, key, clientId: options.clientId }, names);
      const who = await withServer({ env: {} }, connection, (client) => client.session.whoami.query());
      const file = settingsFile(deps.env);
      writeSettingsFile(file, connection);
      if (options.json) return deps.out.json(who);
      const { work_session_id: workSession, client_id: clientId } = who;
      await deps.out.line(
        workSession === null
          ? `You are an operator of ${url}.`
          : `You are ${clientId} in the work session ${workSession} of ${url}.`,
      );
      await deps.hints.line(`Stored in ${file}, readable for you alone.`);
    });
