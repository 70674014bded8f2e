import {
  type AccessRules,
  canRead,
  isOperator,
  type Reader,
  readerValues,
  readsAs,
} from '../../access/policy.ts';
import type { AnswerBounds } from '../../answer.ts';
import type { VaultAudit } from '../../audit/vault-audit-store.ts';
import type { Database } from '../../db/client.ts';
import { RelayError } from '../../errors.ts';
import type { Metrics } from '../../observability/metrics.ts';
import { SharedReads } from '../../queues/shared-reads.ts';
import { refusedAccess } from '../refused-access.ts';
import { searchPattern } from '../search/pattern.ts';
import { readReadCursor } from './cursors.ts';
import { type Look, type LookRow, Page, type ReadOptions, readLook, type VaultPage } from './page.ts';
import { completeRows, firstPortion, type PortionWanted } from './portions.ts';
import { askingFor, mayScan } from './scan-store.ts';
import { makeHeadOf } from './shared-head-store.ts';
import { BEFORE_ALL, READS } from './sql.ts';
import { type View, wanted } from './view.ts';
import { ViewCache } from './view-cache.ts';
import { fits, isNarrowed, isWhole } from './whole.ts';

/** The portion of a reader that has seen the current head. */
const NO_ROWS: Look['portion'] = { json: '', rows: 0, bytes: 0, next: null, more: false };

/** Rows that one statement scans, if it may leave some of them out. */
const LOOKED_ROWS = 5000;

const isRefusal = (error: unknown) =>
  error instanceof RelayError && (error.code === 'FORBIDDEN' || error.code === 'NOT_FOUND');

/** The dependencies of the stores that read. */
export interface ReadDeps {
  db: Database;
  audit: VaultAudit;
  rules: AccessRules;
}

/** The statements of a reader: an operator reads every vault. */
export const readsOf = (reader: Reader) => (isOperator(reader) ? READS.operator : READS.caller);

/**
 * Views of one vault. One statement reads the view and checks access. A second statement finds the reason only if the
 * first returns no row.
 *
 * @throws RelayError `NOT_FOUND`, `FORBIDDEN`, or `SERVICE_UNAVAILABLE` when the database is unavailable
 */
export class VaultViews {
  readonly #db: Database;
  readonly #audit: VaultAudit;
  readonly #rules: AccessRules;
  /** Coalesces identical reads of one work session. Each result has the name that it was read as (`readsAs`). */
  readonly #shared = new SharedReads<{ look: Look; name: string | null }>();
  readonly #rendered: ViewCache;
  readonly #headOf: ReturnType<typeof makeHeadOf>;

  /** @param cache bytes of rendered views that are kept, and where their figures go */
  constructor({ db, audit, rules }: ReadDeps, cache: { bytes: number; metrics: Metrics }) {
    this.#db = db;
    this.#audit = audit;
    this.#rules = rules;
    this.#rendered = new ViewCache(cache.bytes, cache.metrics);
    this.#headOf = makeHeadOf(db, this.#rendered);
  }

  /** Drops what is kept of a vault that has changed too much. */
  changed(vaultId: string, head: number): void {
    this.#rendered.outrun(vaultId, head);
  }

  /**
   * Reads the current rows of a vault, or a page of them.
   * @throws RelayError as `completeRows`
   */
  async read(view: View, bounds: AnswerBounds): Promise<VaultPage> {
    return this.complete(view, await this.look(view, this.first(view.what, bounds)), bounds);
  }

  /** Reads the first rows of a view now. Identical reads are coalesced. */
  async look(view: View, portion: PortionWanted<number>): Promise<Look> {
    return (await this.#lookAtHead(view, portion)) ?? this.#lookTogether(view, portion);
  }

  /**
   * Asks for the vault's head alone, if that may be enough: the reader has seen a head, or a rendered view is kept.
   * @returns undefined where the view must be read, or the reader may not read the vault
   */
  async #lookAtHead(
    { reader, vaultId, what, seenHead }: View,
    portion: PortionWanted<number>,
  ): Promise<Look | undefined> {
    if (isOperator(reader)) return undefined;
    const mayBeKept = this.#rendered.has(vaultId, portion) && isWhole(what, portion);
    if (seenHead === undefined && !mayBeKept) return undefined;
    const { workSessionId } = reader;
    const now = await this.#headOf({ vaultId, workSessionId, readsAs: readsAs(reader, this.#rules) });
    if (now === undefined) return undefined;
    const { head, headHash, fromOutside } = now;
    const rows = head === seenHead ? NO_ROWS : mayBeKept && this.#rendered.at(vaultId, now, portion);
    return rows ? { head, headHash, fromOutside, portion: rows } : undefined;
  }

