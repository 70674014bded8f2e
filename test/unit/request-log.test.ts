import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { loggableUrl, makeRequestId } from '../../src/http/request-log.ts';

describe('an address in the log', () => {
  test.each([
    ['/', '/'],
    ['/health', '/health'],
    ['/api/vault/v-0123456789', '/api/vault/v-0123456789'],
    ['/api/vault/v-0123456789?id=me', '/api/vault/v-0123456789?id=[redacted]'],
    ['/api/vault?id=me&since=3&history=true', '/api/vault?id=[redacted]&since=3&history=true'],
    ['/api/vault?id', '/api/vault?id=[redacted]'],
    ['/api/vault?', '/api/vault?[redacted]'],
    ['/api/vault?=me', '/api/vault?[redacted]'],
    ['/api/vault?ID=me', '/api/vault?[redacted]'],
    ['/api/vault?i%64=me', '/api/vault?[redacted]'],
    ['/api/vault?id=a=b', '/api/vault?id=[redacted]'],
    ['/api/vault?id=a?b=c', '/api/vault?id=[redacted]'],
    ['/api/vault?id=a&id=b', '/api/vault?id=[redacted]&id=[redacted]'],
    ['/api/vault?token=x&otp=12345678', '/api/vault?token=[redacted]&otp=[redacted]'],
    ['/x?0b7c7b38', '/[redacted]?[redacted]'],
    ['/ws?role=0b7c7b38&since=x', '/ws?role=[redacted]&since=[redacted]'],
    ['/api/%73essions/0b7c7b38/status', '/api/[redacted]/[redacted]/status'],
    ['/sessions%2F0b7c7b38', '/[redacted]'],
    ['/API/PAIR/ABCD-EFGH', '/[redacted]/[redacted]/[redacted]'],
    [
      '/trpc/vault.read,vault.list?batch=1&id=me&input=%7B%220%22%3A1%7D',
      '/trpc/vault.read,vault.list?batch=1&id=[redacted]&input=[redacted]',
    ],
    [
      '/api/vault/v-0123456789?as_of=3&kind=all&limit=100&wait=25&cursor=9.12&details=true',
      '/api/vault/v-0123456789?as_of=3&kind=all&limit=100&wait=25&cursor=9.12&details=true',
    ],
    ['/api/vault?cursor=1795449600000000.v-0123456789', '/api/vault?cursor=1795449600000000.v-0123456789'],
    [
      '/api/vault?as_of=x&kind=x&limit=10000&wait=x&cursor=9.x&details=1',
      '/api/vault?as_of=[redacted]&kind=[redacted]&limit=[redacted]&wait=[redacted]&cursor=[redacted]&details=[redacted]',
    ],
    ['/api/vault?q=word&writer=me&tag=a', '/api/vault?q=[redacted]&writer=[redacted]&tag=[redacted]'],
    ['/api/vault/v-0123456789/meta?id=me', '/api/vault/v-0123456789/meta?id=[redacted]'],
    ['/api/vault/v-0123456789/proof?since=1&limit=5', '/api/vault/v-0123456789/proof?since=1&limit=5'],
    ['/api/vault/v-0123456789/writers/me', '/api/vault/v-0123456789/writers/[redacted]'],
    [
      '/trpc/vault.watch?id=me&input=%7B%7D&lastEventId=7&connectionParams=%7B%7D',
      '/trpc/vault.watch?id=[redacted]&input=[redacted]&lastEventId=[redacted]&connectionParams=[redacted]',
    ],
    ['/ws?role=atem&code=ABCD-EFGH&session=s', '/ws?role=atem&code=[redacted]&session=[redacted]'],
    ['/api/sessions', '/api/sessions'],
    ['/api/sessions/0b7c7b38/status', '/api/sessions/[redacted]/status'],
    ['/api/sessions/0b7c7b38?x=1', '/api/sessions/[redacted]?[redacted]'],
    ['/api/pair/ABCD-EFGH', '/api/pair/[redacted]'],
    ['/pair?code=ABCD-EFGH', '/pair?code=[redacted]'],
    ['/auth?id=0b7c7b38&tag=host', '/auth?id=[redacted]&tag=[redacted]'],
  ])('%s is %s', (url, logged) => {
    expect(loggableUrl(url)).toBe(logged);
  });
});

describe('a request id', () => {
  const makeFrom = (given: string | string[] | undefined) =>
    makeRequestId({
      headers: given === undefined ? {} : { 'x-request-id': given },
    } as unknown as IncomingMessage);
  const FRESH = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

  test.each(['a', 'A-1_b.c:d', 'x'.repeat(64)])('is the one that came: %s', (id) => {
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
