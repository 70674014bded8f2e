import { badRequest, forbidden } from '../errors.ts';
import { isOperator, type Reader } from './policy.ts';

/**
 * The work session that an administrator's call is about: that of a caller, or the one that an operator names.
 * @param named by the input of the call
 * @throws RelayError `BAD_REQUEST` where an operator names none, `FORBIDDEN` where a caller names another one
 */
export function administeredWorkSession(reader: Reader, named: string | undefined): string {
  if (!isOperator(reader)) {
    if (named === undefined || named === reader.workSessionId) return reader.workSessionId;
    throw forbidden('You can administer your own work session only; leave out work_session_id.');
  }
  if (named !== undefined) return named;
  throw badRequest('Field work_session_id is missing; an operator must name the work session.');
}
