import { type Caller, canRemoveWriter, readsAs } from '../../access/policy.ts';
import { auditColumns } from '../../audit/columns.ts';
import type { VaultAudit } from '../../audit/vault-audit-store.ts';
import type { Database } from '../../db/client.ts';
import { toSafeNumber } from '../../numbers.ts';
import { OrderedByKey } from '../../queues/ordered-by-key.ts';
import { WriteQueue } from '../../queues/write-queue.ts';
import type { Secret } from '../../secrets/scan.ts';
import type { CommittedBy, CommittedWrite, VaultFeed } from '../follow/feed.ts';
import { readHeads } from '../follow/head-store.ts';
import { refusedAccess } from '../refused-access.ts';
import {
  type BatchRules,
  bytesOfWrite,
  type CallersWrite,
  runWrites,
  scopeOfFailure,
  type Write,
  type WriteRow,
} from './batch-store.ts';
import { type Creation, createVault } from './create-store.ts';
import { REFUSALS, unknownOutcome } from './refusals.ts';
import { looksSealed, sealedText } from './sealed.ts';
import { type Checked, SecretGuard, type SecretRules, type Writing } from './secret-guard.ts';

/**
 * `$1` vault, `$2` work session, `$3` client id, `$4` session, `$5` request id, `$6` address, `$7` the writer to remove, under the vault's
 * lock. No row: the vault does not exist, or the caller may not. `IS NOT DISTINCT FROM` keeps PostgreSQL from the index by work session.
 */
export const REMOVE_WRITER = `
  WITH locked AS (
    SELECT bucket, vault_id FROM vaults
    WHERE bucket = vault_bucket($1) AND vault_id = $1 AND work_session_id IS NOT DISTINCT FROM $2 FOR NO KEY UPDATE
  ), removed AS (
    DELETE FROM vault_writers
    WHERE bucket = (SELECT bucket FROM locked) AND vault_id = (SELECT vault_id FROM locked) AND client_id = $7
    RETURNING client_id
  ), unlisted AS (
    UPDATE vaults SET writer_list = array_remove(writer_list, $7)
    WHERE bucket = (SELECT bucket FROM locked) AND vault_id = (SELECT vault_id FROM locked) AND $7 = ANY (writer_list)
  ), done AS (
    SELECT EXISTS (SELECT FROM removed) AS removed FROM locked
  ), audited AS (
    INSERT INTO audit_log (bucket, vault_id, work_session_id, client_id, session, request_id, address, action, outcome)
    SELECT vault_bucket($1), $1, $2, $3, $4, $5, $6, 'remove_writer', CASE WHEN removed THEN 'written' ELSE 'nothing' END FROM done
  )
  SELECT removed FROM done`;

export interface WriteRules extends BatchRules, SecretRules {
  /** Whether writes that arrive while a statement is in flight share the next one. */
  coalesce: boolean;
}

export interface Written {
  entry_no: number;
  version: number;
  seq: number;
  /** The same key wrote this before; this call wrote nothing. */
  replayed: boolean;
  /** What looks like a secret in it. */
  secrets: Secret[];
}

/** Why a write may hold what looks like a secret. */
interface AllowSecret {
  allowSecret?: string | undefined;
}

interface CreatedBy extends Pick<Written, 'replayed' | 'secrets'> {
  vault_id: string;
}

interface VaultWriterDeps {
  db: Database;
  audit: VaultAudit;
  feed: VaultFeed;
  rules: WriteRules;
  /** Receives the number of writes of each statement. */
  onStatement?: ((writes: number) => void) | undefined;
}

/** Every write into vaults. */
export class VaultWriter {
  readonly #db: Database;
  readonly #audit: VaultAudit;
  readonly #feed: VaultFeed;
  readonly #rules: WriteRules;
  readonly #secrets: SecretGuard;
  /** Keeps writes of a vault in the order of arrival while their texts are checked side by side. */
  readonly #arrivals = new OrderedByKey();
  readonly #queue: WriteQueue<CallersWrite, WriteRow>;

