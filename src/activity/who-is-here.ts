import { isOperator, type Reader } from '../access/policy.ts';
import type { CallersHere } from './presence.ts';
import type { Presence, Present } from './schema.ts';

/** The relay room of a work session, as far as presence shows it. */
export interface RoomHere {
  /** Whether the Astation is connected. */
  astation: boolean;
  /** The connected atems, and the fingerprint of the session that each connected with, if it used one. */
  atems: { atemId: string; session: string | undefined }[];
}

interface HereDeps {
  callers: CallersHere;
  /** @throws RelayError `SERVICE_UNAVAILABLE` */
  roomOf(workSessionId: string): Promise<RoomHere | undefined>;
  /** Work sessions with sockets of this server. */
  rooms(): string[];
  /** Whether other servers have callers too. */
  hasReplicas: boolean;
}

/** How long an answer is shared by all who look at the same work session. */
const SHARED_MS = 2000;
/** Work sessions and clients that an operator sees, and sockets of one work session. */
const MAX_WORK_SESSIONS = 50;
const MAX_CLIENTS = 500;
const MAX_SOCKETS = 200;

/**
 * Makes the function that tells who is present. Relay sockets and writers are those of all servers, callers those of this
 * one. Nothing is read from or written to PostgreSQL.
 * @returns null for a caller who is limited to some vaults, because others work outside of them
 */
export function makePresence(deps: HereDeps): (reader: Reader) => Promise<Presence | null> {
  const known = new Map<string, { until: number; presence: Promise<Presence> }>();
  const look = async (workSessionIds: string[]): Promise<Presence> => {
    const found = await Promise.all(workSessionIds.map((id) => inWorkSession(deps, id)));
    return {
      servers: deps.hasReplicas ? 'this' : 'all',
      astations: found.flatMap(({ id, astation }) => (astation ? [id] : [])),
      clients: found.flatMap(({ clients }) => clients).slice(0, MAX_CLIENTS),
    };
  };
  return async (reader) => {
    if (!isOperator(reader) && reader.vaults) return null;
    const key = isOperator(reader) ? 'operators' : `of ${reader.workSessionId}`;
    const now = performance.now();
    for (const [old, { until }] of known) if (until <= now) known.delete(old);
    const shared = known.get(key);
    if (shared) return shared.presence;
    const presence = look(isOperator(reader) ? workSessionsOf(deps) : [reader.workSessionId]);
    known.set(key, { until: now + SHARED_MS, presence });
    return presence;
  };
}

const workSessionsOf = ({ callers, rooms }: HereDeps): string[] =>
  [...new Set([...callers.workSessions().toReversed(), ...rooms()])].slice(0, MAX_WORK_SESSIONS);

async function inWorkSession({ callers, roomOf }: HereDeps, id: string) {
  const called = callers.of(id);
  // Without the rooms, the callers are still true.
  const room = await roomOf(id).catch(() => undefined);
  const rest = new Map(called.map((client) => [keyOf(client), client]));
  const connected = (room?.atems ?? []).slice(0, MAX_SOCKETS).map(({ atemId, session }): Present => {
    const socket: Present = {
      work_session_id: id,
      client_id: atemId,
      ...(session !== undefined && { author: `session:${session}` }),
      via: [],
      connected: true,
    };
    const client = rest.get(keyOf(socket)) ?? socket;
    rest.delete(keyOf(socket));
    return { ...client, via: ['socket', ...client.via], connected: true };
  });
  return { id, astation: room?.astation ?? false, clients: [...connected, ...rest.values()] };
}

const keyOf = ({ client_id, author = '' }: Present): string => `${author}\n${client_id}`;
