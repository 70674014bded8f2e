/** The answers of a healthy database that refuses a statement: the sentence and `Retry-After`. */
export const BUSY = {
  stopped: {
    message:
      'The database stopped this request after 5 seconds. Nothing was changed; request less, for example with limit or since, or try again later.',
    retryAfter: '10',
  },
  locked: {
    message:
      'Another write, or maintenance of the database, held a lock that this request needs for 2 seconds. Nothing was changed; try again shortly.',
    retryAfter: '1',
  },
  collided: {
    message: 'This request conflicted with another one. Nothing was changed; retry it.',
    retryAfter: '1',
  },
  exhausted: {
    message:
      'The database has no disk space, memory or connections left. Nothing was changed; try again later.',
    retryAfter: '5',
  },
  poolFull: {
    message:
      'All connections of this server to its database are in use. Nothing was changed; try again shortly.',
    retryAfter: '2',
  },
} as const;
