import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findRelayError } from '../../src/errors.ts';
import { readJsonText } from '../../src/http/edge/json-text.ts';

const bytes = (text: string) => Buffer.from(text);

/** @returns the text, or why there is none */
function read(body: Uint8Array): string {
  try {
    return readJsonText(body);
  } catch (error) {
    const refusal = findRelayError(error);
    if (!refusal) throw error;
    return `${refusal.code}: ${refusal.message}`;
  }
}

const NOT_UTF8 = 'BAD_REQUEST: The request body is not valid UTF-8.';
const TOO_DEEP = 'BAD_REQUEST: The request body nests deeper than 16 levels.';

const anyText = fc.string({ unit: 'binary', maxLength: 40 });
/** Texts of what a reader of JSON may stumble over. */
const trickyText = fc
  .array(fc.constantFrom('"', '\\', '[', ']', '{', '}', '\\"', '团', '🦀', 'é', ',', 'a'), { maxLength: 30 })
  .map((parts) => parts.join(''));

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

describe('a body is read as it is', () => {
  test.each([
    '',
    '{}',
    '{"text":"a"}',
    '[1,2.5,-3e4,true,false,null]',
    'no JSON at all',
    '"\ufeff"',
    '"[[[[[[[[[[[[[[[[[[[["',
  ])('%j', (text) => {
    expect(read(bytes(text))).toBe(text);
  });

  test('except for a BOM before it', () => {
    expect(read(bytes('\ufeff{}'))).toBe('{}');
    expect(read(bytes('\ufeff\ufeff{}'))).toBe('\ufeff{}');
  });

  test('any JSON, unless it nests deeper than 16 levels', () => {
    const { value: json } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 18, withCrossShrink: true },
        fc.oneof(anyText, trickyText, fc.integer(), fc.constant(null)),
        { arbitrary: tie('list'), weight: 2 },
        { arbitrary: tie('object'), weight: 2 },
      ),
      list: fc.array(tie('value'), { maxLength: 2, depthIdentifier: 'json' }),
      object: fc.dictionary(trickyText, tie('value'), { maxKeys: 2, depthIdentifier: 'json' }),
    }));
    fc.assert(
      fc.property(json, fc.nat({ max: 20 }), (value, around) => {
        const nested = Array.from({ length: around }).reduce<unknown>((inner) => [inner], value);
        const text = JSON.stringify(nested);
        expect(read(bytes(text))).toBe(depthOf(nested) <= 16 ? text : TOO_DEEP);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a body that nests too deep is refused', () => {
  const nest = (depth: number, inner: string) => '[{"a":'.repeat(depth / 2) + inner + '}]'.repeat(depth / 2);

  test.each([
    ['16 levels pass', nest(16, '"a"'), undefined],
    ['17 do not', nest(16, '[]'), TOO_DEEP],
    ['nor do 17 objects', nest(16, '{}'), TOO_DEEP],
    ['also where it ends in the middle', '['.repeat(17), TOO_DEEP],
    ['many beside each other pass', `[${'[],'.repeat(1000)}[]]`, undefined],
    ['brackets in a string are text', nest(16, JSON.stringify('[{'.repeat(50))), undefined],
    ['so they are after an escaped quote', nest(16, '"\\"[[{"'), undefined],
    ['but not after an escaped backslash and a quote', nest(16, '"\\\\",[]'), TOO_DEEP],
    ['nor after a string with an escaped quote at its end', nest(16, '"a\\"",{}'), TOO_DEEP],
  ])('%s', (_, text, refusal) => {
    expect(read(bytes(text))).toBe(refusal ?? text);
  });
});

describe('a body that is not UTF-8 is refused', () => {
  test.each([
    ['Latin-1', [0x22, 0xe9, 0x22]],
    ['a byte that never occurs', [0xff]],
    ['a continuation alone', [0x80]],
    ['an overlong form', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['an end in the middle of a character', [0xe5, 0x9b]],
  ])('%s', (_, body) => {
    expect(read(Uint8Array.from(body))).toBe(NOT_UTF8);
  });

  test('exactly where decoding and encoding again would not give the same bytes', () => {
    const pieces = fc.array(
      fc.oneof(
        fc.constantFrom('a', '团', '🦀', 'é', '\ufffd').map((text) => [...bytes(text)]),
        // Without the brackets, which are another rule's business.
        fc.array(fc.integer({ min: 0x7e, max: 0xff }), { minLength: 1, maxLength: 2 }),
      ),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(pieces, (parts) => {
        const body = Buffer.from(parts.flat());
        const text = body.toString('utf8');
        expect(read(body)).toBe(body.equals(bytes(text)) ? text.replace(/^\ufeff/, '') : NOT_UTF8);
      }),
      { numRuns: 1000 },
    );
  });
});
