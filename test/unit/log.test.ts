import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { HOSTILE, UNPRINTABLE } from '../support/hostile.ts';

const TEXT = `x${HOSTILE.join('')}\ud800y`;

const SCRIPT = `
  const { openLog } = await import(${JSON.stringify(path.resolve(import.meta.dirname, '../../src/log.ts'))});
  const text = ${JSON.stringify(TEXT)};
  const log = await openLog('info', { isTerminal: process.argv[1] === 'terminal' });
  log.info({ client: text, deep: { list: [text] } }, text);
  log.warn({ err: new Error(text) }, 'failed');
  log.info('after');`;

/** @returns the lines that a process logs */
async function logged(to: 'terminal' | 'file'): Promise<string[]> {
  const args = ['--import', 'tsx', '--input-type=module', '-e', SCRIPT, to];
  const { stderr } = await promisify(execFile)(process.execPath, args);
  return stderr.trimEnd().split('\n');
}

test("log lines on a terminal have strangers' text escaped, and begin where a line begins", async () => {
  const lines = await logged('terminal');
  for (const line of lines) expect(line).not.toMatch(UNPRINTABLE);
  expect(lines[0]).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: x\\u\{1b\}\[2J/);
  // A stack keeps its own lines, which are indented.
  expect(lines.filter((line) => /^\s+at /.test(line)).length).toBeGreaterThan(0);
  expect(lines.at(-1)).toMatch(/ INFO: after$/);
});

test("log lines in a file have strangers' text as JSON escapes, and are its value", async () => {
  const lines = await logged('file');
  expect(lines).toHaveLength(3);
  for (const line of lines) expect(line).not.toMatch(UNPRINTABLE);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ msg: TEXT, client: TEXT, deep: { list: [TEXT] } });
});
