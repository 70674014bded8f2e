import type { Reader } from '../access/policy.ts';

/** The credential that a call came by, as the audit log keeps it: a bare fingerprint for a session, else its author. */
export const sessionOf = ({ author }: Reader): string | null => author?.replace(/^session:/, '') ?? null;

/** The same as the last values of a statement that keeps its own audit row. */
export function auditColumns(caller: Reader): (string | null)[] {
  return [sessionOf(caller), caller.origin?.requestId ?? null, caller.origin?.address ?? null];
}
