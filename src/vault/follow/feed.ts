/** A row that is committed: readable by everybody who may read. */
export interface CommittedWrite {
  workSessionId: string;
  vaultId: string;
  seq: number;
  kind: 'content' | 'summary';
}

/** Where stores tell of committed writes, and others hear of them. A listener never fails a write. */
export class VaultFeed {
  readonly #listeners = new Set<(write: CommittedWrite) => void>();

  /** @returns a function that ends the listening */
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
        // The write stands; whoever could not be told catches up by `since`.
      }
    }
  }
}
