import { expect, test } from 'vitest';
import { noMetrics } from '../../src/observability/metrics.ts';
import type { NewerRow } from '../../src/vault/follow/head-store.ts';
import { ViewCache } from '../../src/vault/read/view-cache.ts';

const PORTION = { rows: 1000, bytes: 1_048_576 };
const entry = (no: number, text: string) =>
  `{"seq":${no},"entry_no":${no},"version":1,"content":${JSON.stringify(text)}}`;

/** A cache with a view of two entries at head 2, and what it holds after rows were added up to head 3. */
function advanced(...newer: NewerRow[]) {
  const cache = new ViewCache(1_048_576, noMetrics);
  const json = `${entry(1, 'one')},${entry(2, 'two')}`;
  const portion = { json, rows: 2, bytes: json.length, next: null, more: false };
  cache.keep('v-1', { head: 2, headHash: 'two', fromOutside: false, portion });
  const now = { head: 3, headHash: 'three', fromOutside: false };
  cache.advance('v-1', { ...now, newer });
  return { head: cache.headOf('v-1'), json: cache.at('v-1', now, PORTION)?.json };
}

test('a kept view takes the rows that follow the row at its head, the last version of each', () => {
  const rows: NewerRow[] = [
    ['x', 'content', 3, entry(3, 'three')],
    ['y', 'content', 1, entry(1, 'won')],
    ['y', 'summary', 0, entry(0, 'summary')],
    ['z', 'content', 3, entry(3, 'drei')],
  ];
  const { json } = advanced(['two', 'content', 2, null], ...rows);
  expect(json).toBe([entry(1, 'won'), entry(2, 'two'), entry(3, 'drei')].join());
});

test.each<[string, NewerRow[], number | undefined]>([
  [
    'a row of a kind that it does not know',
    [
      ['two', 'content', 2, ''],
      ['x', 'redaction', 1, entry(1, '')],
    ],
    undefined,
  ],
  [
    'a row that is too large to come along',
    [
      ['two', 'content', 2, ''],
      ['x', 'content', 3, null],
    ],
    undefined,
  ],
  [
    'rows behind another row than that of its head',
    [
      ['zwei', 'content', 2, ''],
      ['x', 'content', 3, entry(3, '')],
    ],
    2,
  ],
  ['no row', [], 2],
])('a kept view is not answered from after %s', (_, newer, head) => {
  expect(advanced(...newer)).toEqual({ head, json: undefined });
});
