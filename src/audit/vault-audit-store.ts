import {
  type AccessRules,
  type Caller,
  isOperator,
  type Operator,
  type Reader,
  readerValues,
} from '../access/policy.ts';
import type { Database } from '../db/client.ts';
import { toSafeNumber } from '../numbers.ts';
import { auditColumns } from './columns.ts';
import { EXPLAIN_REFUSAL, NOTE_OPERATOR_READ, NOTE_OUTSIDE_READS, NOTE_REFUSALS } from './vault-audit-sql.ts';

/** How a vault was read, as the audit log names it. */
export type ReadAction = 'read' | 'watch' | 'meta' | 'proof' | 'list' | 'activity' | 'set_summary';

/** A read from another work session, for the log and for those who follow what goes on. */
export interface OutsideRead {
  vaultId: string;
  /** The work session of the vault. */
  ownerId: string;
  /** Of the row in the vault's outside reads. */
  id: number;
  action: ReadAction;
  /** Undefined for calls that no request stands behind. */
  requestId: string | undefined;
}

/** Longer lists of outside vaults note each vault at most once in `LIST_AGAIN_MS`, because one call shows many. */
const NOTED_EACH_TIME = 20;
const LIST_AGAIN_MS = 60_000;
const MAX_LISTED = 10_000;

/** The access rules, and a callback for the log. */
export interface AuditRules extends AccessRules {
  /** Called with each read from another work session, once it is noted. */
  onOutsideRead(read: OutsideRead): void;
}

/** Why a call found no vault, or no right to it. */
export interface RefusalReason {
  workSessionId: string;
  isWriter: boolean;
}

/**
 * The audit log of vaults. Every read path notes reads from outside here: past writers from other work sessions in the
 * vault's outside reads, the audit log and the log, operators in the audit log.
 */
export class VaultAudit {
  readonly #db: Database;
  readonly #rules: AuditRules;
  /** When a client last saw a vault in a list, the oldest first. */
  readonly #listed = new Map<string, number>();

  constructor(db: Database, rules: AuditRules) {
    this.#db = db;
    this.#rules = rules;
  }

  /** Notes calls that were refused before any statement ran. @throws RelayError `SERVICE_UNAVAILABLE` */
  async noteRefusals(
    caller: Caller,
    vaultId: string | undefined,
    refused: readonly { action: string; outcome: string }[],
  ): Promise<void> {
    await this.#db.rows(
      NOTE_REFUSALS,
      vaultId ?? null,
      caller.workSessionId,
      caller.clientId,
      ...auditColumns(caller),
      refused.map(({ action }) => action),
      refused.map(({ outcome }) => outcome),
    );
  }

  /**
   * Finds out why a statement matched no row, and adds the refusal to the audit log.
   * @returns undefined where there is no such vault
   * @throws RelayError `SERVICE_UNAVAILABLE`
   */
  async explainRefusal(reader: Reader, vaultId: string, action: string): Promise<RefusalReason | undefined> {
    const [workSessionId = null, readsAs = null] = readerValues(reader, this.#rules);
    const [row] = await this.#db.rows<{ work_session_id: string; is_writer: boolean }>(
      EXPLAIN_REFUSAL,
      vaultId,
      workSessionId,
      isOperator(reader) ? null : reader.clientId,
      ...auditColumns(reader),
      readsAs,
      action,
    );
    return row && { workSessionId: row.work_session_id, isWriter: row.is_writer };
  }

  /**
   * Notes that a reader saw something of a vault.
   * @param fromOutside whether the vault belongs to another work session
   * @throws RelayError `SERVICE_UNAVAILABLE`: then the read must fail as well
   */
  async note(
    reader: Reader,
    action: ReadAction,
    { vaultId, fromOutside }: { vaultId: string; fromOutside: boolean },
  ) {
    if (isOperator(reader)) await this.#noteOperator(reader, action, vaultId);
    else if (fromOutside) await this.#noteOutside(reader, action, [vaultId]);
  }

  /** Notes that an operator listed every vault. @throws RelayError `SERVICE_UNAVAILABLE` */
  noteList(operator: Operator): Promise<void> {
    return this.#noteOperator(operator, 'list', null);
  }

  /** Notes that an operator looked at what goes on in every vault. @throws RelayError `SERVICE_UNAVAILABLE` */
  noteActivity(operator: Operator): Promise<void> {
    return this.#noteOperator(operator, 'activity', null);
  }

  /** Notes that a list showed vaults of other work sessions. @throws RelayError `SERVICE_UNAVAILABLE` */
  async noteListed(reader: Caller, vaultIds: readonly string[]): Promise<void> {
    const now = performance.now();
    const keyOf = (vaultId: string) => JSON.stringify([reader.workSessionId, reader.clientId, vaultId]);
    const isDue = (vaultId: string) =>
      (this.#listed.get(keyOf(vaultId)) ?? Number.NEGATIVE_INFINITY) + LIST_AGAIN_MS <= now;
    const due = vaultIds.length <= NOTED_EACH_TIME ? vaultIds : vaultIds.filter(isDue);
    if (due.length === 0) return;
    await this.#noteOutside(reader, 'list', due);
    for (const vaultId of due) {
      this.#listed.delete(keyOf(vaultId));
      this.#listed.set(keyOf(vaultId), now);
    }
    for (const key of this.#listed.keys()) {
      if (this.#listed.size <= MAX_LISTED) break;
      this.#listed.delete(key);
    }
  }

  async #noteOperator(reader: Operator, action: ReadAction, vaultId: string | null): Promise<void> {
    await this.#db.rows(NOTE_OPERATOR_READ, vaultId, ...auditColumns(reader), action);
  }

  async #noteOutside(reader: Caller, action: ReadAction, vaultIds: readonly string[]) {
    const { workSessionId, clientId, origin } = reader;
    const noted = await this.#db.rows<{ id: bigint; vault_id: string; work_session_id: string }>(
      NOTE_OUTSIDE_READS,
      vaultIds,
      workSessionId,
      clientId,
      ...auditColumns(reader),
      action,
    );
    for (const { id, vault_id: vaultId, work_session_id: ownerId } of noted) {
      const read = { vaultId, ownerId, id: toSafeNumber(id) };
      this.#rules.onOutsideRead({ ...read, action, requestId: origin?.requestId });
    }
  }
}
