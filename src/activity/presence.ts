import type { Caller } from '../access/policy.ts';
import type { CommittedWrite } from '../vault/follow/feed.ts';
import type { Present, Via } from './schema.ts';

/** How long a client without an open stream counts as present. */
const PRESENT_MS = 300_000;
/** Between two notes of a client that calls all the time. */
const NOTED_MS = 1000;
/** The precision of the time of the last call, so that not each call changes what is shown. */
const SHOWN_MS = 10_000;
const MAX_WORK_SESSIONS = 500;
/** Clients of one work session, the last ones. */
const MAX_CLIENTS = 100;

/** A client, as it calls by one way or several. */
interface Client {
  clientId: string;
  author: string | undefined;
  via: Map<Via, number>;
  seenAt: number;
  /** Streams that are open. */
  open: number;
  wrote?: Required<Present>['wrote'];
}

/**
 * The clients of each work session that called this server in the last minutes, in memory alone. What they wrote comes from
 * the feed of committed writes, which has those of all servers.
 */
export class CallersHere {
  readonly #now: () => number;
  readonly #byWorkSession = new Map<string, Map<string, Client>>();

  /** @param now in ms since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** A caller made a call. */
  called(caller: Caller, via: Via): void {
    const now = this.#now();
    const client = this.#find(caller, now);
    if (now - (client.via.get(via) ?? 0) < NOTED_MS) return;
    client.via.set(via, now);
    client.seenAt = now;
  }

  /** A stream of a caller is open. @returns a function that says that it ended */
  opened(caller: Caller): () => void {
    const client = this.#find(caller, this.#now());
    client.open++;
    let open = true;
    return () => {
      if (open) client.open--;
      open = false;
      client.seenAt = this.#now();
    };
  }

  /** A write was committed, by this server or another. */
  wrote({ workSessionId, vaultId, by }: CommittedWrite): void {
    if (!by) return;
    const now = this.#now();
    const { clientId, author, entryNo, version } = by;
    const client = this.#find({ workSessionId, clientId, author }, now);
    client.seenAt = now;
    const at = new Date(now).toISOString();
    client.wrote = { vault_id: vaultId, entry_no: entryNo, version, at };
  }

  /** The clients of a work session, the last one to call first. */
  of(workSessionId: string): Present[] {
    const now = this.#now();
    return [...(this.#byWorkSession.get(workSessionId)?.values() ?? [])]
      .filter((client) => isPresent(client, now))
      .toReversed()
      .map(({ clientId, author, via, seenAt, open, wrote }) => ({
        work_session_id: workSessionId,
        client_id: clientId,
        ...(author !== undefined && { author }),
        via: [...via].filter(([, at]) => open > 0 || now - at < PRESENT_MS).map(([way]) => way),
        connected: open > 0,
        seen_at: new Date(seenAt - (seenAt % SHOWN_MS)).toISOString(),
        ...(wrote && { wrote }),
      }));
  }

  /** Work sessions with clients, the last one to be called last. */
  workSessions(): string[] {
    return [...this.#byWorkSession.keys()];
  }

  /** @returns the client, moved behind all others. The maps stay in order of the last call. */
  #find(
    { workSessionId, clientId, author }: Pick<Caller, 'workSessionId' | 'clientId' | 'author'>,
    now: number,
  ): Client {
    const clients = this.#byWorkSession.get(workSessionId) ?? new Map<string, Client>();
    const key = `${author ?? ''}\n${clientId}`;
    const client = clients.get(key) ?? { clientId, author, via: new Map(), seenAt: now, open: 0 };
    if (clients.size > 0 && now - client.seenAt < NOTED_MS && clients.has(key)) return client;
    clients.delete(key);
    clients.set(key, client);
    for (const [other, old] of clients) {
      if (clients.size <= MAX_CLIENTS && isPresent(old, now)) break;
      clients.delete(other);
    }
    this.#byWorkSession.delete(workSessionId);
    this.#byWorkSession.set(workSessionId, clients);
    const [oldest] = this.#byWorkSession.keys();
    if (this.#byWorkSession.size > MAX_WORK_SESSIONS && oldest !== undefined)
      this.#byWorkSession.delete(oldest);
    return client;
  }
}

const isPresent = ({ open, seenAt }: Client, now: number) => open > 0 || now - seenAt < PRESENT_MS;
