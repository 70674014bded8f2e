/** Sessions that may be bound to one Astation (contract, section 4). */
export const MAX_BOUND_SESSIONS = 1000;

/** A session expires after so long without use: an interval of SQL. */
export const LIFETIME = `interval '7 days'`;
