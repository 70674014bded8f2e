/** Time-outs of the parts of a call to PostgreSQL, in milliseconds. The driver has none by default. */
export const TIME_LIMITS = {
  /** Until a connection is available. */
  connect: 2000,
  statement: 5000,
  lock: 2000,
  idleInTransaction: 10_000,
  /** For a database that hangs with open sockets. Otherwise PostgreSQL's own statement time-out comes first. */
  answer: 6000,
} as const;
