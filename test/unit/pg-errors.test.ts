import { describe, expect, test } from 'vitest';
import { toRelayError, wasRolledBack } from '../../src/db/pg-errors.ts';
import { RelayError } from '../../src/errors.ts';

/** As the driver throws what PostgreSQL or the operating system said. */
const fault = (code: string | undefined, message = 'why') =>
  Object.assign(new Error(message), code === undefined ? {} : { code });

describe('a statement that certainly changed nothing', () => {
  test.each([
    ['22021', 'a NUL byte'],
    ['22P05', 'a NUL escape'],
    ['23514', 'a check'],
    ['40001', 'a serialization failure'],
    ['40P01', 'a deadlock'],
    ['53100', 'a full disk'],
    ['54000', 'a limit of PostgreSQL'],
    ['55P03', 'a lock that was kept'],
    ['57014', 'its time was up'],
    ['P0001', 'a function that raised'],
    ['XX000', 'a bug of PostgreSQL'],
  ])('%s: %s', (code) => {
    expect(wasRolledBack(fault(code))).toBe(true);
  });

  test.each<[code: string | undefined, meaning: string]>([
    ['08006', 'the connection broke'],
    ['40003', 'completion unknown'],
    ['57P01', 'the server was told to stop'],
    ['57P02', 'another process crashed'],
    ['57P03', 'the server starts up'],
    ['53300', 'no connection is left'],
    ['28P01', 'the password is refused'],
    ['3D000', 'there is no such database'],
    ['25006', 'a standby'],
    ['EPIPE', 'an error of the operating system that looks like a SQLSTATE'],
    ['ECONNRESET', 'an error of the operating system'],
    [undefined, 'an error of the driver'],
  ])('is not certain after %s: %s', (code, _) => {
    expect(wasRolledBack(fault(code))).toBe(false);
  });

  test.each([['text'], [undefined], [null]])('is not certain after what is no error: %s', (thrown) => {
    expect(wasRolledBack(thrown)).toBe(false);
  });
});

describe('what the caller hears', () => {
  test.each(['22021', '22P05'])('of NUL that came past the edge: %s', (code) => {
    const thrown = fault(code);
    expect(toRelayError(thrown)).toMatchObject({ code: 'BAD_REQUEST', cause: thrown });
  });

  test('of what may pass: come again', () => {
    const thrown = fault('55P03');
    expect(toRelayError(thrown)).toMatchObject({ code: 'SERVICE_UNAVAILABLE', retryAfter: 1, cause: thrown });
  });

  test('of our own mistakes: nothing of PostgreSQL’s', () => {
    expect(toRelayError(fault('42P01'))).toBeUndefined();
    expect(toRelayError(new RelayError('CONFLICT', 'Why.'))).toBeUndefined();
  });
});
