import { describe, expect, test } from 'vitest';
import { formatTable, widthOf } from '../../../src/cli/table.ts';
import { collect } from '../../support/collect.ts';

const tableOf = (head: string[], rows: string[][]) => collect(formatTable(head, rows));

test.each([
  ['', 0],
  ['plain', 5],
  ['團隊', 4],
  ['ｆｕｌｌ', 8],
  ['ﾊﾝｶｸ', 4],
  ['한국', 4],
  ['e\u0301', 1],
  ['👩‍👩‍👧', 2],
  ['❤️', 2],
  ['👍🏽!', 3],
  ['1️⃣', 2],
  ['\u0301x', 1],
])('%j occupies %d columns', (text, width) => {
  expect(widthOf(text)).toBe(width);
});

describe('a table', () => {
  test('aligns its columns with any text in them', async () => {
    const lines = await tableOf(
      ['NAME', 'END'],
      [
        ['團隊', 'x'],
        ['👩‍👩‍👧', 'x'],
        ['\u001b[2J', 'x'],
        ['a\nb', 'x'],
        ['e\u0301', 'x'],
      ],
    );
    expect(lines).toEqual([
      'NAME       END',
      '團隊       x',
      '👩‍👩‍👧         x',
      '\\u{1b}[2J  x',
      'a\\u{a}b    x',
      'e\u0301          x',
    ]);
  });

  test('without rows is its head', async () => {
    expect(await tableOf(['A', 'B'], [])).toEqual(['A  B']);
  });

  test('of many rows is as wide as its first ones, and streams its rows', async () => {
    let made = 0;
    async function* rows() {
      for (; made < 5000; made++) yield [String(made), 'x'];
    }
    const table = formatTable(['N', 'END'], rows());
    await table.next();
    expect(made).toBeLessThan(1100);
    const rest = await collect(table);
    expect(rest).toHaveLength(5000);
    expect(rest[0]).toBe('0    x');
    expect(rest[4998]).toBe('4998  x');
  });
});
