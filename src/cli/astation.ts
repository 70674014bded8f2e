import { Command } from 'commander';
import { streamPages, withPrismaSnapshot } from '../db/connection.ts';
import type { AppendOnlyClient } from '../db/prisma.ts';
import { AstationStore } from '../session/astation-store.ts';
import type { CommandDeps } from './command.ts';
import { parseAstationId, parsePublicKey } from './options.ts';
import { parseCount } from './quantities.ts';
import { withConnectionToDatabase, withDatabase } from './with-database.ts';

/** An Astation as `--json` prints it. */
export interface AstationRow {
  astation_id: string;
  /** Null where an Astation is banned that registered none. */
  public_key: string | null;
  registered_at: string | null;
  /** Live sessions that are bound to it. */
  sessions: number;
  /** Since when the operator keeps it out. */
  banned_at: string | null;
}

/** Yields Astations by when they registered, those without a key last, `limit` at most. @throws RelayError */
export async function* readAstations(
  { astationState }: AppendOnlyClient,
  limit?: number,
): AsyncGenerator<AstationRow> {
  type State = Awaited<ReturnType<typeof astationState.findFirstOrThrow>>;
  const behind = ({ registeredAt, astationId }: State) =>
    registeredAt === null
      ? { registeredAt, astationId: { gt: astationId } }
      : {
          OR: [
            { registeredAt: { gt: registeredAt } },
            { registeredAt, astationId: { gt: astationId } },
            { registeredAt: null },
          ],
        };
  const states = streamPages<State>(
    (after, take) =>
      astationState.findMany({
        where: after ? behind(after) : {},
        orderBy: [{ registeredAt: { sort: 'asc', nulls: 'last' } }, { astationId: 'asc' }],
        take,
      }),
    limit,
  );
  for await (const { astationId, publicKey, registeredAt, bannedAt, sessions } of states) {
    yield {
      astation_id: astationId,
      public_key: publicKey,
      registered_at: registeredAt,
      banned_at: bannedAt,
      sessions,
    };
  }
}

const HEAD = ['ASTATION', 'SESSIONS', 'REGISTERED', 'BANNED', 'PUBLIC KEY'];

async function* toCells(astations: AsyncIterable<AstationRow>): AsyncGenerator<string[]> {
  for await (const { astation_id, sessions, registered_at, banned_at, public_key } of astations) {
    const key = public_key === null ? '-' : `${public_key.slice(0, 18)}…`;
    yield [astation_id, String(sessions), registered_at ?? '-', banned_at ?? '-', key];
  }
}

function makeListCommand({ setUp, out }: CommandDeps): Command {
  return new Command('list')
    .description('list Astations with a registered key, oldest first, and banned ones')
    .option('--limit <n>', 'maximum number of Astations to print', parseCount)
    .option('--json', 'print one JSON array')
    .action(async ({ limit, json }: { limit?: number; json?: true }) => {
      const { config, log } = await setUp();
      await withConnectionToDatabase(config, log, (client) =>
        withPrismaSnapshot(client, async (prisma) => {
          const astations = readAstations(prisma, limit);
          await (json ? out.jsonArray(astations) : out.table(HEAD, toCells(astations)));
        }),
      );
    });
}

function makeForgetCommand({ setUp, out }: CommandDeps): Command {
  return new Command('forget-key')
    .argument('<id>')
    .description(
      'forget the key of an Astation: close its connection, and register the next key that it proves',
    )
    .action(async (id: string) => {
      const { config, log } = await setUp();
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
    .description('register the key of an Astation, which admits it while enrolment is closed')
    .action(async (id: string, { publicKey }: { publicKey: string }) => {
      const { config, log } = await setUp();
      await withDatabase(config, log, (db) => new AstationStore(db).add(id, publicKey));
      await out.line('Added.');
    });
}

function makeBanCommand({ setUp, out }: CommandDeps): Command {
  return new Command('ban')
    .argument('<id>', 'the Astation', parseAstationId)
    .description('ban an Astation: end its sockets and sessions at once, on every server')
    .action(async (id: string) => {
      const { config, log } = await setUp();
      const banned = await withDatabase(config, log, (db) => new AstationStore(db).ban(id));
      await out.line(banned ? 'Banned.' : 'It is already banned.');
    });
}

function makeUnbanCommand({ setUp, out }: CommandDeps): Command {
  return new Command('unban')
    .argument('<id>', 'the Astation', parseAstationId)
    .description('end the ban of an Astation; its sessions work again')
    .action(async (id: string) => {
      const { config, log } = await setUp();
      await withDatabase(config, log, (db) => new AstationStore(db).unban(id));
      await out.line('No longer banned.');
    });
}

/** `vault-relay astation list|add|ban|unban|forget-key`. */
export const makeAstationCommand = (deps: CommandDeps): Command =>
  new Command('astation')
    .description('control which Astations have access: list, add, ban, unban, forget keys')
    .addCommand(makeListCommand(deps))
    .addCommand(makeAddCommand(deps))
    .addCommand(makeBanCommand(deps))
    .addCommand(makeUnbanCommand(deps))
    .addCommand(makeForgetCommand(deps));
