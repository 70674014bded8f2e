import type { Database } from '../db/client.ts';
import { toSafeNumber } from '../db/numbers.ts';
import { forbidden, notFound } from '../errors.ts';
import type { VaultFeed } from './feed.ts';
import { type Caller, canRead, canSetSummary, canWrite, type VaultAccess } from './policy.ts';
import type { CreatedVault, VaultEntry, VaultListItem, WriteResult } from './schema.ts';
import {
  APPEND,
  CREATE,
  LIST,
  OVERRIDE,
  READ_ACCESS,
  READ_CURRENT,
  READ_CURRENT_SINCE,
  READ_HISTORY,
  SET_SUMMARY,
} from './sql.ts';
import { makeVaultId } from './vault-id.ts';

export interface ReadOptions {
  /** Only rows with a greater seq. */
  since?: number | undefined;
  /** Every version, by seq, instead of the highest of each entry, by entry number. */
  history?: boolean | undefined;
  /** Called when the reader comes from another work session, as a past writer. */
  onReadFromOutside?: () => void;
}

interface WriteRow {
  entry_no: number;
  version: number;
  seq: bigint;
}

interface EntryRow extends Omit<VaultEntry, 'seq'> {
  /** Null in the one row of a vault that has nothing to show. */
  seq: bigint | null;
  from_outside: boolean;
}

/** No entry reaches it: the number after it must fit the column too. */
const MAX_ENTRY_NO = 2_147_483_647;

/**
 * All vaults, for callers whose work session is proven. Each call is one statement that also decides
 * whether the caller may; only when that yields nothing does a second one find out why.
 *
 * @throws RelayError `NOT_FOUND`, `FORBIDDEN`, or `SERVICE_UNAVAILABLE` when the database is away
 */
export class VaultStore {
  readonly #db: Database;
  readonly #feed: VaultFeed;
  readonly #pastWriterReads: boolean;

  /** @param rules whether who wrote into a vault once may read it from another work session */
  constructor(
    db: Database,
    feed: VaultFeed,
    rules: { pastWriterReads: boolean } = { pastWriterReads: true },
  ) {
    this.#db = db;
    this.#feed = feed;
    this.#pastWriterReads = rules.pastWriterReads;
  }

  /** The client id as far as it opens vaults; null is in no writer list. */
  #readsAs({ clientId }: Caller): string | null {
    return this.#pastWriterReads ? clientId : null;
  }

  async create(caller: Caller, summary: string): Promise<CreatedVault> {
    for (;;) {
      const id = makeVaultId();
      const rows = await this.#db.write<CreatedVault>(
        CREATE,
        id,
        summary,
        caller.workSessionId,
        caller.clientId,
      );
      if (rows[0]) return rows[0];
      // No row: the id is taken, which one draw in 62^10 per vault is.
    }
  }

  /** Every vault the caller can read, oldest first. */
  async list(caller: Caller): Promise<VaultListItem[]> {
    return this.#db.rows<VaultListItem>(LIST, caller.workSessionId, this.#readsAs(caller));
  }

  async read(
    caller: Caller,
    vaultId: string,
    { since = 0, history = false, onReadFromOutside }: ReadOptions,
  ): Promise<VaultEntry[]> {
    const args = [vaultId, caller.workSessionId, this.#readsAs(caller)];
    const rows = history
      ? await this.#db.rows<EntryRow>(READ_HISTORY, ...args, since)
      : since > 0
        ? await this.#db.rows<EntryRow>(READ_CURRENT_SINCE, ...args, since)
        : await this.#db.rows<EntryRow>(READ_CURRENT, ...args);
    if (rows.length === 0) throw await this.#refusal(caller, vaultId, canRead);
    if (rows[0]?.from_outside) onReadFromOutside?.();
    return rows.flatMap(({ seq, from_outside: _, ...entry }) =>
      seq === null ? [] : [{ ...entry, seq: toSafeNumber(seq) }],
    );
  }

  /** Writes version 1 of the vault's next entry. */
  async append(caller: Caller, vaultId: string, text: string): Promise<WriteResult> {
    const rows = await this.#db.write<WriteRow>(APPEND, vaultId, caller.workSessionId, caller.clientId, text);
    return this.#written(rows, caller, vaultId);
  }

  /** Writes the next version of an entry that exists. */
  async override(caller: Caller, vaultId: string, entry: { no: number; text: string }): Promise<WriteResult> {
    const rows = await this.#db.write<WriteRow>(
      OVERRIDE,
      vaultId,
      caller.workSessionId,
      caller.clientId,
      entry.text,
      // Beyond the column's type PostgreSQL would fail instead of finding nothing.
      Math.min(entry.no, MAX_ENTRY_NO),
    );
    return this.#written(rows, caller, vaultId, entry.no);
  }

  async setSummary(caller: Caller, vaultId: string, summary: string): Promise<void> {
    const rows = await this.#db.write(
      SET_SUMMARY,
      vaultId,
      caller.workSessionId,
      this.#readsAs(caller),
      summary,
    );
    if (rows.length === 0) throw await this.#refusal(caller, vaultId, canSetSummary);
  }

  async #written(rows: WriteRow[], caller: Caller, vaultId: string, entryNo?: number): Promise<WriteResult> {
    const row = rows[0];
    if (row) {
      const seq = toSafeNumber(row.seq);
      this.#feed.written({ workSessionId: caller.workSessionId, vaultId, seq });
      return { ...row, seq };
    }
    throw await this.#refusal(caller, vaultId, canWrite, entryNo);
  }

  /** Why a statement touched nothing: no such vault, not for this caller, or no such entry. */
  async #refusal(
    caller: Caller,
    vaultId: string,
    allowed: (vault: VaultAccess, caller: Caller) => boolean,
    entryNo?: number,
  ): Promise<Error> {
    const [row] = await this.#db.rows<{ work_session_id: string; is_writer: boolean }>(
      READ_ACCESS,
      vaultId,
      this.#readsAs(caller),
    );
    if (!row) return notFound(`There is no vault ${vaultId}.`);
    const vault = { workSessionId: row.work_session_id, writerList: row.is_writer ? [caller.clientId] : [] };
    if (!allowed(vault, caller)) {
      return canRead(vault, caller)
        ? forbidden(
            `Vault ${vaultId} belongs to another work session: as a past writer you may read it, not write.`,
          )
        : forbidden(`Vault ${vaultId} belongs to another work session.`);
    }
    return notFound(`Vault ${vaultId} has no entry ${entryNo}.`);
  }
}
