/**
 * Adds audit rows for the sessions of `from` (columns id_hash and astation_id, and perhaps a condition), within the same
 * statement as the action. `request` and `address` are the places of those two values.
 */
export const audited = (from: string, { action, request, address }: AuditOf) => `
  audited AS (
    INSERT INTO audit_log (action, outcome, work_session_id, session, request_id, address)
    SELECT '${action}', 'done', astation_id, left(encode(id_hash, 'hex'), 12), ${request}::text, ${address}::text
    FROM ${from}
  )`;

export interface AuditOf {
  action: string;
  request: string;
  address: string;
}

/** Actions of the operator have no request and no address. */
export const BY_OPERATOR = { request: 'NULL', address: 'NULL' };
