import { type Caller, canRead, isOperator, type Reader, type VaultAccess } from '../../access/policy.ts';
import { auditColumns } from '../../audit/columns.ts';
import type { Database } from '../../db/client.ts';
import { RelayError } from '../../errors.ts';
import { toSafeNumber } from '../../numbers.ts';
import { Batcher } from '../follow/batcher.ts';
import { type HeadQuestion, readHeads } from '../follow/head-store.ts';
import { SharedReads } from '../follow/shared-reads.ts';
import { CHAIN_ALGORITHM } from '../proof/chain.ts';
import type { Proof, VaultMeta } from '../schema.ts';
import { searchPattern } from '../search/pattern.ts';
import { EXPLAIN_REFUSAL } from '../sql.ts';
import { foreignVault, noVault, readOnlyVault } from '../write/refusals.ts';
import { readReadCursor } from './cursors.ts';
import { type ListRow, listVaults } from './list-store.ts';
import { ForeignReads, type OutsideRead } from './outside-read-store.ts';
import {
  type ListOptions,
  type Look,
  type LookRow,
  Page,
  type ReadOptions,
  readLook,
  type VaultListPage,
  type VaultPage,
} from './page.ts';
import { PORTION_BYTES } from './portion-sql.ts';
import { type AnswerBounds, completeRows, firstPortion, type PortionWanted } from './portions.ts';
import { askingFor, mayScan } from './scan-store.ts';
import { BEFORE_ALL, READS } from './sql.ts';

const readsOf = (reader: Reader) => (isOperator(reader) ? READS.operator : READS.caller);

export interface ProofPart {
  since?: number | undefined;
  limit: number;
}

/** What an answer made in memory may take. */
export interface AnswerRoom {
  maxBytes: number;
  /** Reserves memory until the answer is sent. @throws RelayError `SERVICE_UNAVAILABLE` when there is too little */
  hold?(bytes: number): void;
}

/** One view of one vault, as a reader asks for it. */
export interface View {
  reader: Reader;
  vaultId: string;
  what: ReadOptions;
}

/** All that decides what a look shows, beside who looks. */
const wanted = ({ since, history, kind, as_of, q, writer, tag, cursor, entry_id }: ReadOptions) => [
  since,
  history,
  kind,
  as_of,
  q,
  writer,
  tag,
  cursor,
  entry_id,
];

/** Whether rows are looked at that may not be shown. */
const isNarrowed = ({ q, writer, tag, entry_id, since = 0 }: ReadOptions) =>
  since > 0 || [q, writer, tag, entry_id].some((option) => option !== undefined);

/** Whether the current view is wanted from its start and without options, which has a statement of its own. */
function isWhole(what: ReadOptions, { at, bytes }: PortionWanted<number>): boolean {
  const { history = false, kind = 'content', as_of, limit, cursor } = what;
  const isPaged = [as_of, limit, cursor, at].some((option) => option !== undefined);
  return !history && kind === 'content' && !isNarrowed(what) && !isPaged && bytes >= PORTION_BYTES;
}

/** Rows that one statement looks through, as far as it may have to leave some out. */
const LOOKED_ROWS = 5000;

const isRefusal = (error: unknown) =>
  error instanceof RelayError && (error.code === 'FORBIDDEN' || error.code === 'NOT_FOUND');

/** The vault was made, or opened to the reader, between the two statements. */
const justChanged = (vaultId: string) =>
  new RelayError('SERVICE_UNAVAILABLE', `Vault ${vaultId} was being opened to you; ask again.`, {
    retryAfter: 1,
  });

export interface ReadRules {
  /** Whether who wrote into a vault once may read it from another work session. */
  pastWriterReads: boolean;
  /** Hears of each read from another work session. */
  onOutsideRead(read: OutsideRead): void;
}

/**
 * Every read. Each is one statement that also decides whether the reader may; only when it yields nothing does a
 * second one find out why.
 *
 * @throws RelayError `NOT_FOUND`, `FORBIDDEN`, or `SERVICE_UNAVAILABLE` when the database is away
 */
export class VaultReader {
  readonly foreign: ForeignReads;
  readonly #db: Database;
  readonly #rules: ReadRules;
  readonly #heads = new Batcher((questions: HeadQuestion[]) => readHeads(this.#db, questions));
  /** Reads of one work session that want the same, with the client that each was done for. */
  readonly #shared = new SharedReads<{ look: Look; clientId: string }>();
  readonly #sharedLists = new SharedReads<ListRow | undefined>();

