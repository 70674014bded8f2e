import { describe, expect, test } from 'vitest';
import { parseHostname } from '../../../src/cli/options.ts';
import { parseCount, parseMoment } from '../../../src/cli/quantities.ts';

const NOW = Date.parse('2026-11-24T12:00:00.123Z');

describe('C6: a moment keeps its microseconds', () => {
  test.each([
    ['2026-11-24T09:00:00Z', '2026-11-24T09:00:00.000000Z'],
    ['2026-11-24T09:00:00.123456Z', '2026-11-24T09:00:00.123456Z'],
    ['2026-11-24t09:00:00.000001z', '2026-11-24T09:00:00.000001Z'],
    ['2026-11-24 09:00:00.5+02:00', '2026-11-24T07:00:00.500000Z'],
    ['2026-11-24T09:00:00.999999999Z', '2026-11-24T09:00:00.999999Z'],
    ['2026-11-24T00:00:00.999999-05:30', '2026-11-24T05:30:00.999999Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000000Z'],
    ['9999-12-31T23:59:59.999999Z', '9999-12-31T23:59:59.999999Z'],
    ['90s', '2026-11-24T11:58:30.123000Z'],
    ['30m', '2026-11-24T11:30:00.123000Z'],
    ['1h', '2026-11-24T11:00:00.123000Z'],
    ['2d', '2026-11-22T12:00:00.123000Z'],
  ])('%s', (text, expected) => {
    expect(parseMoment(text, NOW)).toBe(expected);
  });

  test.each([
    '',
    'yesterday',
    '2026-11-24',
    '2026-11-24T09:00:00',
    '2026-11-24T09:00:00,5Z',
    '2026-13-24T09:00:00Z',
    '2026-02-30T09:00:00Z',
    '2026-11-24T24:00:00Z',
    '2026-11-24T23:59:60Z',
    '0000-01-01T00:00:00Z',
    '9999-12-31T23:59:59-01:00',
    'infinity',
    '1w',
    '-1h',
    '1.5h',
    '1784000000',
    '999999d',
  ])('not %j', (text) => {
    expect(() => parseMoment(text, NOW)).toThrow('It must be a time like');
  });
});

test.each(['0', '-1', '1.5', '1e3', '01', '', 'all', '1000000000'])('%j counts nothing', (text) => {
  expect(() => parseCount(text)).toThrow('It must be a whole number from 1.');
});

test.each(['mac\u001b[2J', 'mac\n', 'mac\u0085', 'mac\u202egpj', '\u2066mac', 'mac\u2028', 'mac\u2029'])(
  'B10: the host %j is refused as the server refuses it',
  (name) => {
    expect(() => parseHostname(name)).toThrow(
      'It must not contain control characters, marks that reorder text, or line separators.',
    );
  },
);

test('a host is 1 to 255 characters, an emoji being one', () => {
  for (const name of ['m', '👩‍💻', '😀'.repeat(255)]) expect(parseHostname(name)).toBe(name);
  expect(() => parseHostname('')).toThrow('It must not be empty.');
  expect(() => parseHostname('😀'.repeat(256))).toThrow('It must be at most 255 characters long.');
});
