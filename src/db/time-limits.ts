/** How long the parts of a call to PostgreSQL may take, in milliseconds. Without limits the driver waits without end. */
export const TIME_LIMITS = {
  /** Until there is a connection. */
  connect: 2000,
  statement: 5000,
  lock: 2000,
  idleInTransaction: 10_000,
  /** For a server that stops answering without closing its sockets: PostgreSQL ends a statement before. */
  answer: 6000,
} as const;
