import type { Caller } from '../access/policy.ts';
import type { CommittedWrite } from '../vault/follow/feed.ts';
import type { Present, Via } from './schema.ts';

/** How long a client without an open stream counts as present. */
const PRESENT_MS = 300_000;
/** Between two notes of a client that calls all the time. */
const NOTED_MS = 1000;
/** The precision of the time of the last call, so that not each call changes what is shown. */
const SHOWN_MS = 10_000;
/** Work sessions, and clients of one work session, that are kept without an open stream: the last ones to call. */
const MAX_WORK_SESSIONS = 500;
const MAX_CLIENTS = 100;

/** A client, as it calls by one way or several. */
interface Client {
  clientId: string;
  author: string | undefined;
  via: Map<Via, number>;
  seenAt: number;
  /** Streams that are open. */
  open: number;
  wrote?: Required<Present>['wrote'] & { ms: number };
}

/** The clients of a work session, the last one to call last, and how many streams they have open. */
interface WorkSession {
  clients: Map<string, Client>;
  open: number;
}

/**
 * The clients of each work session that called this server in the last minutes, in memory alone. What they wrote comes from
 * the feed of committed writes, which has those of all servers.
 */
export class CallersHere {
  readonly #now: () => number;
  readonly #byWorkSession = new Map<string, WorkSession>();

  /** @param now in ms since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** A caller made a call. */
  called(caller: Caller, via: Via): void {
    const now = this.#now();
    const { client } = this.#find(caller, now);
    if (now - (client.via.get(via) ?? 0) < NOTED_MS) return;
    client.via.set(via, now);
    client.seenAt = now;
  }

  /** A stream of a caller is open. @returns a function that says that it ended */
  opened(caller: Caller): () => void {
    const { client, workSession } = this.#find(caller, this.#now(), 1);
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      client.open--;
      workSession.open--;
      client.seenAt = this.#now();
    };
  }

  /** A write was committed, by this server or another. */
  wrote({ workSessionId, vaultId, by }: CommittedWrite): void {
    if (!by) return;
    const now = this.#now();
    const { clientId, author, entryNo, version } = by;
    const { client } = this.#find({ workSessionId, clientId, author }, now);
    client.seenAt = now;
    const at = new Date(now).toISOString();
    client.wrote = { vault_id: vaultId, entry_no: entryNo, version, at, ms: now };
  }

  /** The clients of a work session, the last one to call first. */
  of(workSessionId: string): Present[] {
    const now = this.#now();
    return [...(this.#byWorkSession.get(workSessionId)?.clients.values() ?? [])]
      .filter((client) => isPresent(client, now))
      .toReversed()
      .map(({ clientId, author, via, seenAt, open, wrote }) => ({
        work_session_id: workSessionId,
        client_id: clientId,
        ...(author !== undefined && { author }),
        via: [...via].filter(([, at]) => open > 0 || now - at < PRESENT_MS).map(([way]) => way),
        connected: open > 0,
        seen_at: new Date(seenAt - (seenAt % SHOWN_MS)).toISOString(),
        ...(wrote && now - wrote.ms < PRESENT_MS && { wrote: shownOf(wrote) }),
      }));
  }

  /** Work sessions with clients: those with open streams last, and the last one to be called last. */
  workSessions(): string[] {
    const all = [...this.#byWorkSession];
    const idsOf = (connected: boolean) =>
      all.filter(([, { open }]) => open > 0 === connected).map(([id]) => id);
    return [...idsOf(false), ...idsOf(true)];
  }

  /**
   * Moves a client behind all others, so that the maps stay in order of the last call. Nobody with an open stream makes
   * room for others: the streams have limits themselves.
   * @param opens how many streams it opens
   */
  #find(
    { workSessionId, clientId, author }: Pick<Caller, 'workSessionId' | 'clientId' | 'author'>,
    now: number,
    opens = 0,
  ): { client: Client; workSession: WorkSession } {
    const workSession = this.#byWorkSession.get(workSessionId) ?? { clients: new Map(), open: 0 };
    const { clients } = workSession;
    const key = `${author ?? ''}\n${clientId}`;
    const known = clients.get(key);
    const client = known ?? { clientId, author, via: new Map(), seenAt: now, open: 0 };
    client.open += opens;
    workSession.open += opens;
    if (known && now - known.seenAt < NOTED_MS) return { client, workSession };
    clients.delete(key);
    clients.set(key, client);
    for (const [other, old] of clients) if (old !== client && !isPresent(old, now)) clients.delete(other);
    makeRoom(clients, MAX_CLIENTS);
    this.#byWorkSession.delete(workSessionId);
    this.#byWorkSession.set(workSessionId, workSession);
    makeRoom(this.#byWorkSession, MAX_WORK_SESSIONS);
    return { client, workSession };
  }
}

/** Deletes the oldest one without an open stream where there are too many. */
function makeRoom(map: Map<string, { open: number }>, most: number): void {
  if (map.size <= most) return;
  for (const [key, { open }] of map) {
    if (open > 0) continue;
    map.delete(key);
    return;
  }
}

const shownOf = ({ ms: _, ...wrote }: NonNullable<Client['wrote']>) => wrote;

const isPresent = ({ open, seenAt }: Client, now: number) => open > 0 || now - seenAt < PRESENT_MS;
