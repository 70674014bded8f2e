import { expect, test } from 'vitest';
import { groupRows, mergeRows } from '../../../src/dashboard/now/groups.ts';
import type { Row } from '../../../src/dashboard/now/row.ts';
import { initialsOf, shortName } from '../../../src/dashboard/text/names.ts';
import { plainOf } from '../../../src/dashboard/text/plain.ts';

const row = (n: number, at: string, client_id = 'ann', vault_id = 'v-1'): Row => ({
  n,
  at: `2026-11-30T${at}.000000Z`,
  what: 'wrote',
  vault_id,
  vault: 'auth',
  work_session_id: 'st-1',
  client_id,
});

const told = (rows: Row[], visit?: string) =>
  groupRows(rows, visit && `2026-11-30T${visit}.000000Z`).map(({ beginsAtVisit, groups }) => [
    beginsAtVisit,
    ...groups.map(({ key, rows: own }) => `${key}: ${own.map(({ n }) => n).join(' ')}`),
  ]);

test('groups: rows of one writer and vault without a long break belong together, also among those of others', () => {
  const rows = [
    row(5, '12:20:00'),
    row(9, '12:19:00', 'bob'),
    row(4, '12:15:00'),
    row(3, '12:14:00', 'ann', 'v-2'),
    row(2, '12:04:30'),
  ];
  expect(told(rows)).toEqual([[false, 'v-1 4: 5 4', 'v-1 9: 9', 'v-2 3: 3', 'v-1 2: 2']]);
});

test('groups: the last visit and midnight end a group, and a newer row keeps its key', () => {
  const rows = [row(3, '12:03:00'), row(2, '12:02:00'), row(1, '12:01:00')];
  expect(told(rows, '12:01:30')).toEqual([
    [false, 'v-1 2: 3 2'],
    [true, 'v-1 1: 1'],
  ]);
  expect(told(rows, '12:05:00')).toEqual([[false, 'v-1 1: 3 2 1']]);
  expect(told([row(4, '12:04:00'), ...rows])).toEqual([[false, 'v-1 1: 4 3 2 1']]);
  expect(mergeRows([row(2, '12:02:00')], rows).map(({ n }) => n)).toEqual([3, 2, 1]);
  const night = { ...row(0, '12:00:00'), at: '2026-11-29T12:00:00.000000Z' };
  expect(told([row(1, '12:00:00'), night])).toHaveLength(2);
});

test.each([
  ['build-mac', 'build-mac', 'BM'],
  ['maria', 'maria', 'MA'],
  ['团队-mac', '团队-mac', '团M'],
  ['团队', '团队', '团'],
  ['5f0c1f0e-8a43-4a6c-9d56-0f6f2f6d1c11', '5f0c1f0e…', '5f'],
  ['𝒜gent', '𝒜gent', '𝒜G'],
  ['!', '!', '?'],
])('names: %s is shown as %s, and its initials are %s', (name, short, initials) => {
  expect([shortName(name), initialsOf(name)]).toEqual([short, initials]);
});

test.each([
  ['# Goal\n\nReplace **all** of `it`.', 'Goal Replace all of it.'],
  ['- [x] done\n- [docs](https://example.org/a)\n> said', 'done docs said'],
  ['```ts\nconst a = 2 * 3 * 4;\n```', 'const a = 2 * 3 * 4;'],
  ['snake_case_name and __init__', 'snake_case_name and init'],
])('plain: %s becomes one line of words', (text, words) => {
  expect(plainOf(text)).toBe(words);
});
