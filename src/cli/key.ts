import { Command } from 'commander';
import type { KeyInfo } from '../keys/schema.ts';
import { KeyStore } from '../keys/store.ts';
import type { CommandDeps } from './command.ts';
import { BY_OPERATOR, makeKeyCreateCommand } from './key-create.ts';
import { parseAstationId } from './options.ts';
import { withDatabase } from './with-database.ts';

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
    .addCommand(makeKeyCreateCommand(deps))
    .addCommand(makeListCommand(deps))
    .addCommand(makeRevokeCommand(deps));
