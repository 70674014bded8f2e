import { Command, InvalidArgumentError } from 'commander';
import { SCOPES, type Scope } from '../access/credential.ts';
import type { Config } from '../config.ts';
import { type CreatedKey, DEFAULT_SCOPES, type KeyInfo, MAX_VAULTS } from '../keys/schema.ts';
import { KeyStore } from '../keys/store.ts';
import { storableName } from '../wire.ts';
import type { CommandDeps } from './command.ts';
import { parseAstationId, parseKeyName, parseLife } from './options.ts';
import { withDatabase } from './with-database.ts';

interface CreateOptions {
  astation: string;
  name: string;
  clientId: string;
  scope: Scope[];
  vault?: string[] | undefined;
  expires?: number;
  json?: true;
}

/** The command line is the operator's, like an operator's token. */
const BY_OPERATOR = { author: 'operator' };

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

/** What is wrong with options that depend on each other, or on the settings. */
function findProblem(
  { clientId, scope, vault }: Pick<CreateOptions, 'clientId' | 'scope' | 'vault'>,
  { limits }: Config,
): string | undefined {
  const { error } = storableName(limits.clientIdCharacters).safeParse(clientId);
  if (error) return `option '--client-id <id>' is invalid. It ${error.issues[0]?.message}.`;
  return vault && scope.some((each) => each === 'create' || each === 'admin')
    ? 'a key that is limited to vaults must not have the scope create or admin'
    : undefined;
}

/** Ready lines for the programs that use a key. */
function waysToUse({ key }: CreatedKey, { publicBaseUrl, port }: Config): string {
  const url = publicBaseUrl ?? `http://127.0.0.1:${port}`;
  return `
Keep it now: the server stores only its hash, and does not show it again.

With curl:
  curl -H 'Authorization: Bearer ${key}' '${url}/api/vault'

With the typed client:
  import { createVaultRelayClient } from 'vault-relay/client';
  const client = createVaultRelayClient({ url: '${url}', session: '${key}' });
`;
}

function makeCreateCommand({ setUp, out, hints }: CommandDeps): Command {
  return new Command('create')
    .description('create a key for a program, with a pinned client id')
    .requiredOption('--astation <id>', 'the Astation whose work session it belongs to', parseAstationId)
    .requiredOption('--name <name>', 'what the key is for, as lists show it', parseKeyName)
    .requiredOption('--client-id <id>', 'the client id of each call with the key')
    .option('--scope <list>', `${SCOPES.join(', ')}, with commas between them`, parseScopes, [
      ...DEFAULT_SCOPES,
    ])
    .option('--vault <id>', 'a vault that it is limited to; may be given several times', addVault)
    .option('--expires <time>', 'when it expires, such as 12h or 30d; never unless given', parseLife)
    .option('--json', 'print {"key": …, "id": …, "name": …}')
    .action(
      async ({ astation, name, clientId, scope, vault, expires, json }: CreateOptions, command: Command) => {
        const { config, log } = await setUp();
        const problem = findProblem({ clientId, scope, vault }, config);
        if (problem) command.error(`error: ${problem}`);
        const wanted = { workSessionId: astation, name, clientId, scopes: scope };
        const made = await withDatabase(config, log, (db) =>
          new KeyStore(db).create({ ...wanted, vaults: vault, expiresIn: expires }, BY_OPERATOR),
        );
        if (json) return out.json({ key: made.key, id: made.id, name: made.name });
        await out.line(`key: ${made.key}`);
        await hints.text(waysToUse(made, config));
      },
    );
}

/** Yields every key, in the order in which they were made. @throws RelayError */
async function* readKeys(store: KeyStore, workSessionId: string | undefined): AsyncGenerator<KeyInfo> {
  let cursor: string | undefined;
  do {
    const page = await store.list({ workSessionId, cursor });
    yield* page.keys;
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
}

const HEAD = ['ID', 'STATE', 'NAME', 'ASTATION', 'CLIENT ID', 'SCOPES', 'VAULTS', 'LAST USED', 'EXPIRES'];

async function* toCells(keys: AsyncIterable<KeyInfo>): AsyncGenerator<string[]> {
  for await (const key of keys) {
    const scopes = key.scopes.join(',');
    const vaults = key.vaults?.join(',') ?? 'all';
    const times = [key.last_used_at ?? '-', key.expires_at ?? '-'];
    yield [key.id, key.state, key.name, key.work_session_id, key.client_id, scopes, vaults, ...times];
  }
}

function makeListCommand({ setUp, out }: CommandDeps): Command {
  return new Command('list')
    .description('list keys by id, oldest first; the server does not store the keys themselves')
    .option('--astation <id>', 'only those of its work session', parseAstationId)
    .option('--json', 'print one JSON array')
    .action(async ({ astation, json }: { astation?: string; json?: true }) => {
      const { config, log } = await setUp();
      await withDatabase(config, log, async (db) => {
        const keys = readKeys(new KeyStore(db), astation);
        await (json ? out.jsonArray(keys) : out.table(HEAD, toCells(keys)));
      });
    });
}

function makeRevokeCommand({ setUp, out }: CommandDeps): Command {
  return new Command('revoke')
    .argument('<id>', 'its id, which is the second part of the key')
    .description('end a key at once, by its id')
    .action(async (id: string) => {
      const { config, log } = await setUp();
      await withDatabase(config, log, (db) => new KeyStore(db).revoke(id, undefined, BY_OPERATOR));
      await out.line('Revoked.');
    });
}

/** `vault-relay key create|list|revoke`. */
export const makeKeyCommand = (deps: CommandDeps): Command =>
  new Command('key')
    .description('create, list and revoke keys of programs')
    .addCommand(makeCreateCommand(deps))
    .addCommand(makeListCommand(deps))
    .addCommand(makeRevokeCommand(deps));
