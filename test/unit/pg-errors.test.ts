import { DriverAdapterError } from '@prisma/driver-adapter-utils';
import { describe, expect, test } from 'vitest';
import {
  driverErrorOf,
  mayHaveRun,
  neverSent,
  poolBusy,
  readFault,
  scopeOfFault,
  spoilsConnections,
  toRelayError,
} from '../../src/db/pg-errors.ts';

const failing = (code: string | undefined, message = 'why') =>
  Object.assign(new Error(message), code === undefined ? {} : { code });

describe('a statement that failed may have been committed', () => {
  test.each([
    ['a connection that ended', undefined, 'Connection terminated unexpectedly'],
    ['an answer that did not come', undefined, 'Query read timeout'],
    ['a connection that was reset', 'ECONNRESET', 'read ECONNRESET'],
    ['a stream that was destroyed', 'ERR_STREAM_DESTROYED', 'Cannot call write after a stream was destroyed'],
    ['a connection failure', '08006', 'connection failure'],
    ['a server that stops', '57P01', 'terminating connection due to administrator command'],
    ['a server that crashed', '57P02', 'terminating connection because of crash of another server process'],
  ])('after %s', (_, code, message) => {
    const fault = readFault(failing(code, message));
    expect(mayHaveRun(fault)).toBe(true);
    expect(spoilsConnections(fault)).toBe(true);
    expect(toRelayError(failing(code, message))).toMatchObject({ code: 'SERVICE_UNAVAILABLE', details: {} });
  });

  test.each(['57P03', '08001', '25006', '28P01', '28000', '3D000', '58030'])(
    'but not after %s, although a retry is possible',
    (code) => {
      expect(mayHaveRun(readFault(failing(code)))).toBe(false);
      expect(spoilsConnections(readFault(failing(code)))).toBe(code === '25006');
      expect(toRelayError(failing(code))).toMatchObject({
        code: 'SERVICE_UNAVAILABLE',
        refusal: 'SERVICE_UNAVAILABLE',
        retryAfter: 1,
        message: 'The database cannot be reached at the moment; try again shortly.',
      });
    },
  );

  test.each([
    ['57014', 'STATEMENT_TIMEOUT', 10, /stopped this request after 5 seconds.*request less/],
    ['55P03', 'LOCK_TIMEOUT', 1, /held a lock that this request needs for 2 seconds/],
    ['40001', 'COLLISION', 1, /This request conflicted with another one/],
    ['40P01', 'COLLISION', 1, /This request conflicted with another one/],
    ['53100', 'DATABASE_EXHAUSTED', 5, /no disk space, memory or connections left/],
    ['53200', 'DATABASE_EXHAUSTED', 5, /no disk space, memory or connections left/],
    ['53300', 'DATABASE_EXHAUSTED', 5, /no disk space, memory or connections left/],
    ['VR002', 'POOL_BUSY', 2, /All connections of this server to its database are in use/],
  ])('nor after %s, which is not a database that cannot be reached', (code, refusal, retryAfter, message) => {
    const thrown = failing(code);
    expect(mayHaveRun(readFault(thrown))).toBe(false);
    expect(spoilsConnections(readFault(thrown))).toBe(false);
    const error = toRelayError(thrown);
    expect(error).toMatchObject({ code: 'SERVICE_UNAVAILABLE', refusal, retryAfter, cause: thrown });
    expect(error?.message).toMatch(message);
    expect(error?.message).toMatch(/Nothing was changed/);
  });

  test.each(['42703', '42501', '23505', 'XX000'])(
    'and not after %s, which is a bug of the server',
    (code) => {
      expect(mayHaveRun(readFault(failing(code)))).toBe(false);
      expect(toRelayError(failing(code))).toBeUndefined();
    },
  );
});

describe('a failure before a statement was sent', () => {
  test.each([
    [undefined, 'timeout exceeded when trying to connect'],
    ['ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:5432'],
    ['ECONNRESET', 'read ECONNRESET'],
    ['57P01', 'terminating connection due to administrator command'],
    ['08P01', 'no more connections allowed (max_client_conn)'],
    [undefined, 'Cannot use a pool after calling end on the pool'],
  ])('is marked as such: %s %s', (code, message) => {
    const marked = neverSent(failing(code, message));
    expect(readFault(marked)).toEqual({ code: '08001', message });
    expect(mayHaveRun(readFault(marked))).toBe(false);
  });

  test.each(['53300', '57P03', '28P01', '3D000', '42501'])(
    'unless the server gave the reason: %s',
    (code) => {
      const error = failing(code);
      expect(neverSent(error)).toBe(error);
    },
  );
});

test('a call that found no connection because all were at work is marked as such', () => {
  const marked = poolBusy(failing(undefined, 'timeout exceeded when trying to connect'));
  expect(readFault(marked)).toEqual({ code: 'VR002', message: 'timeout exceeded when trying to connect' });
});

describe('the subject of a failure of several writes', () => {
  test.each([
    ['22021', 'a NUL byte', 'call'],
    ['22P05', 'a NUL escape', 'call'],
    ['23514', 'a check', 'call'],
    ['54000', 'a limit of PostgreSQL', 'call'],
    ['P0001', 'a function that raised', 'call'],
    ['XX000', 'a bug of PostgreSQL', 'call'],
    ['55P03', 'a lock that was kept', 'rows'],
    ['57014', 'its time was up', 'rows'],
    ['40P01', 'a deadlock', 'rows'],
    ['08006', 'a connection that broke', 'database'],
    ['53100', 'a full disk', 'database'],
    ['VR002', 'no free connection', 'database'],
    ['57P01', 'a server that stops', 'database'],
    ['ECONNRESET', 'the operating system', 'database'],
    [undefined, 'the driver', 'database'],
  ])('%s: %s', (code, _, scope) => {
    expect(scopeOfFault(failing(code))).toBe(scope);
    const ours = toRelayError(failing(code));
    if (ours) expect(scopeOfFault(ours)).toBe(scope);
  });
});

test.each(['22021', '22P05'])('NUL past the edge gives the caller: %s', (code) => {
  const thrown = failing(code);
  expect(toRelayError(thrown)).toMatchObject({ code: 'BAD_REQUEST', cause: thrown });
});

test.each(['ConnectionClosed', 'SocketTimeout'] as const)(
  "a socket that broke is a lost connection where Prisma's adapter drops its code: %s",
  (kind) => {
    const fault = readFault(new DriverAdapterError({ kind }));
    expect(fault).toEqual({ code: '08006', message: kind });
    expect(mayHaveRun(fault)).toBe(true);
  },
);

test('what Prisma wrapped has the code and the message of the driver', () => {
  const cause = new DriverAdapterError({
    kind: 'postgres',
    code: '42501',
    severity: 'ERROR',
    message: 'permission denied',
    detail: undefined,
    column: undefined,
    hint: undefined,
    originalCode: '42501',
    originalMessage: 'permission denied',
  });
  const thrown = Object.assign(new Error('Invalid invocation'), { meta: { driverAdapterError: cause } });
  expect(driverErrorOf(thrown)).toMatchObject({ code: '42501', message: 'permission denied', cause: thrown });
  const other = new Error('another');
  expect(driverErrorOf(other)).toBe(other);
});