  constructor({ db, audit, feed, rules, onStatement }: VaultWriterDeps) {
    this.#db = db;
    this.#audit = audit;
    this.#feed = feed;
    this.#rules = rules;
    this.#secrets = new SecretGuard(audit, rules);
    this.#queue = new WriteQueue({
      run: (writes) => runWrites(db, writes, rules),
      laneOf: ({ write }) => write.vaultId,
      bytesOf: bytesOfWrite,
      scopeOf: scopeOfFailure,
      ...(onStatement ? { onStatement } : {}),
    });
  }

  /** Writes that have no result yet. */
  get depth(): number {
    return this.#queue.depth;
  }

  /** Resolves once no write is in flight. */
  whenIdle(): Promise<void> {
    return this.#queue.whenIdle();
  }

  /**
   * Creates a vault with its first summary.
   * @returns its id; `replayed` when the key stands for a vault that was created before
   * @throws RelayError as `createVault`, `CONFLICT` for a sealed text, and `POSSIBLE_SECRET`
   */
  async create(creation: Creation & AllowSecret): Promise<CreatedBy> {
    const { caller, summary, allowSecret } = creation;
    if (looksSealed(summary)) throw await this.#refuseSealed(caller, 'create', undefined);
    const { secrets, reason } = await this.#secrets.check(caller, {
      action: 'create',
      text: summary,
      allowSecret,
    });
    const { vaultId, seq, replayed } = await createVault(
      this.#db,
      { ...creation, reason },
      this.#rules.caps.vaultsPerWorkSession,
    );
    // A repeat announces too, because the server of the first call may have ended before it did.
    this.#feed.written({
      workSessionId: caller.workSessionId,
      vaultId,
      seq,
      kind: 'summary',
      by: committedBy(caller, { entry_no: 0, version: 1 }),
      bytes: Buffer.byteLength(summary),
    });
    return { vault_id: vaultId, replayed, secrets };
  }

  /**
   * Appends, overrides or sets the summary.
   * @throws RelayError `NOT_FOUND`, `FORBIDDEN`, `CONFLICT` (with the current version, unless the key was reused or the
   * text is sealed), `POSSIBLE_SECRET`, `SERVICE_UNAVAILABLE`
   */
  async submit(caller: Caller, write: Write & AllowSecret): Promise<Written> {
    const { op, vaultId, text, tags, allowSecret } = write;
    if (looksSealed(text)) throw await this.#refuseSealed(caller, op, vaultId);
    const writing = { action: op, vaultId, text, tags, allowSecret };
    const { secrets, reason } = await this.#checkInOrder(caller, writing, vaultId);
    const row = await this.#decide({ caller, write, reason });
    const { outcome, entry_no, version, seq, current } = row;
    if (outcome !== 'written' && outcome !== 'replayed') {
      if (!Object.hasOwn(REFUSALS, outcome)) throw unknownOutcome('write_to_vaults', outcome);
      // The conflict of a summary shows the current one, also to a past writer from another work session.
      if (op === 'summary' && outcome === 'conflict') await this.#noteShown(caller, vaultId);
      throw REFUSALS[outcome]({ ...write, current });
    }
    if (entry_no === null || version === null || seq === null)
      throw new Error('A write came back without its place');
    const written = { entry_no, version, seq: toSafeNumber(seq), replayed: outcome === 'replayed', secrets };
    const kind: CommittedWrite['kind'] = op === 'summary' ? 'summary' : 'content';
    this.#feed.written({
      workSessionId: caller.workSessionId,
      vaultId,
      seq: written.seq,
      kind,
      by: committedBy(caller, written),
      bytes: Buffer.byteLength(text),
    });
    return written;
  }

  /**
   * Ends a past writer's read access from other work sessions. Writing again from inside restores it.
   * @returns whether the client was a writer of the vault
   * @throws RelayError `NOT_FOUND`, `FORBIDDEN`, `SERVICE_UNAVAILABLE`
   */
  async removeWriter(caller: Caller, vaultId: string, clientId: string): Promise<boolean> {
    const [row] = await this.#db.commit<{ removed: boolean }>(
      REMOVE_WRITER,
      vaultId,
      caller.workSessionId,
      caller.clientId,
      ...auditColumns(caller),
      clientId,
    );
    if (row) return row.removed;
    const refused = { action: 'remove_writer', allowed: canRemoveWriter };
    throw await refusedAccess(this.#audit, { reader: caller, vaultId }, refused);
  }

  /** @returns once the write and all that arrived before it for the vault are checked */
  #checkInOrder(caller: Caller, writing: Writing, vaultId: string): Promise<Checked> {
    const checked = this.#secrets.check(caller, writing);
    checked.catch(() => undefined); // the caller gets the error in its turn
    return this.#arrivals.take(vaultId, () => checked);
  }

  async #decide(write: CallersWrite): Promise<WriteRow> {
    const row = this.#rules.coalesce
      ? await this.#queue.push(write)
      : (await runWrites(this.#db, [write], this.#rules))[0];
    if (!row) throw new Error('A write came back without its outcome');
    return row;
  }

  /** @returns the error of a text that atems take for sealed, once the refusal is noted */
  async #refuseSealed(caller: Caller, action: string, vaultId: string | undefined) {
    await this.#audit.noteRefusals(caller, vaultId, [{ action, outcome: 'sealed' }]);
    return sealedText();
  }

  async #noteShown(caller: Caller, vaultId: string): Promise<void> {
    const question = { vaultId, workSessionId: caller.workSessionId, readsAs: readsAs(caller, this.#rules) };
    const [head] = await readHeads(this.#db, [question]);
    if (head) await this.#audit.note(caller, 'set_summary', { vaultId, ...head });
  }
}

const committedBy = (
  { clientId, author }: Caller,
  { entry_no: entryNo, version }: Pick<Written, 'entry_no' | 'version'>,
): CommittedBy => ({ clientId, author, entryNo, version });
