import { type Connection, ConnectionError, makeConnection } from './connection.ts';
import { readSettingsFile, settingsFile } from './settings-file.ts';

/** The options that each command of a client has. */
export interface ConnectionFlags {
  url?: string | undefined;
  key?: string | undefined;
  clientId?: string | undefined;
}

/** Environment variables, by option. */
const VARIABLES = {
  url: 'VAULT_RELAY_URL',
  key: 'VAULT_RELAY_KEY',
  clientId: 'VAULT_RELAY_CLIENT_ID',
} as const;

type Setting = keyof typeof VARIABLES;

const MISSING =
  'Run `vault-relay login <url>`, or set VAULT_RELAY_URL and VAULT_RELAY_KEY, or give --url and --key.';

/**
 * Finds the server and the credential: options first, then the environment, then the file of `vault-relay login`. A `.env`
 * file is not read, because a folder of strangers could send the key elsewhere with it. For the same reason the key of the
 * file goes to the server of the file alone.
 * @throws ConnectionError that says what is missing or wrong
 */
export function resolveConnection(flags: ConnectionFlags, env: NodeJS.ProcessEnv): Connection {
  // An empty variable is unset.
  const given = (setting: Setting) => flags[setting] ?? (env[VARIABLES[setting]] || undefined);
  const nameOf = (setting: 'url' | 'key') =>
    flags[setting] === undefined ? VARIABLES[setting] : `--${setting}`;
  const names = { url: nameOf('url'), key: nameOf('key') };
  const [url, key, clientId] = [given('url'), given('key'), given('clientId')];
  if (url !== undefined && key !== undefined) return makeConnection({ url, key, clientId }, names);

  const file = settingsFile(env);
  const stored = readSettingsFile(file);
  if (!stored)
    throw new ConnectionError(`There is no ${url === undefined ? 'server' : 'key'} to use. ${MISSING}`);
  if (key !== undefined) return makeConnection({ url: stored.url, key, clientId }, names);
  const asked = url === undefined ? stored : makeConnection({ ...stored, url }, names);
  if (asked.url !== stored.url)
    throw new ConnectionError(
      `The key in ${file} belongs to ${stored.url}, not to ${asked.url}. Give a key with --key or VAULT_RELAY_KEY.`,
    );
  return { ...stored, clientId: clientId ?? stored.clientId };
}
