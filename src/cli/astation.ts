import { Command } from 'commander';
import { streamRows, withSnapshot } from '../db/connection.ts';
import { AstationStore } from '../session/astation-store.ts';
import type { CommandDeps } from './command.ts';
import { parseCount } from './options.ts';
import { withConnectionToDatabase, withDatabase } from './with-database.ts';

/** An Astation as `--json` prints it. */
interface AstationRow {
  astation_id: string;
  public_key: string;
  registered_at: string;
  /** Live sessions that are bound to it. */
  sessions: number;
}

/** `$1` how many; null: all. */
const ASTATIONS = `
  SELECT a.astation_id, a.public_key, wire_time(a.registered_at) AS registered_at,
    (SELECT count(*)::int FROM sessions AS s
     WHERE s.astation_id = a.astation_id AND s.status = 'granted' AND s.expires_at > now()) AS sessions
  FROM astations AS a ORDER BY a.registered_at, a.astation_id LIMIT $1`;

const HEAD = ['ASTATION', 'SESSIONS', 'REGISTERED', 'PUBLIC KEY'];

async function* toCells(astations: AsyncIterable<AstationRow>): AsyncGenerator<string[]> {
  for await (const { astation_id, sessions, registered_at, public_key } of astations) {
    yield [astation_id, String(sessions), registered_at ?? '-', `${public_key.slice(0, 18)}…`];
  }
}

function makeListCommand({ setUp, out }: CommandDeps): Command {
  return new Command('list')
    .description('list the Astations whose key is registered, oldest first')
    .option('--limit <n>', 'print at most so many', parseCount)
    .option('--json', 'print one JSON array')
    .action(async ({ limit, json }: { limit?: number; json?: true }) => {
      const { config, log } = setUp();
      await withConnectionToDatabase(config, log, (client) =>
        withSnapshot(client, async () => {
          const astations = streamRows<AstationRow>(client, ASTATIONS, [limit ?? null]);
          await (json ? out.jsonArray(astations) : out.table(HEAD, toCells(astations)));
        }),
      );
    });
}

function makeForgetCommand({ setUp, out }: CommandDeps): Command {
  return new Command('forget-key')
    .argument('<id>')
    .description(
      'forget the key of an Astation: its connection is closed, the next key it proves is registered',
    )
    .action(async (id: string) => {
      const { config, log } = setUp();
      await withDatabase(config, log, (db) => new AstationStore(db).forget(id));
      await out.line('Forgotten.');
    });
}

/** `vault-relay astation list|forget-key`. */
export const makeAstationCommand = (deps: CommandDeps): Command =>
  new Command('astation')
    .description('list Astations and forget their keys')
    .addCommand(makeListCommand(deps))
    .addCommand(makeForgetCommand(deps));
