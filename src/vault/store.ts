import { type Caller, canRemoveWriter, type Reader } from '../access/policy.ts';
import { auditColumns } from '../audit/columns.ts';
import type { Database } from '../db/client.ts';
import { findRelayError } from '../errors.ts';
import type { VaultFeed } from './follow/feed.ts';
import { VaultFollowers, type WatchOptions } from './follow/followers.ts';
import type { VaultWaiters } from './follow/waiters.ts';
import type { ListOptions, ReadOptions, VaultListPage, VaultPage } from './read/page.ts';
import type { AnswerBounds } from './read/portions.ts';
import { type AnswerRoom, type ProofPart, type ReadRules, VaultReader } from './read/store.ts';
import type { Proof, VaultEntry, VaultMeta } from './schema.ts';
import { REMOVE_WRITER } from './sql.ts';
import { VaultWriter, type Write, type WriteRules, type Written } from './write/store.ts';

export interface VaultRules extends WriteRules, ReadRules {
  /** Bytes that an answer may have, unless its caller says so. */
  maxAnswerBytes: number;
}

/** What the answer to a read may be; by default it is whole and has as many bytes as the rules say. */
interface Bounded {
  bounds?: AnswerBounds;
}

const NO_RULES: VaultRules = {
  pastWriterReads: true,
  onOutsideRead: () => undefined,
  maxAnswerBytes: 67_108_864,
  coalesce: true,
  caps: { vaultsPerWorkSession: 0, entriesPerVault: 0, bytesPerVault: 0 },
};

/**
 * All vaults, for callers whose work session is proven, and for operators who read: its parts read, write and follow.
 *
 * @throws RelayError `NOT_FOUND`, `FORBIDDEN`, or `SERVICE_UNAVAILABLE` when the database is away
 */
export class VaultStore {
  readonly writer: VaultWriter;
  readonly #db: Database;
  readonly #reader: VaultReader;
  readonly #followers: VaultFollowers;
  readonly #bounds: AnswerBounds;

  constructor(
    db: Database,
    feed: VaultFeed,
    rules: Partial<VaultRules> = {},
    onStatement?: (writes: number) => void,
  ) {
    const all = { ...NO_RULES, ...rules };
    this.#db = db;
    this.writer = new VaultWriter(db, feed, all, onStatement);
    this.#bounds = { maxBytes: all.maxAnswerBytes, streams: false };
    this.#reader = new VaultReader(db, all);
    this.#followers = new VaultFollowers(this.#reader, feed);
  }

  /** Who waits for something to be written. */
  get waiters(): VaultWaiters {
    return this.#followers.waiters;
  }

  /** @throws RelayError as `VaultWriter.create` */
  create(caller: Caller, summary: string, key?: string): Promise<{ vault_id: string; replayed: boolean }> {
    return this.writer.create(caller, { summary, key });
  }

  /** Appends, overrides or sets the summary. @throws RelayError as `VaultWriter.write` */
  async write(caller: Caller, write: Write): Promise<Written> {
    try {
      return await this.writer.write(caller, this.#reader.readsAs(caller), write);
    } catch (refusal) {
      // The conflict of a summary shows what stands there, also to a past writer from another work session.
      const shown = write.op === 'summary' && findRelayError(refusal)?.details.current !== undefined;
      if (shown) await this.#reader.noteShown(caller, write.vaultId);
      throw refusal;
    }
  }

  /**
   * Every vault the reader can read, oldest first.
   * @throws RelayError also as `completeRows`
   */
  list(
    reader: Reader,
    { bounds = this.#bounds, ...options }: ListOptions & Bounded = {},
  ): Promise<VaultListPage> {
    return this.#reader.list(reader, options, bounds);
  }

  /** @returns the entries of `readPage` */
  async read(reader: Reader, vaultId: string, options: ReadOptions = {}): Promise<VaultEntry[]> {
    return (await this.readPage(reader, vaultId, options)).entries;
  }

  /** What a vault holds, or a page of it. @throws RelayError as `VaultFollowers.readPage` */
  readPage(
    reader: Reader,
    vaultId: string,
    { bounds = this.#bounds, ...what }: ReadOptions & Bounded = {},
  ): Promise<VaultPage> {
    return this.#followers.readPage({ reader, vaultId, what }, bounds);
  }

  /** Every row after `since` as it is committed. @throws RelayError as `VaultFollowers.watch` */
  watch(reader: Reader, vaultId: string, options: WatchOptions): AsyncGenerator<VaultEntry> {
    return this.#followers.watch(reader, vaultId, options);
  }

  /** Vaults as they change, with their new heads. @throws RelayError as `VaultFollowers.changes` */
  changes(reader: Reader, signal?: AbortSignal): AsyncGenerator<{ vault_id: string; head: number }> {
    return this.#followers.changes(reader, signal);
  }

  /** Everything about a vault but its entries. */
  meta(reader: Reader, vaultId: string): Promise<VaultMeta> {
    return this.#reader.meta(reader, vaultId);
  }

  /** The chain of a vault's rows after `since`, at most `limit` of them. */
  proof(reader: Reader, vaultId: string, part: ProofPart & Partial<AnswerRoom>): Promise<Proof> {
    return this.#reader.proof(reader, vaultId, { maxBytes: this.#bounds.maxBytes, ...part });
  }

  /**
   * Ends a past writer's read access from other work sessions. Writing again from inside opens it again.
   * @returns whether the client was on the vault's list
   */
  async removeWriter(caller: Caller, vaultId: string, clientId: string): Promise<boolean> {
    const [row] = await this.#db.write<{ removed: boolean }>(
      REMOVE_WRITER,
      vaultId,
      caller.workSessionId,
      caller.clientId,
      ...auditColumns(caller),
      clientId,
    );
    if (!row)
      throw await this.#reader.refusal(caller, vaultId, {
        action: 'remove_writer',
        allowed: canRemoveWriter,
      });
    return row.removed;
  }

  /** Keeps calls in the audit log that were refused before any statement ran. */
  noteRefusals(...refused: Parameters<VaultWriter['noteRefusals']>): Promise<void> {
    return this.writer.noteRefusals(...refused);
  }
}
