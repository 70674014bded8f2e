import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadEnvironmentFile } from '../../../src/cli/environment.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'vault-relay-environment-'));
  file = path.join(folder, '.env');
});
afterEach(() => rmSync(folder, { recursive: true }));

function load(env: NodeJS.ProcessEnv = {}) {
  loadEnvironmentFile(folder, env);
  return env;
}

const TEXT = 'DATABASE_URL=postgres://db/relay\nHOST="ünï"\n';
const READ = { DATABASE_URL: 'postgres://db/relay', HOST: 'ünï' };

test('without a file nothing is added', () => {
  expect(load({ PORT: '1' })).toEqual({ PORT: '1' });
});

test.each([
  ['plain', TEXT],
  ['with a byte order mark', `\ufeff${TEXT}`],
  ['with the line ends of Windows', TEXT.replaceAll('\n', '\r\n')],
])('a file %s is read', (_, text) => {
  writeFileSync(file, text);
  expect(load()).toEqual(READ);
});

test('environment variables override the file', () => {
  writeFileSync(file, TEXT);
  expect(load({ HOST: '' })).toEqual({ ...READ, HOST: '' });
});

describe('a file that exists and cannot be read stops the start and is named', () => {
  const refused = (reason: string) =>
    expect(load).toThrow(new RegExp(`^The settings file ${file} ${reason}`));

  test.each([
    ['UTF-16 with a mark', Buffer.from(`\ufeff${TEXT}`, 'utf16le')],
    ['UTF-16 without one', Buffer.from('PORT=1\n', 'utf16le')],
    ['UTF-16, the other way round', Buffer.from(`\ufeff${TEXT}`, 'utf16le').swap16()],
    ['Latin 1', Buffer.from('HOST=\u00fc\n', 'latin1')],
  ])('%s', (_, bytes) => {
    writeFileSync(file, bytes);
    refused('is not text in UTF-8. Save it as UTF-8');
  });

  test('a folder', () => {
    mkdirSync(file);
    refused('cannot be read: it is a folder');
  });

  test('a link that leads nowhere', () => {
    symlinkSync(path.join(folder, 'nowhere'), file);
    refused('cannot be read: there is no such file');
  });

  test.skipIf(process.getuid?.() === 0)('an unreadable file of another user (skipped for root)', () => {
    writeFileSync(file, TEXT);
    chmodSync(file, 0);
    refused('cannot be read: permission is denied');
  });
});
