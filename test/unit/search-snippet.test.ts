import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fold } from '../../src/fold.ts';
import { hasAll, parseQuery } from '../../src/vault/search/query.ts';
import { SNIPPET_CHARACTERS, snippetOf } from '../../src/vault/search/snippet.ts';

const marked = (text: string, q: string) => {
  const { snippet, matches } = snippetOf(text, parseQuery(q));
  return matches.map(([start, end]) => snippet.slice(start, end));
};

test('a snippet: shows each match as it was written', () => {
  expect(marked('Straße und STRASSE', 'strasse')).toEqual(['Straße', 'STRASSE']);
  expect(marked('Stra\u00dfe', 'asse')).toEqual(['aße']);
  expect(marked('cafe\u0301 CAF\u00c9', 'caf\u00e9')).toEqual(['cafe\u0301', 'CAF\u00c9']);
  expect(marked('cafe\u0301 CAF\u00c9', '"caf\u00e9"')).toEqual(['cafe\u0301']);
  expect(marked('한국어 \u1112\u1161\u11ab국어', '한국')).toEqual(['한국', '\u1112\u1161\u11ab국']);
  expect(marked('aaaa', 'aa')).toEqual(['aaaa']);
  expect(marked(`${'İ'.repeat(700)}here${'\u0301'.repeat(300)}`, 'her')).toEqual(['her']);
});

test('a snippet: a part of a long text with its first match, cut between graphemes', () => {
  const family = '👨‍👩‍👧‍👦';
  const { snippet, matches } = snippetOf(
    `${family.repeat(900)}needle${family.repeat(900)}`,
    parseQuery('needle'),
  );
  expect(snippet.length).toBeLessThanOrEqual(SNIPPET_CHARACTERS);
  expect(snippet.replaceAll(family, '')).toBe('needle');
  expect(matches).toHaveLength(1);
  for (const before of ['', 'xx']) {
    const flags = snippetOf(`${before}${'🇩🇪'.repeat(200)} needle 12`, parseQuery('needle'));
    expect(flags.snippet).toMatch(/^(?:🇩🇪){20,} needle 12$/u);
  }
  expect(snippetOf('a'.repeat(1000), []).snippet).toBe('a'.repeat(SNIPPET_CHARACTERS));
  expect(snippetOf(`${'a'.repeat(300)}`, parseQuery('a'.repeat(256))).matches).toEqual([[0, 200]]);
});

const letters = fc.constantFrom(...'aAbßẞİıσΣς\u0301\u0308\u0345\u1161\u11abéÉ中数𐐀𐐨🚀 \r\n');
const text = fc.string({ unit: letters, maxLength: 40 });

test('a snippet: has a match wherever the folded text has the folded word', () => {
  fc.assert(
    fc.property(text, text, text, fc.nat(5), (before, word, after, repeats) => {
      const [needle] = parseQuery(`"${word}`).map((one) => ({ ...one, form: fold(word), exact: false }));
      const whole = 'x '.repeat(repeats * 200) + before + word + after;
      fc.pre(needle !== undefined && needle.form !== '' && hasAll(whole, [needle]));
      const { snippet, matches } = snippetOf(whole, needle ? [needle] : []);
      expect(whole).toContain(snippet);
      expect(snippet.length).toBeLessThanOrEqual(SNIPPET_CHARACTERS);
      expect(matches.length).toBeGreaterThan(0);
      for (const [start = 0, end = 0] of matches) {
        expect(fold(snippet.slice(start, end))).toContain(needle?.form.slice(0, 1));
      }
    }),
    { numRuns: 300 },
  );
});
