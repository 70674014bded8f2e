import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { makeRequestId } from '../../src/http/ops/request-log.ts';

describe('a request id', () => {
  const makeFrom = (given: string | string[] | undefined) =>
    makeRequestId({
      headers: given === undefined ? {} : { 'x-request-id': given },
    } as unknown as IncomingMessage);
  const FRESH = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

  test.each(['a', 'A-1_b.c:d', 'x'.repeat(64)])('is the id of the client: %s', (id) => {
    expect(makeFrom(id)).toBe(id);
  });

  test.each([undefined, '', 'x'.repeat(65), 'a b', 'a\nb', 'a\n', 'a/b', 'a"b', 'é', 'a%20b'])(
    'is a fresh one instead of %j',
    (id) => {
      expect(makeFrom(id)).toMatch(FRESH);
    },
  );

  test('is a fresh one instead of several', () => {
    expect(makeFrom(['a', 'b'])).toMatch(FRESH);
  });

  test('is never the same twice', () => {
    expect(new Set(Array.from({ length: 1000 }, () => makeFrom(undefined))).size).toBe(1000);
  });
});
