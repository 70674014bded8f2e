import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_ATEM_ID_BYTES, rawAtemId, sanitizeAtemId } from '../../../src/relay/sockets/atem-id.ts';

const sanitize = (raw: string | undefined) => sanitizeAtemId(raw, () => 'c0ffee42');

describe('sanitizeAtemId', () => {
  test.each([
    ['Chinese, the contract’s example', '%E5%9B%A2%E9%98%9F-mac', '团队-mac'],
    ['the contract’s example for ASCII', 'a_b.c d!e', 'abcde'],
    ['the same, encoded', 'a_b.c%20d%21e', 'abcde'],
    ['lower-case escapes', '%e5%9b%a2', '团'],
    ['Chinese that nobody encoded', '团队-mac', '团队-mac'],
    ['Japanese', '%E3%82%B5%E3%83%BC%E3%83%90%E3%83%BC-1', 'サーバー-1'],
    ['Korean', '%ED%8C%80.local', '팀local'],
    ['emoji', '%F0%9F%9A%80-pad', '🚀-pad'],
    ['emoji joined by ZWJ', encodeURIComponent('👩‍💻-box'), '👩‍💻-box'],
    ['combining mark, not composed', 'e%CC%81', 'e\u0301'],
    ['the composed letter stays another id', '%C3%A9', '\u00e9'],
    ['a literal percent sign before hex digits', '100%25E5', '100E5'],
    ['a literal percent sign before an ASCII escape', '100%2541', '10041'],
    ['a literal percent sign before a whole character', '%25E5%259B%25A2', 'E59BA2'],
    ['percent at the end', 'mac%', 'mac'],
    ['an escape that is cut off', 'mac%E', 'macE'],
    ['an escape that is not hex', 'mac%zz', 'maczz'],
    ['UTF-8 that is cut off', '%E5%9B-mac', 'E59B-mac'],
    ['a byte that is no UTF-8, beside a character', '%FF%E5%9B%A2', 'FF团'],
    ['an overlong form', '%E0%80%AF', 'E080AF'],
    ['an encoded surrogate', '%ED%A0%80', 'EDA080'],
    ['beyond U+10FFFF', '%F7%BF%BF%BF', 'F7BFBFBF'],
    ['a plus, which forms mean as a space', 'a+b', 'ab'],
    ['NUL and line breaks', 'a%00b%0Ac%0D', 'abc'],
    ['lone surrogates', 'a\ud83db\ude80c', 'abc'],
  ])('%s', (_name, raw, expected) => {
    expect(sanitize(raw)).toBe(expected);
  });

  test.each([undefined, '', '_._', '%20%21', '\ud83d'])('%j leaves nothing and gets a random name', (raw) => {
    expect(sanitize(raw)).toBe('atem-c0ffee42');
  });

  test('is cut to 255 UTF-8 bytes at a whole character', () => {
    expect(sanitize('a'.repeat(300))).toBe('a'.repeat(255));
    expect(sanitize('团'.repeat(100))).toBe('团'.repeat(85));
    expect(sanitize(`aa${'🚀'.repeat(100)}`)).toBe(`aa${'🚀'.repeat(63)}`);
  });

  test('for any input the id is well-formed, bounded, of allowed characters and stable', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom('%', 'E', '5', '9', 'B', 'A', '2', '\ud83d', '\ude80', '团', '-') }),
    );
    fc.assert(
      fc.property(anything, (raw) => {
        const id = sanitize(raw);
        expect(id).not.toBe('');
        expect(id).not.toMatch(/\p{Surrogate}/u);
        expect(id).not.toMatch(/(?![A-Za-z0-9-])\p{ASCII}/u);
        expect(Buffer.byteLength(id)).toBeLessThanOrEqual(MAX_ATEM_ID_BYTES);
        expect(sanitize(encodeURIComponent(id))).toBe(id);
      }),
    );
  });
});

describe('rawAtemId', () => {
  test.each([
    ['/ws?role=atem&code=X&atem_id=100%25E5', '100%25E5'],
    ['/ws?atem_id=a&atem_id=b', 'a'],
    ['/ws?atem_id=', ''],
    ['/ws?atem_id=a=b', 'a=b'],
    ['/ws?xatem_id=a', undefined],
    ['/ws', undefined],
  ])('%s', (url, expected) => {
    expect(rawAtemId(url)).toBe(expected);
  });
});
