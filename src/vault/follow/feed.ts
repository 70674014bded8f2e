/** A committed row. Every caller with access can read it. */
export interface CommittedWrite {
  workSessionId: string;
  vaultId: string;
  seq: number;
  kind: 'content' | 'summary';
}

/** Notifies listeners of committed writes. A listener never fails a write. */
export class VaultFeed {
  readonly #listeners = new Set<(write: CommittedWrite) => void>();

  /** @returns a function that removes the listener */
  listen(listener: (write: CommittedWrite) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Call after the commit, never inside the transaction. */
  written(write: CommittedWrite): void {
    for (const listener of this.#listeners) {
      try {
        listener(write);
      } catch {
        // The write is committed. A follower that missed the notification catches up by `since`.
      }
    }
  }
}
