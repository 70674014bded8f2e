import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { en } from '../../../src/dashboard/i18n/en.ts';
import { zh } from '../../../src/dashboard/i18n/zh.ts';
import { directionOf, showReordering } from '../../../src/dashboard/text/bidi.ts';
import { cutText } from '../../../src/dashboard/text/cut.ts';
import { isSimple, toHtml } from '../../../src/dashboard/text/markdown.ts';
import { hasMarkers, keepBoth, mergeLines, mergeTexts } from '../../../src/dashboard/text/merge.ts';
import { formatRelative } from '../../../src/dashboard/text/time.ts';
import { compareTexts } from '../../../src/dashboard/text/words.ts';

describe('merging', () => {
  const base = 'one\ntwo\nthree';

  test('takes the changes of each side', () => {
    expect(mergeTexts(base, 'ONE\ntwo\nthree', 'one\ntwo\nthree\nfour')).toEqual({
      text: 'ONE\ntwo\nthree\nfour',
      clash: false,
    });
  });

  test('takes different words of the same line from either side', () => {
    const before = 'Done in a91f3c2. Next: the endpoint.';
    expect(
      mergeTexts(before, 'Done in a91f3c2. Next: the tests.', 'Done in b07d55e. Next: the endpoint.'),
    ).toEqual({
      text: 'Done in b07d55e. Next: the tests.',
      clash: false,
    });
  });

  test('keeps both where both changed the same words', () => {
    const merged = mergeTexts(base, 'one\nmine\nthree', 'one\ntheirs\nthree');
    expect(merged).toEqual({
      text: 'one\n<<<<<<<\nmine\n=======\ntheirs\n>>>>>>>\nthree',
      clash: true,
    });
    expect(hasMarkers(merged.text)).toBe(true);
  });

  test('by lines keeps both where both changed the same line', () => {
    expect(mergeLines('one two', 'ONE two', 'one TWO')).toEqual({
      text: '<<<<<<<\nONE two\n=======\none TWO\n>>>>>>>',
      clash: true,
    });
    expect(mergeLines(base, 'ONE\ntwo\nthree', 'one\ntwo\nTHREE').text).toBe('ONE\ntwo\nTHREE');
  });

  test('keeps both versions whole where nothing else is possible', () => {
    expect(hasMarkers(keepBoth('mine', 'theirs').text)).toBe(true);
  });

  test('the same change on both sides is not a conflict', () => {
    expect(mergeTexts(base, 'one\nTWO\nthree', 'one\nTWO\nthree')).toEqual({
      text: 'one\nTWO\nthree',
      clash: false,
    });
  });

  test('if one side changed nothing, the merge is the other side', () => {
    const text = fc
      .array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 8 })
      .map((lines) => lines.join('\n'));
    fc.assert(
      fc.property(text, text, (before, after) => {
        expect(mergeTexts(before, after, before)).toEqual({ text: after, clash: false });
        expect(mergeTexts(before, before, after)).toEqual({ text: after, clash: false });
      }),
    );
  });
});

describe('comparing', () => {
  const parts = (before: string, after: string) =>
    compareTexts(before, after).changes.map(({ kind, text }) => [kind, text]);

  test('works by words', () => {
    expect(parts('JWT in a cookie', 'JWT in a header')).toEqual([
      ['same', 'JWT in a '],
      ['removed', 'cookie'],
      ['added', 'header'],
    ]);
  });

  test('finds words in Chinese, which has no spaces', () => {
    expect(parts('我们使用数据库', '我们使用缓存')).toContainEqual(['same', '我们使用']);
  });

  test('shows any two texts completely', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        const { changes } = compareTexts(before, after);
        const side = (dropped: string) =>
          changes
            .filter(({ kind }) => kind !== dropped)
            .map(({ text }) => text)
            .join('');
        expect(side('added')).toBe(before);
        expect(side('removed')).toBe(after);
      }),
    );
  });

  test('works by lines for long texts', () => {
    const long = 'word '.repeat(20_000);
    expect(compareTexts(long, `${long}\nmore`).by).toBe('lines');
  });
});

test('comparing shows no more changes than a page holds', () => {
  const lines = (start: number) => Array.from({ length: 3000 }, (_, i) => `${start + 2 * i} x`).join('\n');
  expect(compareTexts(lines(0), lines(1)).changes.length).toBeLessThanOrEqual(2000);
  const [before, after] = ['a\nb\n'.repeat(1500), 'a\nc\n'.repeat(1500)];
  expect(compareTexts(before, after)).toEqual({
    by: 'nothing',
    changes: [
      { kind: 'removed', text: before },
      { kind: 'added', text: after },
    ],
  });
});

describe('Markdown', () => {
  test.each([
    ['a short note with a | b and [a link](https://example.org)', true],
    ['x'.repeat(3001), false],
    ['[a]: https://example.org', false],
    ['|a'.repeat(30), false],
  ])('%j is formatted at once: %s', (text, simple) => {
    expect(isSimple(text)).toBe(simple);
  });

  test('that would become more elements than a page holds is not formatted', () => {
    expect(toHtml('*a* '.repeat(100))).toContain('<em>a</em>');
    expect(toHtml('*a* '.repeat(3000))).toBeUndefined();
  });

  test('takes an address of more than 2,048 characters as text', () => {
    expect(toHtml(`[a](https://example.org/${'x'.repeat(2048)})`)).not.toContain('<a');
  });
});

describe('a long text', () => {
  test('is cut, by lines and by characters', () => {
    expect(cutText('short')).toEqual({ shown: 'short', more: false });
    expect(cutText('x\n'.repeat(100)).shown.split('\n')).toHaveLength(40);
    expect(cutText('x'.repeat(65_536))).toEqual({ shown: 'x'.repeat(3000), more: true });
  });

  test('is not cut through a character', () => {
    const { shown } = cutText(`${'x'.repeat(2999)}😀`);
    expect(shown.isWellFormed()).toBe(true);
  });
});

test('characters that reorder the text around them are shown by name', () => {
  expect(showReordering('safe\u202Egnp.exe\u2069 עברית')).toBe('safe[U+202E]gnp.exe[U+2069] עברית');
});

test.each([
  ['1. עברית and more', 'rtl'],
  ['مرحبا', 'rtl'],
  ['hello עברית', 'ltr'],
  ['123 …', 'ltr'],
])('the direction of %j is %s', (text, direction) => {
  expect(directionOf(text)).toBe(direction);
});

describe('a time', () => {
  const now = new Date('2026-11-24T12:00:00Z');
  const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000);

  test.each([
    [59, 'en', undefined],
    [60, 'en', '1 minute ago'],
    [7200, 'en', '2 hours ago'],
    [90_000, 'en', 'yesterday'],
    [-5000, 'en', undefined],
    [7200, 'zh-CN', '2小时前'],
  ])('%d seconds ago in %s', (seconds, locale, text) => {
    expect(formatRelative(ago(seconds), now, locale)).toBe(text);
  });
});

test('Chinese has every sentence of English', () => {
  const missing = (a: object, b: object, at = ''): string[] =>
    Object.entries(a).flatMap(([key, value]) => {
      const other = (b as Record<string, unknown>)[key];
      const name = `${at}${key}`;
      if (typeof value === 'object') return missing(value as object, (other ?? {}) as object, `${name}.`);
      return typeof other === typeof value ? [] : [name];
    });
  expect([...missing(en, zh), ...missing(zh, en)]).toEqual([]);
});
