import type { Database } from '../db/client.ts';
import { RelayError } from '../errors.ts';
import { toSafeNumber } from '../numbers.ts';
import { auditColumns } from './audit.ts';
import { Batcher } from './batcher.ts';
import { CHAIN_ALGORITHM } from './chain.ts';
import { type HeadQuestion, readHeads } from './head-store.ts';
import { readListCursor, readReadCursor, writeListCursor } from './paging.ts';
import { type Caller, canRead, isOperator, type Reader, type VaultAccess } from './policy.ts';
import { READS } from './read-sql.ts';
import {
  type ListOptions,
  NO_ENTRIES,
  Page,
  type PageRow,
  type ReadOptions,
  type VaultListPage,
  type VaultPage,
} from './reading.ts';
import { foreignVault, noVault, readOnlyVault } from './refusals.ts';
import type { Proof, VaultListItem, VaultMeta } from './schema.ts';
import { SharedReads } from './shared-reads.ts';
import { EXPLAIN_REFUSAL, NOTE_OPERATOR_READ, NOTE_OUTSIDE_READ } from './sql.ts';

const readsOf = (reader: Reader) => (isOperator(reader) ? READS.operator : READS.caller);

/** All that decides what a look shows, beside who looks. */
const wanted = ({ since, history, kind, as_of, q, writer, tag, limit, cursor }: ReadOptions) => [
  since,
  history,
  kind,
  as_of,
  q,
  writer,
  tag,
  limit,
  cursor,
];

const isRefusal = (error: unknown) =>
  error instanceof RelayError && (error.code === 'FORBIDDEN' || error.code === 'NOT_FOUND');

/** The vault was made, or opened to the reader, between the two statements. */
const justChanged = (vaultId: string) =>
  new RelayError('SERVICE_UNAVAILABLE', `Vault ${vaultId} was being opened to you; ask again.`, {
    retryAfter: 1,
  });

/**
 * Every read. Each is one statement that also decides whether the reader may; only when it yields nothing does a
 * second one find out why.
 *
 * @throws RelayError `NOT_FOUND`, `FORBIDDEN`, or `SERVICE_UNAVAILABLE` when the database is away
 */
export class VaultReader {
  readonly #db: Database;
  readonly #pastWriterReads: boolean;
  readonly #heads = new Batcher((questions: HeadQuestion[]) => readHeads(this.#db, questions));
  /** Reads of one work session that want the same, with the client that each was done for. */
  readonly #shared = new SharedReads<{ page: VaultPage; clientId: string }>();

  /** @param pastWriterReads whether who wrote into a vault once may read it from another work session */
  constructor(db: Database, pastWriterReads: boolean) {
    this.#db = db;
    this.#pastWriterReads = pastWriterReads;
  }

  /** The client id as far as it opens vaults; null is in no writer list. */
  readsAs({ clientId }: Caller): string | null {
    return this.#pastWriterReads ? clientId : null;
  }

