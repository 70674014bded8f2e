/** The client of a committed row, and what it wrote. A server of an older version does not tell. */
export interface CommittedBy {
  clientId: string;
  author?: string | undefined;
  entryNo: number;
  version: number;
}

/** A committed row. Every caller with access can read it. */
export interface CommittedWrite {
  workSessionId: string;
  vaultId: string;
  seq: number;
  kind: 'content' | 'summary';
  by?: CommittedBy | undefined;
  /** Of its text. Only the server that wrote it tells. */
  bytes?: number | undefined;
}

/** A read from another work session, which the vault keeps. */
export interface OutsideReadNoted {
  /** Of the vault. */
  workSessionId: string;
  vaultId: string;
  /** Of the read. */
  id: number;
}

type Listener<Event> = (event: Event) => void;

/** Notifies listeners of committed writes and of reads from outside. A listener never fails what it hears of. */
export class VaultFeed {
  readonly #listeners = new Set<Listener<CommittedWrite>>();
  readonly #ofReads = new Set<Listener<OutsideReadNoted>>();

  /** @returns a function that removes the listener */
  listen(listener: Listener<CommittedWrite>): () => void {
    return add(this.#listeners, listener);
  }

  /** @returns a function that removes the listener */
  listenToReads(listener: Listener<OutsideReadNoted>): () => void {
    return add(this.#ofReads, listener);
  }

  /** Call after the commit, never inside the transaction. */
  written(write: CommittedWrite): void {
    notify(this.#listeners, write);
  }

  /** Call after the commit. */
  readOutside(read: OutsideReadNoted): void {
    notify(this.#ofReads, read);
  }
}

function add<Event>(listeners: Set<Listener<Event>>, listener: Listener<Event>): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function notify<Event>(listeners: ReadonlySet<Listener<Event>>, event: Event): void {
  for (const listener of listeners) {
    try {
      listener(event);
    } catch {
      // The write is committed. A follower that missed the notification catches up by `since`.
    }
  }
}
