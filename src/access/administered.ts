import { badRequest, forbidden } from '../errors.ts';
import { isOperator, type Reader } from './policy.ts';

/**
 * The work session that an administrator's call is about: that of a caller, or the one that an operator names.
 * @param named by the input of the call
 * @returns undefined where an operator names none, which means all
 * @throws RelayError `FORBIDDEN` where a caller names another one
 */
export function administeredWorkSession(reader: Reader, named?: string): string | undefined {
  if (isOperator(reader)) return named;
  if (named === undefined || named === reader.workSessionId) return reader.workSessionId;
  throw forbidden('You can administer your own work session only; leave out work_session_id.');
}

/** The same for a call that needs one. @throws RelayError also `BAD_REQUEST` where an operator names none */
export function requireWorkSession(reader: Reader, named: string | undefined): string {
  const workSessionId = administeredWorkSession(reader, named);
  if (workSessionId !== undefined) return workSessionId;
  throw badRequest('Field work_session_id is missing; an operator must name the work session.');
}
