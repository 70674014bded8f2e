import { Command, InvalidArgumentError, Option } from 'commander';
import { SCOPES, type Scope } from '../access/credential.ts';
import type { Config } from '../config.ts';
import { type CreatedKey, DEFAULT_SCOPES, MAX_VAULTS } from '../keys/schema.ts';
import { KeyStore } from '../keys/store.ts';
import { KEY_VARIABLE, PROGRAMS, type Program, type Setup, setUp, suggestName } from '../setup/clients.ts';
import { storableName } from '../wire.ts';
import type { CommandDeps } from './command.ts';
import { baseOf } from './link.ts';
import { parseAstationId, parseKeyName, parseLife } from './options.ts';
import { withDatabase } from './with-database.ts';

interface CreateOptions {
  astation: string;
  for?: Program;
  name?: string;
  clientId?: string;
  scope?: Scope[];
  vault?: string[] | undefined;
  expires?: number;
  json?: true;
}

/** The command line is the operator's, like an operator's token. */
export const BY_OPERATOR = { author: 'operator' };

/** @returns scopes, each once @throws InvalidArgumentError */
function parseScopes(list: string): Scope[] {
  const named = [...new Set(list.split(','))];
  const isScope = (name: string): name is Scope => SCOPES.some((scope) => scope === name);
  if (named.every(isScope)) return named;
  throw new InvalidArgumentError(`It must be a list of ${SCOPES.join(', ')}, with commas between them.`);
}

/** @returns the vaults named so far and one more @throws InvalidArgumentError */
function addVault(vaultId: string, before: string[] = []): string[] {
  if (before.length === MAX_VAULTS)
    throw new InvalidArgumentError(`A key may be limited to ${MAX_VAULTS} vaults at most.`);
  return [...new Set([...before, vaultId])];
}

/** An agent that hands work over also creates vaults. A key that is limited to vaults cannot. */
const scopesFor = (agent: Program | undefined, vaults: string[] | undefined): readonly Scope[] =>
  agent && !vaults ? [...DEFAULT_SCOPES, 'create'] : DEFAULT_SCOPES;

/** The options with what an agent's key has unless it is given. */
function completeOptions(options: CreateOptions) {
  const suggested = options.for && suggestName(options.for);
  const { name = suggested, clientId = suggested, scope = scopesFor(options.for, options.vault) } = options;
  return { ...options, name, clientId, scope };
}

/** What is wrong with options that depend on each other, or on the settings. */
function findProblem(
  { name, clientId, scope, vault }: ReturnType<typeof completeOptions>,
  { limits }: Config,
): string | undefined {
  if (name === undefined) return `required option '--name <name>' not specified`;
  if (clientId === undefined) return `required option '--client-id <id>' not specified`;
  const { error } = storableName(limits.clientIdCharacters).safeParse(clientId);
  if (error) return `option '--client-id <id>' is invalid. It ${error.issues[0]?.message}.`;
  return vault && scope.some((each) => each === 'create' || each === 'admin')
    ? 'a key that is limited to vaults must not have the scope create or admin'
    : undefined;
}

const KEEP_IT = 'the server stores only its hash, and does not show it again';

/** Ready lines for the programs that use a key. */
function waysToUse({ key }: CreatedKey, url: string): string {
  return `
Keep it now: ${KEEP_IT}.

With curl:
  ${setUp('curl', { url, key }).text}

With the typed client:
  import { createVaultRelayClient } from 'vault-relay/client';
  const client = createVaultRelayClient({ url: '${url}', session: '${key}' });
`;
}

/** What to do with the text on stdout. */
function whatToDo({ file, keyFrom }: Setup, { key, id, name, client_id, scopes }: CreatedKey): string {
  const lines = [
    '',
    file === undefined
      ? 'Run this in a POSIX shell.'
      : `Save this as ${file}. If the file has servers already, add the entry to them.`,
    ...(keyFrom === 'environment' ? [`Start the client where ${KEY_VARIABLE} is set.`] : []),
    ...(keyFrom === 'question' ? [`The client asks for the key once: ${key}`] : []),
    `Key ${id}, name ${name}, client id ${client_id}, scopes ${scopes.join(',')}.`,
    `Keep the key secret: ${KEEP_IT}.`,
  ];
  return lines.join('\n');
}

/** `vault-relay key create`. */
export function makeKeyCreateCommand({ setUp: readSettings, out, hints }: CommandDeps): Command {
  return new Command('create')
    .description('create a key for a program, with a pinned client id')
    .requiredOption('--astation <id>', 'the Astation whose work session it belongs to', parseAstationId)
    .addOption(new Option('--for <client>', 'print what connects this client').choices(PROGRAMS))
    .option('--name <name>', 'what the key is for, as lists show it; suggested with --for', parseKeyName)
    .option('--client-id <id>', 'the client id of each call with the key; suggested with --for')
    .option(
      '--scope <list>',
      `${SCOPES.join(', ')}, with commas between them; ${DEFAULT_SCOPES} unless given, with --for also create`,
      parseScopes,
    )
    .option('--vault <id>', 'a vault that it is limited to; may be given several times', addVault)
    .option('--expires <time>', 'when it expires, such as 12h or 30d; never unless given', parseLife)
    .option('--json', 'print {"key": …, "id": …, "name": …}; with --for also "client_id" and "setup"')
    .action(async (given: CreateOptions, command: Command) => {
      const { config, log } = await readSettings();
      const options = completeOptions(given);
      const problem = findProblem(options, config);
      if (problem) command.error(`error: ${problem}`);
      const { astation: workSessionId, name = '', clientId = '', scope: scopes, vault: vaults } = options;
      const wanted = { workSessionId, name, clientId, scopes, vaults, expiresIn: options.expires };
      const made = await withDatabase(config, log, (db) => new KeyStore(db).create(wanted, BY_OPERATOR));
      const url = baseOf(config);
      const setup = options.for && setUp(options.for, { url, key: made.key });
      const { key, id, client_id } = made;
      if (options.json) return out.json({ key, id, name, ...(setup && { client_id, setup }) });
      if (!setup) {
        await out.line(`key: ${key}`);
        return hints.text(waysToUse(made, url));
      }
      await out.text(setup.text);
      await hints.text(whatToDo(setup, made));
    });
}
