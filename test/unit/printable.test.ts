import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeJson, escapeText, toJson } from '../../src/printable.ts';
import { HOSTILE, UNPRINTABLE } from '../support/hostile.ts';

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
const isEmoji = (segment: string) => /\p{Extended_Pictographic}|\ufe0f\u20e3$/u.test(segment);
const withoutEmoji = (text: string) =>
  [...graphemes.segment(text)].filter(({ segment }) => !isEmoji(segment)).map(({ segment }) => segment);

describe('text for a terminal', () => {
  test.each([
    ['a\u001b[2Jb', 'a\\u{1b}[2Jb'],
    ['one\ntwo\r\tthree', 'one\\u{a}two\\u{d}\\u{9}three'],
    ['\u007f\u0085\u009b31m', '\\u{7f}\\u{85}\\u{9b}31m'],
    ['\u202egnp.exe\u2066', '\\u{202e}gnp.exe\\u{2066}'],
    ['a\u2028b\u2029c', 'a\\u{2028}b\\u{2029}c'],
    ['ad\u200bm\u200din\ufeff', 'ad\\u{200b}m\\u{200d}in\\u{feff}'],
    ['\u{e0068}\u{e0069}', '\\u{e0068}\\u{e0069}'],
    ['x\ud800y', 'x\\u{d800}y'],
    ['\u3164\u00ad\u034f', '\\u{3164}\\u{ad}\\u{34f}'],
  ])('%j is printed as %s', (text, expected) => {
    expect(escapeText(text)).toBe(expected);
  });

  test.each([
    '',
    'plain',
    'C:\\Users\\u{1b}',
    '團隊 ñ e\u0301 ß',
    '👩‍👩‍👧 ❤️ 1️⃣ 🇨🇳 👍🏽 🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}',
  ])('%j stays as it is', (text) => {
    expect(escapeText(text)).toBe(text);
  });

  test('any text: one line, no control sequence, and a second pass changes nothing', () => {
    const text = fc.string({ unit: fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary' })) });
    fc.assert(
      fc.property(text, (value) => {
        const safe = escapeText(value);
        expect(withoutEmoji(safe).join('')).not.toMatch(UNPRINTABLE);
        expect(escapeText(safe)).toBe(safe);
      }),
    );
  });
});

test('any JSON: it parses back to the same value, and has no control sequence', () => {
  const unit = fc.oneof(
    fc.constantFrom(...HOSTILE),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  );
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit }), fc.string({ unit })), (value) => {
      const json = toJson(value);
      expect(json).not.toMatch(UNPRINTABLE);
      expect({ ...JSON.parse(json) }).toEqual({ ...value });
      const indented = escapeJson(JSON.stringify(value, null, 2));
      expect(indented.replaceAll('\n', '')).not.toMatch(UNPRINTABLE);
      expect({ ...JSON.parse(indented) }).toEqual({ ...value });
    }),
  );
});
