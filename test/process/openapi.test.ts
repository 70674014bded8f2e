import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { withBreakingProxy } from '../support/breaking-proxy.ts';
import { withMigratedDatabase } from '../support/database.ts';
import { readCommittedText } from '../support/openapi-files.ts';
import { run, runHere, serve, stop } from '../support/process.ts';

const root = path.resolve(import.meta.dirname, '../..');

test('npm run openapi:check finds all four checks well, against a server of its own', async () => {
  const { stdout, stderr } = await promisify(execFile)('npm', ['run', '--silent', 'openapi:check'], {
    cwd: root,
  });
  expect(stdout.split('\n')).toEqual([
    'ok: the committed document is what the code generates',
    'ok: the document keeps the contract of atem',
    expect.stringMatching(/^ok: the server keeps it: \d+ requests replayed$/),
    expect.stringMatching(/^ok: the document breaks no consumer of \d+\.\d+\.\d+$/),
    '',
  ]);
  expect(stderr).toBe('');
});

test('the built program prints the committed document, as another process generated it', async () => {
  const { code, stdout } = await run(['openapi'], {});
  expect(code).toBe(0);
  expect(stdout).toBe(readCommittedText());
});

test('openapi --check --url judges a running server, and exits with 1 for a wrong answer', () =>
  withMigratedDatabase(async (DATABASE_URL) => {
    const env = { DATABASE_URL };
    const { program, url } = await serve(env);
    try {
      expect(await runHere(['openapi', '--check', '--url', `${url}/`], env)).toMatchObject({ code: 0 });
      const broken = await withBreakingProxy(
        url,
        (answer) => {
          if (answer.body.seq !== undefined) answer.body = { ...answer.body, seq: undefined };
        },
        (proxyUrl) => runHere(['openapi', '--check', '--url', proxyUrl], env),
      );
      expect(broken.code).toBe(1);
      expect(broken.stdout).toContain('NOT OK: the server keeps it');
      expect(broken.stdout).toContain(
        '  POST /api/vault/{vault_id}: answer 200: seq: is missing from the answer (append an entry)\n',
      );
    } finally {
      await stop(program);
    }
  }));

test('openapi refuses options that do not go together', async () => {
  for (const args of [
    ['--check', '--write'],
    ['--url', 'http://127.0.0.1:1'],
  ]) {
    expect(await runHere(['openapi', ...args], {})).toMatchObject({ code: 2, stdout: '' });
  }
});
