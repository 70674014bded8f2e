import { fingerprint } from '../session/session-id.ts';
import type { Reader } from './policy.ts';

/** Where a call came from, as the audit log keeps it: the session only by its fingerprint. */
export const originOf = ({ origin }: Reader) => ({
  session: origin?.sessionHash ? fingerprint(Buffer.from(origin.sessionHash, 'hex')) : null,
  request_id: origin?.requestId ?? null,
  address: origin?.address ?? null,
});

/** The same as the last values of a statement that keeps its own audit row. */
export function auditColumns(caller: Reader): (string | null)[] {
  const { session, request_id, address } = originOf(caller);
  return [session, request_id, address];
}
