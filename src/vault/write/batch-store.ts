import { createHash } from 'node:crypto';
import { type AccessRules, type Caller, readsAs } from '../../access/policy.ts';
import { sessionOf } from '../../audit/columns.ts';
import type { VaultCaps } from '../../config.ts';
import type { Database } from '../../db/client.ts';
import { type FailureScope, scopeOfFault } from '../../db/pg-errors.ts';
import { type CurrentVersion, findRelayError } from '../../errors.ts';
import type { WriteOutcome } from './outcomes.ts';

/** Decides each write under the lock of its vault. `$1` the writes as JSON, `$2` entries and `$3` bytes that a vault may hold. */
export const WRITE = `
  SELECT place, outcome, entry_no, version, seq, current FROM write_to_vaults($1::json, $2, $3)`;

/** The same, with a row of the audit log for each write that was made although it looks like a secret. */
export const WRITE_WITH_REASONS = `
  WITH done AS MATERIALIZED (
    SELECT place, outcome, entry_no, version, seq, current FROM write_to_vaults($1::json, $2, $3)
  ), noted AS (
    INSERT INTO audit_log (bucket, action, outcome, vault_id, seq, work_session_id, client_id, session, request_id, address)
    SELECT vault_bucket(vault_id), 'allow_secret', 'allowed: ' || reason, vault_id, seq, work_session_id, client_id, session, request_id, address
    FROM json_to_recordset($1::json) AS asked (place int, vault_id text, work_session_id text, client_id text,
      session text, request_id text, address text, reason text)
    JOIN done USING (place) WHERE reason IS NOT NULL AND done.outcome = 'written'
  )
  SELECT place, outcome, entry_no, version, seq, current FROM done`;

/** A write into a vault, as the store is asked for it. */
export interface Write {
  op: 'append' | 'override' | 'summary';
  vaultId: string;
  text: string;
  /** Of an override. */
  entryNo?: number | undefined;
  /** Undefined: an override keeps those of the version before. */
  tags?: readonly string[] | undefined;
  /** The version that the writer has seen, of the entry or the summary. */
  expected?: number | undefined;
  /** Makes a repeat of the same write safe. */
  key?: string | undefined;
}

/** A write and its caller. */
export interface CallersWrite {
  caller: Caller;
  write: Write;
  /** Why it may hold what looks like a secret. The audit log gets it if the write is made. */
  reason?: string | undefined;
}

/** The database's answer to one write. */
export interface WriteRow {
  place: number;
  outcome: WriteOutcome;
  entry_no: number | null;
  version: number | null;
  seq: bigint | null;
  current: CurrentVersion | null;
}

export interface BatchRules extends AccessRules {
  caps: VaultCaps;
}

/** Beside the text: names, key, request id. */
const BYTES_AROUND_TEXT = 512;

/** @returns an estimate of the bytes that a write takes in its statement */
export const bytesOfWrite = ({ write }: CallersWrite): number =>
  Buffer.byteLength(write.text) + BYTES_AROUND_TEXT;

/** Which writes of a failed statement the failure concerns: a lock one vault, a lost database all of them. */
export const scopeOfFailure = (error: unknown): FailureScope =>
  findRelayError(error)?.details.outcome === 'unknown' ? 'database' : scopeOfFault(error);

/** @returns the hash by which an idempotency key recognises a repeat of its request */
export const hashRequest = (...parts: unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex');

const toJson = ({ caller, write, reason }: CallersWrite, place: number, rules: AccessRules) => ({
  place,
  op: write.op,
  vault_id: write.vaultId,
  work_session_id: caller.workSessionId,
  client_id: caller.clientId,
  reads_as: readsAs(caller, rules),
  entry_no: write.entryNo,
  text: write.text,
  tags: write.tags,
  expected: write.expected,
  key: write.key,
  request_hash: write.key && hashRequest(write.op, write.entryNo, write.text, write.tags, write.expected),
  session: sessionOf(caller),
  author: caller.author,
  request_id: caller.origin?.requestId,
  address: caller.origin?.address,
  reason,
});

/**
 * Runs writes in one statement and one commit. A refused write leaves the others as they are.
 * @returns a row for each write, in their order
 * @throws RelayError `SERVICE_UNAVAILABLE`, with `outcome: unknown` where the statement may have been committed
 */
export async function runWrites(
  db: Database,
  writes: readonly CallersWrite[],
  rules: BatchRules,
): Promise<WriteRow[]> {
  const { entriesPerVault, bytesPerVault } = rules.caps;
  const rows = await db.commit<WriteRow>(
    writes.some(({ reason }) => reason !== undefined) ? WRITE_WITH_REASONS : WRITE,
    JSON.stringify(writes.map((write, place) => toJson(write, place, rules))),
    entriesPerVault,
    bytesPerVault,
  );
  return rows.length > 1 ? rows.toSorted((a, b) => a.place - b.place) : rows;
}
