import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  asText,
  currentView,
  makeFilter,
  type Row,
  viewAfter,
  withCurrent,
  withRows,
} from '../../../src/dashboard/vault/rows.ts';

const row = (seq: number, entry_no: number, version: number, content = `text ${seq}`): Row => ({
  seq,
  entry_no,
  version,
  kind: entry_no === 0 ? 'summary' : 'content',
  writer_id: 'agent-a',
  content,
  created_at: '2026-11-24T16:13:04.156964Z',
});

/** Rows as a vault has them: entries without a hole, versions without a hole, by seq. */
const history = fc.array(fc.nat(6), { maxLength: 30 }).map((picks) => {
  const versions: number[] = [0];
  return picks.map((pick, index) => {
    const entry = Math.min(pick, versions.length);
    versions[entry] = (versions[entry] ?? 0) + 1;
    return row(index + 1, entry, versions[entry] ?? 1);
  });
});

describe('the current view', () => {
  test('has each entry once, in its highest version, by number', () => {
    const rows = [row(1, 0, 1), row(2, 1, 1), row(3, 2, 1), row(4, 1, 2)];
    expect(currentView(rows).map(({ seq }) => seq)).toEqual([4, 3]);
  });

  test('is the same when rows arrive one by one, in any order and twice', () => {
    fc.assert(
      fc.property(history, fc.infiniteStream(fc.nat()), (rows, order) => {
        const shuffled = [...rows, ...rows]
          .map((one) => ({ one, key: order.next().value }))
          .sort((a, b) => a.key - b.key)
          .map(({ one }) => one);
        const arrived = shuffled.reduce<Row[]>((view, one) => withCurrent(view, [one]), []);
        expect(arrived).toEqual(currentView(rows));
      }),
    );
  });
});

test('history stays sorted by seq without duplicates, in any order of arrival', () => {
  fc.assert(
    fc.property(history, (rows) => {
      const arrived = [...rows].reverse().concat(rows);
      expect(arrived.reduce<Row[]>((view, one) => withRows(view, [one]), [])).toEqual(rows);
      expect(withRows(rows.slice(0, 3), arrived)).toEqual(rows);
      expect(withRows(rows.slice(0, 3), rows.slice(3))).toEqual(rows);
    }),
  );
});

describe('the view as of a moment', () => {
  const rows = [row(1, 0, 1, ''), row(2, 1, 1), row(3, 0, 2, 'auth'), row(4, 1, 2)];

  test('before the first change is empty', () => {
    expect(viewAfter(rows, 0)).toEqual({ entries: [], summary: undefined, changed: undefined });
  });

  test('has the versions and the summary of that moment, and the row that created it', () => {
    expect(viewAfter(rows, 3)).toEqual({ entries: [rows[1]], summary: 'auth', changed: rows[2] });
  });

  test('after the last change is the current view', () => {
    fc.assert(
      fc.property(history, (all) => {
        expect(viewAfter(all, all.length).entries).toEqual(currentView(all));
      }),
    );
  });
});

describe('the filter', () => {
  const entries = [
    { ...row(1, 1, 1, 'JWT in a cookie'), tags: ['auth'] },
    { ...row(2, 2, 1, '数据库迁移'), writer_id: '团队-mac' },
  ];

  test.each([
    ['', [1, 2]],
    ['jwt', [1]],
    ['COOKIE jwt', [1]],
    ['迁移', [2]],
    ['团队', [2]],
    ['e2 v1', [2]],
    ['auth', [1]],
    ['jwt 迁移', []],
  ])('%j finds %j', (filter, found) => {
    const matches = makeFilter(filter) ?? (() => true);
    expect(entries.filter(matches).map(({ entry_no }) => entry_no)).toEqual(found);
  });
});

test('C7: the filter of the dashboard and the search of the server find the same', () => {
  const found = (filter: string) => makeFilter(filter)?.(row(1, 1, 1, 'Straße, Cafe\u0301, ΟΔΟΣ'));
  expect(['STRASSE', 'CAFÉ', 'οδοσ', 'ẞe', 'cafe'].map(found)).toEqual([true, true, true, true, false]);
});

test('a vault as text has each entry with its label, writer and time', () => {
  expect(asText([row(1, 1, 2, 'one\ntwo'), row(2, 2, 1, 'three')])).toBe(
    'e1 v2 · agent-a · 2026-11-24T16:13:04.156964Z\none\ntwo\n\ne2 v1 · agent-a · 2026-11-24T16:13:04.156964Z\nthree\n',
  );
});
