import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { formatAtemSessions, whereAtemLooks } from '../../../src/cli/atem.ts';

/** As the released atem reads it; it knows every field and needs each. */
const SessionsFile = z.strictObject({
  sessions: z.record(
    z.string(),
    z.strictObject({
      session_id: z.string(),
      token: z.string(),
      astation_id: z.string(),
      hostname: z.string(),
      last_activity: z.int().min(0),
    }),
  ),
});

const YEAR_2099 = Date.UTC(2099, 0) / 1000;

/** atem drops a session that was active over seven days ago. */
function expectReadable(text: string): z.output<typeof SessionsFile> {
  const file = SessionsFile.parse(JSON.parse(text));
  for (const [id, session] of Object.entries(file.sessions)) {
    expect(session.astation_id).toBe(id);
    expect(session.last_activity).toBeGreaterThan(YEAR_2099);
  }
  return file;
}

describe('E1: the sessions.json that atem reads', () => {
  test('of the README has its shape, for decades', () => {
    const page = readFileSync(path.resolve(import.meta.dirname, '../../../README.md'), 'utf8');
    const [, example = ''] = /^```json\n(\{\n {2}"sessions".*?)^```$/ms.exec(page) ?? [];
    expect(Object.keys(expectReadable(example).sessions)).toEqual(['my-astation']);
  });

  test.each(['my-astation', 'a "quoted" one', '團隊'])('of the command has it, for %s', (astation) => {
    const text = formatAtemSessions({ sessionId: 'id', astation, hostname: 'h\u0000st' });
    expect(text.endsWith('}\n')).toBe(true);
    expect(Object.entries(expectReadable(text).sessions)).toMatchObject([
      [astation, { session_id: 'id', hostname: 'h\u0000st' }],
    ]);
  });
});

test.each([
  ['linux', {}, '~/.config/atem/sessions.json'],
  ['linux', { XDG_CONFIG_HOME: '/etc/me' }, '/etc/me/atem/sessions.json'],
  ['linux', { XDG_CONFIG_HOME: 'relative' }, '~/.config/atem/sessions.json'],
  ['darwin', { XDG_CONFIG_HOME: '/etc/me' }, '~/Library/Application Support/atem/sessions.json'],
  ['win32', {}, '%APPDATA%\\atem\\sessions.json'],
] as const)('on %s with %j atem reads %s', (platform, env, file) => {
  expect(whereAtemLooks(platform, env)).toContain(`Save it as ${file}, which atem reads`);
});