  constructor(db: Database, rules: ReadRules) {
    this.#db = db;
    this.#rules = rules;
    this.foreign = new ForeignReads(db, rules.onOutsideRead);
  }

  /** The client id as far as it opens vaults; null is in no writer list. */
  readsAs({ clientId }: Caller): string | null {
    return this.#rules.pastWriterReads ? clientId : null;
  }

  /** Work session and client id as the statements that read take them: an operator has neither. */
  #who(reader: Reader): (string | null)[] {
    return isOperator(reader) ? [null, null] : [reader.workSessionId, this.readsAs(reader)];
  }

  /**
   * Every vault the caller can read, oldest first.
   * @throws RelayError also `ANSWER_TOO_LARGE`
   */
  async list(reader: Reader, options: ListOptions, bounds: AnswerBounds): Promise<VaultListPage> {
    const statements = readsOf(reader);
    const who = this.#who(reader);
    if (isOperator(reader)) await this.foreign.noteList(reader);
    const rowsOf = (scans: boolean) => askingFor(this.#db, reader, scans || isOperator(reader));
    return listVaults({ rowsOf, statements, who, shared: this.#sharedLists }, options, {
      ...bounds,
      onListed: async (outside) => {
        if (!isOperator(reader)) await this.foreign.noteListed(reader, outside);
      },
    });
  }

  /** The first rows of a view at this moment; shared with others who want the same. */
  async look({ reader, vaultId, what }: View, portion: PortionWanted<number>): Promise<Look> {
    const { known_head: seen } = what;
    if (seen !== undefined && !isOperator(reader)) {
      const { workSessionId } = reader;
      const now = await this.#heads.ask({ vaultId, workSessionId, readsAs: this.readsAs(reader) });
      // As long as the vault's head is the one that the reader has seen, its entries are left out.
      if (now?.head === seen) {
        return { ...now, portion: { json: '', rows: 0, bytes: 0, next: null, more: false } };
      }
    }
    return this.#lookTogether({ reader, vaultId, what }, portion);
  }

  /**
   * The answer that begins with a look.
   * @throws RelayError as `completeRows`
   */
  async complete(view: View, look: Look, bounds: AnswerBounds): Promise<VaultPage> {
    const what = { ...view.what, as_of: look.head, cursor: undefined };
    const fetch = async (portion: PortionWanted<number>) =>
      (await this.#lookTogether({ ...view, what }, portion)).portion;
    const { limit } = what;
    const { ceiling } = look;
    const rows = await completeRows(look.portion, fetch, {
      ...bounds,
      limit,
      ...(ceiling !== undefined && { ceiling }),
    });
    return new Page(look, rows);
  }

  /** What a view asks for first. */
  first({ limit, cursor }: ReadOptions, bounds: AnswerBounds): PortionWanted<number> {
    const at = cursor === undefined ? undefined : readReadCursor(cursor).position;
    return { ...firstPortion(limit, bounds), at };
  }

  /**
   * Those of one work session who want the same share a look. A look that another client was refused, or allowed as a
   * past writer, says nothing about this one.
   */
  async #lookTogether(view: View, portion: PortionWanted<number>): Promise<Look> {
    const { reader, vaultId, what } = view;
    if (isOperator(reader)) return this.#look(view, portion);
    const { workSessionId, clientId } = reader;
    const ask = async () => ({ look: await this.#look(view, portion), clientId });
    let isOwn = false;
    try {
      const key = JSON.stringify([vaultId, workSessionId, ...wanted(what), ...Object.values(portion)]);
      const seen = await this.#shared.read(key, () => {
        isOwn = true;
        return ask();
      });
      if (!seen.look.fromOutside || seen.clientId === clientId) return seen.look;
    } catch (error) {
      // Only a refusal is about the one who was refused.
      if (isOwn || !isRefusal(error)) throw error;
    }
    return this.#look(view, portion);
  }

  async #look(view: View, portion: PortionWanted<number>): Promise<Look> {
    let row = isWhole(view.what, portion) ? await this.#askWhole(view) : undefined;
    // A vault that may hold more than a portion is read by portions.
    if (row === undefined || row?.json === null) row = await this.#ask(view, portion);
    if (!row) throw await this.refusal(view.reader, view.vaultId, { action: 'read', allowed: canRead });
    return readLook(row);
  }

  /** @returns null where the vault is not there, or not for this reader */
  async #askWhole({ reader, vaultId }: View): Promise<LookRow | null> {
    const ask = askingFor(this.#db, reader, false);
    const [row] = await ask<LookRow>(readsOf(reader).READ_WHOLE, vaultId, ...this.#who(reader));
    return row ?? null;
  }

  async #ask({ reader, vaultId, what }: View, portion: PortionWanted<number>): Promise<LookRow | null> {
    const { since = 0, history = false, kind = 'content', as_of, cursor, q, writer, tag, entry_id } = what;
    const { at = BEFORE_ALL, rows, bytes, begun = false, measures = false, continues = false } = portion;
    const { weight = Math.ceil(bytes / 2) } = portion;
    const sql = readsOf(reader);
    const moment = (cursor === undefined ? undefined : readReadCursor(cursor).asOf) ?? as_of ?? null;
    const ask = async (statement: string) => {
      const [row] = await askingFor(this.#db, reader, mayScan(what) || measures || continues)<LookRow>(
        statement,
        vaultId,
        ...this.#who(reader),
        since,
        moment,
        q === undefined ? null : searchPattern(q),
        writer ?? null,
        tag ?? null,
        at,
        rows,
        kind === 'all' ? null : kind,
        bytes,
        begun,
        history || isNarrowed(what) ? LOOKED_ROWS : rows + 1,
        weight,
        entry_id ?? null,
      );
      return row ?? null;
    };
    if (history && entry_id !== undefined) {
      return ask(measures ? sql.MEASURE_ENTRY_HISTORY : sql.READ_ENTRY_HISTORY);
    }
    if (history) return ask(measures ? sql.MEASURE_HISTORY : sql.READ_HISTORY);
    // One entry is one step, however many rows are new.
    if (since > 0 && !measures && entry_id === undefined) {
      const row = await ask(sql.READ_CURRENT_SINCE);
      if (!row?.overflow) return row;
    }
    return ask(measures ? sql.MEASURE_CURRENT : sql.READ_CURRENT);
  }

  /** Everything about a vault but its entries. */
  async meta(reader: Reader, vaultId: string): Promise<VaultMeta> {
    const [row] = await askingFor(this.#db, reader, true)<
      Omit<VaultMeta, 'head' | 'versions'> & { head: bigint; versions: bigint; from_outside: boolean }
    >(readsOf(reader).READ_META, vaultId, ...this.#who(reader));
    if (!row) throw await this.refusal(reader, vaultId, { action: 'meta', allowed: canRead });
    const { from_outside: fromOutside, head, versions, ...meta } = row;
    await this.foreign.note(reader, 'meta', { vaultId, fromOutside });
    return { ...meta, head: toSafeNumber(head), versions: toSafeNumber(versions) };
  }

  /** The chain of a vault's rows after `since`, at most `limit` of them and `maxBytes` of JSON. */
  async proof(
    reader: Reader,
    vaultId: string,
    { since = 0, limit, maxBytes, hold = () => undefined }: ProofPart & AnswerRoom,
  ): Promise<Proof> {
    const [row] = await askingFor(this.#db, reader, true)<{
      head: bigint;
      head_hash: string;
      from_outside: boolean;
      previous_hash: string;
      json: string;
    }>(readsOf(reader).READ_PROOF, vaultId, ...this.#who(reader), since, limit, maxBytes);
    if (!row) throw await this.refusal(reader, vaultId, { action: 'proof', allowed: canRead });
    await this.foreign.note(reader, 'proof', { vaultId, fromOutside: row.from_outside });
    hold(row.json.length);
    return {
      vault_id: vaultId,
      algorithm: CHAIN_ALGORITHM,
      previous_hash: row.previous_hash,
      rows: JSON.parse(`[${row.json}]`),
      head: { seq: toSafeNumber(row.head), hash: row.head_hash },
    };
  }

  /** Notes that a refused write showed something of a vault, if that belongs to another work session. */
  async noteShown(caller: Caller, vaultId: string): Promise<void> {
    const { workSessionId } = caller;
    const standing = await this.#heads.ask({ vaultId, workSessionId, readsAs: this.readsAs(caller) });
    if (standing) await this.foreign.note(caller, 'set_summary', { vaultId, ...standing });
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
