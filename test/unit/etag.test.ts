import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { etagOf, isNamed, readSeenHead } from '../../src/surfaces/rest/etag.ts';

const HEAD = 42;
const ETAG = etagOf(HEAD);

describe('C1 an If-None-Match', () => {
  test.each([
    ['W/"42"', 42],
    ['"42"', 42],
    [' W/"42" ', 42],
    ['\tW/"42"\t', 42],
    ['"x", W/"41",W/"42" , W/"0"', 42],
    ['"a,b", W/"42"', 42],
    ['"a, W/"41", "42"', 42],
    [',,"42",', 42],
    ['junk, "42"', 42],
    ['*, "42"', 42],
    ['W/"42", "unterminated', 42],
    ['"42", W/"99"', 99],
    ['*', undefined],
    [' * ', undefined],
  ])('names the tag: %j', (header, seen) => {
    expect(isNamed(header, ETAG)).toBe(true);
    expect(readSeenHead(header)).toBe(seen);
  });

  test.each([
    ['', undefined],
    ['42', undefined],
    ['"042"', undefined],
    ['W/"042"', undefined],
    ['"+42"', undefined],
    ['"42 "', undefined],
    ['"4 2"', undefined],
    ['w/"42"', undefined],
    ['W/42', undefined],
    ['W/ "42"', undefined],
    ['"42', undefined],
    ['42"', undefined],
    ['"42"x', undefined],
    ['x"42"', undefined],
    ['"42" "42"', undefined],
    ['"x"42"', undefined],
    ["'42'", undefined],
    ['""42""', undefined],
    ['**', undefined],
    ['"*"', undefined],
    ['"42\\"', undefined],
    ['"41", "43"', 43],
    ['"99999999999999999999"', undefined],
    ['\u00a0"42"', undefined],
  ])('does not name the tag: %j', (header, seen) => {
    expect(isNamed(header, ETAG)).toBe(false);
    expect(readSeenHead(header)).toBe(seen);
  });

  test('leaves rows out only if the answer is a 304, for any header', () => {
    const piece = fc.constantFrom(
      '"',
      'W/',
      'w/',
      '0',
      '4',
      '2',
      '42',
      '"42"',
      ',',
      ' ',
      '\t',
      '*',
      'x',
      '\\',
      '\xe9',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.nat(60), (pieces, head) => {
        const header = pieces.join('');
        if (readSeenHead(header) === head) expect(isNamed(header, etagOf(head))).toBe(true);
        expect(isNamed(etagOf(head), etagOf(head))).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });
});
