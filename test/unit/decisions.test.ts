import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const folder = path.resolve(import.meta.dirname, '../../docs/decisions');
const files = readdirSync(folder).filter((name) => name !== 'README.md');

test.each(files)('decision %s begins with its number, its status and a date', (file) => {
  const [title, empty, status] = readFileSync(path.join(folder, file), 'utf8').split('\n');
  expect(file).toMatch(/^\d{4}-[a-z0-9-]+\.md$/);
  expect(title).toMatch(new RegExp(`^# ${Number(file.slice(0, 4))}\\. \\S`));
  expect(empty).toBe('');
  expect(status).toMatch(/^Status: (accepted|amended|superseded by \[.+\]\(.+\)), \d{4}-\d\d-\d\d\.$/);
});

test('no two decisions have one number', () => {
  expect(new Set(files.map((file) => file.slice(0, 4))).size).toBe(files.length);
});
