import type { Command } from 'commander';
import type { VaultRelayClient } from '../../client/index.ts';
import type { CommandDeps } from '../command.ts';
import type { Connection } from './connection.ts';
import { explainRemote } from './failure.ts';
import { type ConnectionFlags, resolveConnection } from './settings.ts';

/** Longest time until an answer begins. Waiting reads take up to 25 s. */
const MS_TO_ANSWER = 40_000;

/** `fetch` that gives up on a server that has taken a request and does not answer. */
const boundedFetch: typeof fetch = async (input, init) => {
  const silence = new AbortController();
  const timer = setTimeout(
    () => silence.abort(new Error(`there was no answer within ${MS_TO_ANSWER / 1000} s`)),
    MS_TO_ANSWER,
  );
  const signals = [silence.signal, ...(init?.signal ? [init.signal] : [])];
  try {
    return await fetch(input, { ...init, signal: AbortSignal.any(signals) });
  } finally {
    clearTimeout(timer);
  }
};

/** @returns a client of the server; nothing is sent yet */
export async function makeClient({ url, key, clientId }: Connection): Promise<VaultRelayClient> {
  // Loads here, so that no other command waits for it.
  const { createVaultRelayClient } = await import('../../client/index.ts');
  return createVaultRelayClient({
    url,
    session: key,
    ...(clientId !== undefined && { clientId }),
    fetch: boundedFetch,
  });
}

/** Adds the options that name the server and the credential. */
export const withConnectionOptions = (command: Command): Command =>
  command
    .option('--url <url>', 'the server; default: VAULT_RELAY_URL, then the file of `vault-relay login`')
    .option('--key <key>', 'a key or the id of a session; default: VAULT_RELAY_KEY, then the same file')
    .option(
      '--client-id <id>',
      'who calls, with a session; default: VAULT_RELAY_CLIENT_ID, then the same file',
    );

/**
 * Runs a command's work with a client of the server that options, environment or file name. No database is opened.
 * @param flags the options of the command; `writes`: its calls change something
 * @throws ConnectionError without usable settings, and RemoteError for a call that fails
 */
export async function withServer<T>(
  { env }: Pick<CommandDeps, 'env'>,
  flags: ConnectionFlags & { writes?: boolean },
  work: (client: VaultRelayClient, connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = resolveConnection(flags, env);
  try {
    return await work(await makeClient(connection), connection);
  } catch (thrown) {
    throw explainRemote(thrown, { url: connection.url, writes: flags.writes ?? false });
  }
}
