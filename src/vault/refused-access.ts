import { type Caller, canRead, isOperator, type Reader, type VaultAccess } from '../access/policy.ts';
import type { VaultAudit } from '../audit/vault-audit-store.ts';
import { forbidden, notFound, RelayError } from '../errors.ts';

export const noVault = (vaultId: string) => notFound(`There is no vault ${vaultId}.`);
export const foreignVault = (vaultId: string) =>
  forbidden(`Vault ${vaultId} belongs to another work session.`);
export const readOnlyVault = (vaultId: string) =>
  forbidden(`Vault ${vaultId} belongs to another work session: as a past writer you may read it, not write.`);

/** For a vault that was created, or opened to the reader, between the two statements. */
const justChanged = (vaultId: string) =>
  new RelayError('SERVICE_UNAVAILABLE', `Your access to vault ${vaultId} has just changed; retry.`, {
    retryAfter: 1,
  });

/** A refused call: its action in the audit log, and the rule of `policy.ts` that allows it. */
export interface RefusedAccess {
  action: string;
  allowed(vault: VaultAccess, caller: Caller): boolean;
}

/**
 * Finds out why a statement affected no row, and records the refusal in the audit log.
 * @returns the error to throw: `NOT_FOUND`, `FORBIDDEN`, or `SERVICE_UNAVAILABLE` where a retry may succeed
 * @throws RelayError `SERVICE_UNAVAILABLE` when the database is unavailable
 */
export async function refusedAccess(
  audit: VaultAudit,
  { reader, vaultId }: { reader: Reader; vaultId: string },
  { action, allowed }: RefusedAccess,
): Promise<RelayError> {
  const reason = await audit.explainRefusal(reader, vaultId, action);
  if (!reason) return noVault(vaultId);
  if (isOperator(reader)) return justChanged(vaultId);
  const vault = {
    workSessionId: reason.workSessionId,
    writerList: reason.isWriter ? [reader.clientId] : [],
  };
  if (allowed(vault, reader)) return justChanged(vaultId);
  return canRead(vault, reader) ? readOnlyVault(vaultId) : foreignVault(vaultId);
}
