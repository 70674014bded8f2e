import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');

test('the security page names tests that exist', () => {
  const page = readFileSync(path.join(root, 'docs/security.md'), 'utf8');
  const named = [...new Set(page.match(/test\/[\w/-]+\.test\.ts/g))];
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
});
