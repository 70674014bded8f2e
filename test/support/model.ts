/**
 * The contract of the vaults in its plainest form: lists in memory, one call at a time, no SQL. Ids and
 * seqs are the server's to choose; the model is told them.
 */
export interface ModelCaller {
  workSession: string;
  clientId: string;
}

export interface ModelEntry {
  seq: number;
  entry_no: number;
  version: number;
  kind: 'content';
  writer_id: string;
  content: string;
}

interface ModelVault {
  vault_id: string;
  summary: string;
  workSession: string;
  writers: Set<string>;
  entries: ModelEntry[];
}

/** What a call must come to: 200 with a value, or a refusal. */
export type Outcome<T> = { status: 200; value: T } | { status: 403 | 404 };

const ok = <T>(value: T): Outcome<T> => ({ status: 200, value });

export class ModelVaults {
  readonly vaults: ModelVault[] = [];

  create({ workSession }: ModelCaller, vault_id: string, summary: string): void {
    this.vaults.push({ vault_id, summary, workSession, writers: new Set(), entries: [] });
  }

  list(caller: ModelCaller) {
    const readable = this.vaults.filter((vault) => this.#canRead(vault, caller));
    return ok(readable.map(({ vault_id, summary }) => ({ vault_id, summary })));
  }

  read(caller: ModelCaller, vaultId: string, { since = 0, history = false }): Outcome<ModelEntry[]> {
    return this.#with(vaultId, caller, this.#canRead, ({ entries }) => {
      const isTop = (one: ModelEntry) =>
        entries.every((other) => other.entry_no !== one.entry_no || other.version <= one.version);
      const view = history ? entries : entries.filter(isTop).sort((a, b) => a.entry_no - b.entry_no);
      return ok(view.filter((entry) => entry.seq > since));
    });
  }

  /** @returns the row that was written; its seq is 0 until the server's is filled in */
  append(caller: ModelCaller, vaultId: string, content: string): Outcome<ModelEntry> {
    return this.#with(vaultId, caller, this.#canWrite, (vault) => {
      const highest = Math.max(0, ...vault.entries.map((entry) => entry.entry_no));
      return this.#write(caller, vault, { entry_no: highest + 1, version: 1, content });
    });
  }

  override(caller: ModelCaller, vaultId: string, entry_no: number, content: string): Outcome<ModelEntry> {
    return this.#with(vaultId, caller, this.#canWrite, (vault) => {
      const versions = vault.entries.filter((e) => e.entry_no === entry_no).map((e) => e.version);
      if (versions.length === 0) return { status: 404 };
      return this.#write(caller, vault, { entry_no, version: Math.max(...versions) + 1, content });
    });
  }

  setSummary(caller: ModelCaller, vaultId: string, summary: string): Outcome<Record<string, never>> {
    return this.#with(vaultId, caller, this.#canRead, (vault) => {
      vault.summary = summary;
      return ok({});
    });
  }

  #write(
    caller: ModelCaller,
    vault: ModelVault,
    row: Pick<ModelEntry, 'entry_no' | 'version' | 'content'>,
  ): Outcome<ModelEntry> {
    vault.writers.add(caller.clientId);
    const entry: ModelEntry = { ...row, seq: 0, kind: 'content', writer_id: caller.clientId };
    vault.entries.push(entry);
    return ok(entry);
  }

  #canWrite = (vault: ModelVault, caller: ModelCaller) => vault.workSession === caller.workSession;
  #canRead = (vault: ModelVault, caller: ModelCaller) =>
    this.#canWrite(vault, caller) || vault.writers.has(caller.clientId);

  #with<T>(
    vaultId: string,
    caller: ModelCaller,
    allowed: (vault: ModelVault, caller: ModelCaller) => boolean,
    work: (vault: ModelVault) => Outcome<T>,
  ): Outcome<T> {
    const vault = this.vaults.find(({ vault_id }) => vault_id === vaultId);
    if (!vault) return { status: 404 };
    return allowed(vault, caller) ? work(vault) : { status: 403 };
  }
}