  /**
   * Completes the answer that begins with a look, and records the read in the audit log if the reader is from outside.
   * @throws RelayError as `completeRows`
   */
  async complete(view: View, look: Look, bounds: AnswerBounds): Promise<VaultPage> {
    const { reader, vaultId } = view;
    const { head, fromOutside, ceiling } = look;
    const { limit } = view.what;
    const { maxBytes, streams } = bounds;
    const fetch = async (portion: PortionWanted<number>) => {
      const what = { ...view.what, as_of: head, cursor: undefined };
      return (await this.#lookTogether({ reader, vaultId, what }, portion)).portion;
    };
    const rows = await completeRows(look.portion, fetch, { limit, ceiling, maxBytes, streams });
    await this.#audit.note(reader, 'read', { vaultId, fromOutside });
    return new Page(look, rows);
  }

  /** The first portion that a view requests. */
  first({ limit, cursor }: ReadOptions, bounds: AnswerBounds): PortionWanted<number> {
    const at = cursor === undefined ? undefined : readReadCursor(cursor).position;
    return firstPortion(limit, at, bounds);
  }

  /**
   * Coalesces identical looks of one work session. A caller must not reuse the look of another client that was refused,
   * or that was allowed as a past writer, because access depends on the client there.
   */
  async #lookTogether(view: View, portion: PortionWanted<number>): Promise<Look> {
    const { reader, vaultId, what } = view;
    if (isOperator(reader)) return this.#look(view, portion);
    const { workSessionId } = reader;
    const name = readsAs(reader, this.#rules);
    const ask = async () => {
      // The read that this one waited for may have kept the view.
      const kept = await this.#lookAtHead({ reader, vaultId, what }, portion);
      return { look: kept ?? (await this.#look(view, portion)), name };
    };
    let isOwn = false;
    try {
      const key = JSON.stringify([vaultId, workSessionId, ...wanted(what), ...Object.values(portion)]);
      const seen = await this.#shared.read(key, () => {
        isOwn = true;
        return ask();
      });
      if (!seen.look.fromOutside || seen.name === name) return seen.look;
    } catch (error) {
      // A refusal applies only to the refused client. Other errors apply to every caller that shared the read.
      if (isOwn || !isRefusal(error)) throw error;
    }
    return this.#look(view, portion);
  }

  async #look(view: View, portion: PortionWanted<number>): Promise<Look> {
    const whole = isWhole(view.what, portion) ? await this.#askWhole(view, portion) : undefined;
    // A vault that may hold more than a portion is read by portions.
    const isRead = whole === null || (whole !== undefined && fits(whole, view.what, portion));
    const row = isRead ? whole : await this.#ask(view, portion);
    if (!row) throw await refusedAccess(this.#audit, view, { action: 'read', allowed: canRead });
    const look = readLook(row);
    if (row !== whole) return look;
    return { ...look, portion: this.#rendered.keep(view.vaultId, look) ?? look.portion };
  }

  /** @returns null where the vault does not exist, or this reader may not read it */
  async #askWhole(
    { reader, vaultId }: View,
    { rows, bytes }: PortionWanted<number>,
  ): Promise<LookRow | null> {
    const ask = askingFor(this.#db, reader, false);
    const [row] = await ask<LookRow>(
      readsOf(reader).READ_WHOLE,
      vaultId,
      ...readerValues(reader, this.#rules),
      rows,
      bytes,
    );
    return row ?? null;
  }

  async #ask({ reader, vaultId, what }: View, portion: PortionWanted<number>): Promise<LookRow | null> {
    const {
      since = 0,
      history = false,
      kind = 'content',
      as_of,
      cursor,
      q,
      writer,
      author,
      tag,
      entry_id,
      details = false,
    } = what;
    const { at = BEFORE_ALL, rows, bytes, begun = false, measures = false, continues = false } = portion;
    const { weight = Math.ceil(bytes / 2) } = portion;
    const sql = readsOf(reader);
    const moment = (cursor === undefined ? undefined : readReadCursor(cursor).asOf) ?? as_of ?? null;
    const ask = async (statement: string) => {
      const [row] = await askingFor(this.#db, reader, mayScan(what) || measures || continues)<LookRow>(
        statement,
        vaultId,
        ...readerValues(reader, this.#rules),
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
        details,
        author ?? null,
      );
      return row ?? null;
    };
    if (history && entry_id !== undefined) {
      return ask(measures ? sql.MEASURE_ENTRY_HISTORY : sql.READ_ENTRY_HISTORY);
    }
    if (history) return ask(measures ? sql.MEASURE_HISTORY : sql.READ_HISTORY);
    // One entry costs one index lookup, whatever the number of new rows.
    if (since > 0 && !measures && entry_id === undefined) {
      const row = await ask(sql.READ_CURRENT_SINCE);
      if (!row?.overflow) return row;
    }
    return ask(measures ? sql.MEASURE_CURRENT : sql.READ_CURRENT);
  }
}
