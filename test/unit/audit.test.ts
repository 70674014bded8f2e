import { describe, expect, test } from 'vitest';
import { AUDIT_HEAD, formatAuditRow, parseMoment } from '../../src/cli/audit.ts';

const NOW = Date.parse('2026-11-24T12:00:00Z');

describe('a moment', () => {
  test.each([
    ['2026-11-24T09:00:00Z', '2026-11-24T09:00:00.000Z'],
    ['2026-11-24T09:00:00.5+02:00', '2026-11-24T07:00:00.500Z'],
    ['90s', '2026-11-24T11:58:30.000Z'],
    ['30m', '2026-11-24T11:30:00.000Z'],
    ['1h', '2026-11-24T11:00:00.000Z'],
    ['2d', '2026-11-22T12:00:00.000Z'],
  ])('%s', (text, expected) => {
    expect(parseMoment(text, NOW).toISOString()).toBe(expected);
  });

  test.each([
    '',
    'yesterday',
    '2026-11-24',
    '2026-11-24T09:00:00',
    '2026-13-24T09:00:00Z',
    '1w',
    '-1h',
    '1.5h',
    '1784000000',
  ])('not %j', (text) => {
    expect(() => parseMoment(text, NOW)).toThrow('It must be a time like');
  });
});

test('a row stands under its columns, and what others chose moves no cursor', () => {
  const text = formatAuditRow({
    at: '2026-11-24T12:00:00.000001Z',
    action: 'append',
    outcome: 'written',
    vault_id: 'v-7Kf3qDx02Z',
    seq: 42,
    work_session_id: 'st\u001b[2J',
    client_id: 'a\nb\u202e',
    session: '0123456789ab',
    request_id: null,
    address: '127.0.0.1',
  });
  expect(text.indexOf('written')).toBe(AUDIT_HEAD.indexOf('OUTCOME'));
  expect(text.indexOf('127.0.0.1')).toBe(AUDIT_HEAD.indexOf('ADDRESS'));
  expect(text).toContain('st?[2J');
  expect(text).toContain('a?b?');
  expect(text.split('\n')).toHaveLength(2);
});
