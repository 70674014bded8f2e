import { randomInt } from 'node:crypto';
import type { Caller } from '../../access/policy.ts';
import { sessionOf } from '../../audit/columns.ts';
import type { Database } from '../../db/client.ts';
import { forbidden } from '../../errors.ts';
import { toSafeNumber } from '../../numbers.ts';
import { hashRequest } from './batch-store.ts';
import type { CreationOutcome } from './outcomes.ts';
import { keyReused, unknownOutcome } from './refusals.ts';

/** `$1` the vault to make as JSON, `$2` the vaults that a work session may have. */
export const CREATE = `SELECT outcome, vault_id, seq FROM create_vault($1::json, $2)`;

/** The same, with a row of the audit log if the vault is made although its summary looks like a secret. */
export const CREATE_WITH_REASON = `
  WITH made AS MATERIALIZED (SELECT outcome, vault_id, seq FROM create_vault($1::json, $2)), noted AS (
    INSERT INTO audit_log (bucket, action, outcome, vault_id, seq, work_session_id, client_id, session, request_id, address)
    SELECT vault_bucket(made.vault_id), 'allow_secret', 'allowed: ' || reason, made.vault_id, seq, work_session_id, client_id, session, request_id, address
    FROM made, json_to_record($1::json) AS asked (work_session_id text, client_id text, session text, request_id text,
      address text, reason text)
    WHERE made.outcome = 'written'
  )
  SELECT outcome, vault_id, seq FROM made`;

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 10;

/** `v-` and 10 base62 characters (59 bits) from a CSPRNG; `randomInt` is free of modulo bias. */
export function makeVaultId(): string {
  let id = 'v-';
  for (let i = 0; i < ID_LENGTH; i++) id += BASE62[randomInt(BASE62.length)];
  return id;
}

/** Ids to draw for one vault. A draw is taken with a probability of one in 62^10 per vault. */
const MAX_ID_DRAWS = 5;

/** A vault as its creator asks for it. */
export interface Creation {
  caller: Caller;
  summary: string;
  key?: string | undefined;
  /** Why it may hold what looks like a secret. The audit log gets it if the vault is made. */
  reason?: string | undefined;
}

export interface Created {
  vaultId: string;
  /** The `seq` of its first summary. */
  seq: number;
  /** The key stands for a vault that was created before. */
  replayed: boolean;
}

/**
 * Creates a vault with its first summary.
 * @param maxVaults that the work session may have; 0: no limit
 * @throws RelayError `FORBIDDEN` over the limit, `CONFLICT` for a reused key, `SERVICE_UNAVAILABLE`
 */
export async function createVault(
  db: Database,
  { caller, summary, key, reason }: Creation,
  maxVaults: number,
): Promise<Created> {
  for (let draws = 0; draws < MAX_ID_DRAWS; draws++) {
    const creation = {
      vault_id: makeVaultId(),
      summary,
      work_session_id: caller.workSessionId,
      client_id: caller.clientId,
      ...(key === undefined ? {} : { key, request_hash: hashRequest('create', summary) }),
      session: sessionOf(caller),
      author: caller.author,
      request_id: caller.origin?.requestId,
      address: caller.origin?.address,
      reason,
    };
    const [row] = await db.commit<{ outcome: CreationOutcome; vault_id: string; seq: bigint | null }>(
      reason === undefined ? CREATE : CREATE_WITH_REASON,
      JSON.stringify(creation),
      maxVaults,
    );
    switch (row?.outcome) {
      case 'written':
      case 'replayed':
        return {
          vaultId: row.vault_id,
          seq: toSafeNumber(row.seq ?? 0n),
          replayed: row.outcome === 'replayed',
        };
      case 'key_reused':
        throw keyReused();
      case 'full':
        throw forbidden('Your work session has the maximum number of vaults; write into one of them.');
      case 'taken':
        continue;
      default:
        throw unknownOutcome('create_vault', row?.outcome);
    }
  }
  throw new Error(`Drew ${MAX_ID_DRAWS} ids for a vault, and each was taken`);
}
