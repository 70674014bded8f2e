import { describe, expect, test } from 'vitest';
import { readAddress } from '../../../src/cli/remote/address.ts';
import { explainRemote, RemoteError } from '../../../src/cli/remote/failure.ts';

describe('the address of a server', () => {
  test.each([
    ['https://relay.example.org/', 'https://relay.example.org'],
    ['HTTP://127.0.0.1:3000', 'http://127.0.0.1:3000'],
    ['https://example.org/relay//', 'https://example.org/relay'],
    ['relay.example.org', undefined],
    ['127.0.0.1:3000', undefined],
    ['file:///etc', undefined],
    ['https://ann@example.org', undefined],
    ['https://example.org/?id=1', undefined],
    ['https://example.org/#x', undefined],
  ])('%s is %s', (text, address) => {
    expect(readAddress(text)).toBe(address);
  });
});

describe('a call that failed', () => {
  const at = { url: 'https://relay.example' };
  const thrown = (message: string, more: object = {}) =>
    Object.assign(new Error(message), { name: 'TRPCClientError', ...more });
  const refusal = (status: number, message = 'No.', headers: Record<string, string> = {}) =>
    thrown(message, {
      data: { httpStatus: status },
      meta: { response: new Response(null, { status, headers }) },
    });
  const network = (code: string) =>
    thrown('fetch failed', {
      cause: new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code }) }),
    });

  test.each([
    [401, false],
    [403, false],
    [404, false],
    [409, false],
    [501, false],
    [408, true],
    [429, true],
    [500, true],
    [503, true],
  ])('with status %i may succeed later: %s', (status, isTransient) => {
    expect(explainRemote(refusal(status), at)).toMatchObject({ isTransient });
  });

  test('while the server is busy names the time that it asks for', () => {
    const error = explainRemote(refusal(503, 'The server is busy.', { 'retry-after': '7' }), at);
    expect(error).toMatchObject({ message: 'The server is busy. Try again in 7 s.', retryAfter: 7 });
  });

  test('on the way says that a text may be written only if it may', () => {
    const message = (code: string, writes: boolean) =>
      (explainRemote(network(code), { ...at, writes }) as Error).message;
    expect(message('ECONNRESET', true)).toBe(
      'Cannot reach https://relay.example: the connection was cut (ECONNRESET). The text may have been written: repeat the command with the same --idempotency-key, or read first.',
    );
    const unsent = 'Check the address, and that the server runs.';
    expect(message('ECONNREFUSED', true)).toContain(unsent);
    expect(message('ECONNRESET', false)).toContain(unsent);
  });

  test('at a proxy names the status', () => {
    const error = explainRemote(
      thrown('Unexpected token', { meta: { response: new Response('', { status: 502 }) } }),
      at,
    );
    expect(error).toBeInstanceOf(RemoteError);
    expect(error).toMatchObject({
      isTransient: true,
      message: 'https://relay.example did not answer as vault-relay does (status 502). Try again shortly.',
    });
  });

  test('for another reason stays as it is', () => {
    const other = new Error('a fault of this program');
    expect(explainRemote(other, at)).toBe(other);
  });
});
