import { Command } from 'commander';
import { streamRows, withSnapshot } from '../db/connection.ts';
import { AstationStore } from '../session/astation-store.ts';
import type { CommandDeps } from './command.ts';
import { parseAstationId, parseCount, parsePublicKey } from './options.ts';
import { withConnectionToDatabase, withDatabase } from './with-database.ts';

/** An Astation as `--json` prints it. */
interface AstationRow {
  astation_id: string;
  /** Null where an Astation is banned that registered none. */
  public_key: string | null;
  registered_at: string | null;
  /** Live sessions that are bound to it. */
  sessions: number;
  /** Since when the operator keeps it out. */
  banned_at: string | null;
}

/** `$1` how many; null: all. */
const ASTATIONS = `
  SELECT astation_id, a.public_key, wire_time(a.registered_at) AS registered_at, wire_time(b.banned_at) AS banned_at,
    (SELECT count(*)::int FROM sessions AS s
     WHERE s.astation_id = astation_id AND s.status = 'granted' AND s.expires_at > now()) AS sessions
  FROM astations AS a FULL JOIN astation_bans AS b USING (astation_id)
  ORDER BY a.registered_at, astation_id COLLATE "C" LIMIT $1`;

const HEAD = ['ASTATION', 'SESSIONS', 'REGISTERED', 'BANNED', 'PUBLIC KEY'];

async function* toCells(astations: AsyncIterable<AstationRow>): AsyncGenerator<string[]> {
  for await (const { astation_id, sessions, registered_at, banned_at, public_key } of astations) {
    const key = public_key === null ? '-' : `${public_key.slice(0, 18)}…`;
    yield [astation_id, String(sessions), registered_at ?? '-', banned_at ?? '-', key];
  }
}

function makeListCommand({ setUp, out }: CommandDeps): Command {
  return new Command('list')
    .description('list the Astations whose key is registered, oldest first, and those that are banned')
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

function makeAddCommand({ setUp, out }: CommandDeps): Command {
  return new Command('add')
    .argument('<id>', 'the Astation', parseAstationId)
    .requiredOption(
      '--public-key <hex>',
      'its P-256 key in X9.63 form, 130 hexadecimal digits',
      parsePublicKey,
    )
    .description('register the key of an Astation, so that it may come where enrolment is closed')
    .action(async (id: string, { publicKey }: { publicKey: string }) => {
      const { config, log } = setUp();
      await withDatabase(config, log, (db) => new AstationStore(db).add(id, publicKey));
      await out.line('Added.');
    });
}

function makeBanCommand({ setUp, out }: CommandDeps): Command {
  return new Command('ban')
    .argument('<id>', 'the Astation', parseAstationId)
    .description('keep an Astation out: its sockets and sessions end at once, on every server')
    .action(async (id: string) => {
      const { config, log } = setUp();
      const banned = await withDatabase(config, log, (db) => new AstationStore(db).ban(id));
      await out.line(banned ? 'Banned.' : 'It was banned already.');
    });
}

function makeUnbanCommand({ setUp, out }: CommandDeps): Command {
  return new Command('unban')
    .argument('<id>', 'the Astation', parseAstationId)
    .description('let a banned Astation in again; its sessions act again')
    .action(async (id: string) => {
      const { config, log } = setUp();
      await withDatabase(config, log, (db) => new AstationStore(db).unban(id));
      await out.line('No longer banned.');
    });
}

/** `vault-relay astation list|add|ban|unban|forget-key`. */
export const makeAstationCommand = (deps: CommandDeps): Command =>
  new Command('astation')
    .description('say which Astations may come: list, add, ban, unban, forget keys')
    .addCommand(makeListCommand(deps))
    .addCommand(makeAddCommand(deps))
    .addCommand(makeBanCommand(deps))
    .addCommand(makeUnbanCommand(deps))
    .addCommand(makeForgetCommand(deps));