  /** Work session and client id as the statements that read take them: an operator has neither. */
  #who(reader: Reader): (string | null)[] {
    return isOperator(reader) ? [null, null] : [reader.workSessionId, this.readsAs(reader)];
  }

  /** Every vault the caller can read, oldest first. */
  async list(reader: Reader, options: ListOptions = {}): Promise<VaultListPage> {
    const { q, writer, tag, details = false, limit, cursor } = options;
    const who = this.#who(reader);
    const { LIST, LIST_MATCHING } = readsOf(reader);
    if ([q, writer, tag, limit, cursor].every((option) => option === undefined) && !details) {
      return { vaults: await this.#db.rows<VaultListItem>(LIST, ...who), nextCursor: null };
    }
    const after = cursor === undefined ? undefined : readListCursor(cursor);
    const rows = await this.#db.rows<Required<VaultListItem> & { head: bigint; created_us: bigint }>(
      LIST_MATCHING,
      ...who,
      q ?? null,
      writer ?? null,
      tag ?? null,
      after?.createdUs ?? null,
      after?.vaultId ?? null,
      limit === undefined ? null : limit + 1,
    );
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const more = last && rows.length > page.length;
    return {
      vaults: page.map(({ head, created_us: _, ...row }) =>
        details ? { ...row, head: toSafeNumber(head) } : { vault_id: row.vault_id, summary: row.summary },
      ),
      nextCursor: more
        ? writeListCursor({ createdUs: toSafeNumber(last.created_us), vaultId: last.vault_id })
        : null,
    };
  }

  /** What a vault holds at this moment, or a page of it; shared with others who want the same. */
  async look(reader: Reader, vaultId: string, what: ReadOptions): Promise<VaultPage> {
    const { known_head: seen } = what;
    if (seen !== undefined && !isOperator(reader)) {
      const { workSessionId } = reader;
      const now = await this.#heads.ask({ vaultId, workSessionId, readsAs: this.readsAs(reader) });
      // As long as the vault's head is the one that the reader has seen, its entries are left out.
      if (now?.head === seen) {
        const { head, headHash, fromOutside } = now;
        return { entries: [], entriesJson: NO_ENTRIES, head, headHash, nextCursor: null, fromOutside };
      }
    }
    return this.#lookTogether(reader, vaultId, what);
  }

  /**
   * Those of one work session who want the same share a look. A look that another client was refused, or allowed as a
   * past writer, says nothing about this one.
   */
  async #lookTogether(reader: Reader, vaultId: string, what: ReadOptions): Promise<VaultPage> {
    if (isOperator(reader)) return this.#look(reader, vaultId, what);
    const { workSessionId, clientId } = reader;
    const look = async () => ({ page: await this.#look(reader, vaultId, what), clientId });
    let isOwn = false;
    try {
      const seen = await this.#shared.read(JSON.stringify([vaultId, workSessionId, ...wanted(what)]), () => {
        isOwn = true;
        return look();
      });
      if (!seen.page.fromOutside || seen.clientId === clientId) return seen.page;
    } catch (error) {
      // Only a refusal is about the one who was refused.
      if (isOwn || !isRefusal(error)) throw error;
    }
    return this.#look(reader, vaultId, what);
  }

  async #look(reader: Reader, vaultId: string, what: ReadOptions): Promise<VaultPage> {
    const [row] = await this.#ask(reader, vaultId, what);
    if (!row) throw await this.refusal(reader, vaultId, { action: 'read', allowed: canRead });
    return new Page(row);
  }

  async #ask(reader: Reader, vaultId: string, what: ReadOptions): Promise<PageRow[]> {
    const { since = 0, history = false, kind = 'content', as_of, limit, cursor, q, writer, tag } = what;
    const { READ_WHOLE, READ_HISTORY, READ_CURRENT_SINCE, READ_CURRENT } = readsOf(reader);
    const narrowed = [as_of, limit, cursor, q, writer, tag].some((option) => option !== undefined);
    if (since === 0 && !history && kind === 'content' && !narrowed) {
      return this.#db.rows<PageRow>(READ_WHOLE, vaultId, ...this.#who(reader));
    }
    const after = cursor === undefined ? undefined : readReadCursor(cursor);
    return this.#db.rows<PageRow>(
      history ? READ_HISTORY : since > 0 ? READ_CURRENT_SINCE : READ_CURRENT,
      vaultId,
      ...this.#who(reader),
      since,
      after?.asOf ?? as_of ?? null,
      q ?? null,
      writer ?? null,
      tag ?? null,
      after?.position ?? -1,
      limit ?? null,
      kind === 'all' ? null : kind,
    );
  }

  /** Everything about a vault but its entries. */
  async meta(reader: Reader, vaultId: string): Promise<VaultMeta> {
    const [row] = await this.#db.rows<
      Omit<VaultMeta, 'head' | 'versions'> & { head: bigint; versions: bigint; from_outside: boolean }
    >(readsOf(reader).READ_META, vaultId, ...this.#who(reader));
    if (!row) throw await this.refusal(reader, vaultId, { action: 'meta', allowed: canRead });
    const { from_outside: fromOutside, head, versions, ...meta } = row;
    await this.noteForeignRead(reader, vaultId, fromOutside);
    return { ...meta, head: toSafeNumber(head), versions: toSafeNumber(versions) };
  }

  /** The chain of a vault's rows after `since`, at most `limit` of them: enough to check them against the head. */
  async proof(
    reader: Reader,
    vaultId: string,
    { since = 0, limit }: { since?: number | undefined; limit: number },
  ): Promise<Proof> {
    const [row] = await this.#db.rows<{
      head: bigint;
      head_hash: string;
      from_outside: boolean;
      previous_hash: string;
      rows: Proof['rows'];
    }>(readsOf(reader).READ_PROOF, vaultId, ...this.#who(reader), since, limit);
    if (!row) throw await this.refusal(reader, vaultId, { action: 'proof', allowed: canRead });
    await this.noteForeignRead(reader, vaultId, row.from_outside);
    return {
      vault_id: vaultId,
      algorithm: CHAIN_ALGORITHM,
      previous_hash: row.previous_hash,
      rows: row.rows,
      head: { seq: toSafeNumber(row.head), hash: row.head_hash },
    };
  }

  /** Keeps a read by whom the vault does not belong to: an operator, or a past writer from another work session. */
  async noteForeignRead(reader: Reader, vaultId: string, fromOutside: boolean): Promise<void> {
    if (isOperator(reader)) {
      const [, ...where] = auditColumns(reader);
      await this.#db.rows(NOTE_OPERATOR_READ, vaultId, ...where);
      return;
    }
    if (!fromOutside) return;
    await this.#db.rows(
      NOTE_OUTSIDE_READ,
      vaultId,
      reader.workSessionId,
      reader.clientId,
      ...auditColumns(reader),
    );
  }

  /** Why a statement touched nothing: no such vault, or not for this caller. Kept in the audit log. */
  async refusal(
    reader: Reader,
    vaultId: string,
    { action, allowed }: { action: string; allowed: (vault: VaultAccess, caller: Caller) => boolean },
  ): Promise<Error> {
    const [workSessionId = null, readsAs] = this.#who(reader);
    const [row] = await this.#db.rows<{ work_session_id: string; is_writer: boolean }>(
      EXPLAIN_REFUSAL,
      vaultId,
      workSessionId,
      isOperator(reader) ? null : reader.clientId,
      ...auditColumns(reader),
      readsAs ?? null,
      action,
    );
    if (!row) return noVault(vaultId);
    const writerList = row.is_writer && !isOperator(reader) ? [reader.clientId] : [];
    const vault = { workSessionId: row.work_session_id, writerList };
    if (isOperator(reader) || allowed(vault, reader)) return justChanged(vaultId);
    return canRead(vault, reader) ? readOnlyVault(vaultId) : foreignVault(vaultId);
  }
}
