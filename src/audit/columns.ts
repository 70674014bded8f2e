import type { Reader } from '../access/policy.ts';
import { fingerprint } from '../access/session-id.ts';

/** The session that a call came by, as the audit log keeps it: by its fingerprint only. */
export const sessionOf = ({ origin }: Reader): string | null =>
  origin?.sessionHash ? fingerprint(origin.sessionHash) : null;

/** The same as the last values of a statement that keeps its own audit row. */
export function auditColumns(caller: Reader): (string | null)[] {
  return [sessionOf(caller), caller.origin?.requestId ?? null, caller.origin?.address ?? null];
}
