import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test('npm run acceptance tells the whole story against a server of its own', async () => {
  const root = path.resolve(import.meta.dirname, '../..');
  const { stdout } = await promisify(execFile)('npm', ['run', '--silent', 'acceptance'], { cwd: root });
  expect(stdout).toMatch(/ok 1\. .*\n[\s\S]*steps passed\.\n$/);
});
