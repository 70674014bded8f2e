import { hostname as ownHostname } from 'node:os';
import { Command, Option } from 'commander';
import { makeSessionId } from '../access/session-id.ts';
import { streamPages, withPrismaSnapshot } from '../db/connection.ts';
import type { AppendOnlyClient } from '../db/prisma.ts';
import { SessionStore } from '../session/store.ts';
import { formatAtemSessions, whereAtemLooks } from './atem.ts';
import type { CommandDeps } from './command.ts';
import { parseAstationId, parseHostname } from './options.ts';
import { parseCount } from './quantities.ts';
import { withConnectionToDatabase, withDatabase } from './with-database.ts';

interface CreateOptions {
  astation: string;
  hostname?: string;
  json?: true;
  atem?: true;
}

function makeCreateCommand({ setUp, out, hints }: CommandDeps): Command {
  return new Command('create')
    .description('create a session that is granted and bound to an Astation')
    .requiredOption('--astation <id>', 'the Astation whose work session it joins', parseAstationId)
    .option('--hostname <name>', 'name of the machine that uses it', parseHostname)
    .option('--json', 'print {"session_id": …}')
    .addOption(new Option('--atem', 'print the sessions.json of atem, ready to save').conflicts('json'))
    .action(async ({ astation, hostname = ownHostname(), json, atem }: CreateOptions) => {
      const { config, log } = await setUp();
      const sessionId = makeSessionId();
      await withDatabase(config, log, (db) =>
        new SessionStore(db).createGranted(sessionId, { hostname, astationId: astation }),
      );
      if (json) await out.json({ session_id: sessionId });
      else if (!atem) await out.line(`session_id: ${sessionId}`);
      else {
        await out.jsonText(formatAtemSessions({ sessionId, astation, hostname }));
        await out.flush();
        await hints.text(whereAtemLooks(process.platform, process.env));
      }
    });
}

/** A session as `--json` prints it; its id is not kept. */
export interface SessionRow {
  fingerprint: string;
  /** Of an agent, or of a person at the dashboard. */
  kind: 'session' | 'person';
  status: 'pending' | 'granted' | 'denied' | 'revoked' | 'expired';
  astation_id: string | null;
  hostname: string;
  /** Of a person; null: no name yet, or an agent. */
  person_id: string | null;
  name: string | null;
  created_at: string;
  last_used_at: string | null;
  expires_at: string;
}

const FINGERPRINT_DIGITS = 12;

/** Yields sessions in the order they were made, `limit` at most. @throws RelayError */
export async function* readSessions(
  { sessionState }: AppendOnlyClient,
  limit?: number,
): AsyncGenerator<SessionRow> {
  type State = Awaited<ReturnType<typeof sessionState.findFirstOrThrow>>;
  const behind = ({ createdAt, hash }: State) => ({
    OR: [{ createdAt: { gt: createdAt } }, { createdAt, hash: { gt: hash } }],
  });
  const states = streamPages<State>(
    (after, take) =>
      sessionState.findMany({
        where: after ? behind(after) : {},
        orderBy: [{ createdAt: 'asc' }, { hash: 'asc' }],
        take,
      }),
    limit,
  );
  for await (const { hash, kind, state, astationId, hostname, personId, personName, ...times } of states) {
    yield {
      fingerprint: hash.slice(0, FINGERPRINT_DIGITS),
      kind: kind as SessionRow['kind'],
      status: state as SessionRow['status'],
      astation_id: astationId,
      hostname,
      person_id: personId,
      name: personName,
      created_at: times.createdAt,
      last_used_at: times.lastUsedAt,
      expires_at: times.expiresAt,
    };
  }
}

const HEAD = ['FINGERPRINT', 'KIND', 'STATUS', 'ASTATION', 'HOSTNAME OR NAME', 'LAST USED', 'EXPIRES'];

async function* toCells(sessions: AsyncIterable<SessionRow>): AsyncGenerator<string[]> {
  for await (const session of sessions) {
    const { fingerprint, kind, status, astation_id, last_used_at, expires_at } = session;
    const whose = session.hostname || session.name || '-';
    yield [fingerprint, kind, status, astation_id ?? '-', whose, last_used_at ?? '-', expires_at];
  }
}

function makeListCommand({ setUp, out }: CommandDeps): Command {
  return new Command('list')
    .description(
      'list sessions of agents and people by fingerprint, oldest first; the server does not store their ids',
    )
    .option('--limit <n>', 'maximum number of sessions to print', parseCount)
    .option('--json', 'print one JSON array')
    .action(async ({ limit, json }: { limit?: number; json?: true }) => {
      const { config, log } = await setUp();
      await withConnectionToDatabase(config, log, (client) =>
        withPrismaSnapshot(client, async (prisma) => {
          const sessions = readSessions(prisma, limit);
          await (json ? out.jsonArray(sessions) : out.table(HEAD, toCells(sessions)));
        }),
      );
    });
}

function makeRevokeCommand({ setUp, out }: CommandDeps): Command {
  return new Command('revoke')
    .argument('<id>', 'its id or its fingerprint')
    .description('end a session of an agent or a person at once, by its id or its fingerprint')
    .action(async (id: string) => {
      const { config, log } = await setUp();
      await withDatabase(config, log, (db) => new SessionStore(db).revoke(id));
      await out.line('Revoked.');
    });
}

/** `vault-relay session create|list|revoke`. */
export const makeSessionCommand = (deps: CommandDeps): Command =>
  new Command('session')
    .description('create, list and revoke sessions')
    .addCommand(makeCreateCommand(deps))
    .addCommand(makeListCommand(deps))
    .addCommand(makeRevokeCommand(deps));
