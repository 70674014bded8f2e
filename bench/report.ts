import type { Result } from './row.ts';

const shown = (value: number, unit: string) =>
  `${value.toFixed(value < 10 ? 2 : 1)}${unit === 'ratio' ? '' : ` ${unit}`}`;

const markOf = ({ row: { must, unit } }: Result) =>
  must === undefined
    ? ''
    : 'atLeast' in must
      ? `≥ ${must.atLeast}`
      : `≤ ${must.atMost}${unit === 'ratio' ? '' : ` ${unit}`}`;

/** One line of the printed table. */
export const lineOf = (result: Result): string =>
  [
    result.row.key.padEnd(24),
    shown(result.value, result.row.unit).padStart(9),
    markOf(result).padEnd(9),
    (result.row.must === undefined ? '' : result.ok ? 'ok' : 'MISSED').padEnd(7),
    result.note,
  ].join('  ');

/** What `--json` writes: `{value, unit}` by key. */
export const toJson = (results: Result[]): string =>
  `${JSON.stringify(Object.fromEntries(results.map(({ row, value }) => [row.key, { value, unit: row.unit }])), null, 2)}\n`;
