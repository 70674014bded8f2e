import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

test('.nvmrc names the oldest Node that package.json allows', () => {
  const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
  expect(engines.node).toBe(`>=${read('.nvmrc').trim()}`);
});

test('the workflow of GitHub runs .ci/run, on the Node of .nvmrc', () => {
  const { test: job } = parse(read('.github/workflows/ci.yml')).jobs;
  expect(job.steps.map(({ run, uses }: { run?: string; uses?: string }) => run ?? uses)).toEqual([
    expect.stringMatching(/^actions\/checkout@/),
    '.ci/run',
  ]);
  expect(statSync(path.join(root, '.ci/run')).mode & 0o111).toBeTruthy();
  expect(job.container).toContain(`node:${read('.nvmrc').split('.')[0]}-`);
});

test('.editorconfig and Biome wrap at the same column', () => {
  const { formatter } = JSON.parse(read('biome.json'));
  expect(read('.editorconfig')).toContain(`max_line_length = ${formatter.lineWidth}\n`);
});

test('the README of test/support names each helper once', () => {
  const named = [...read('test/support/README.md').matchAll(/`([a-z-]+\.ts)`/g)].map(([, name]) => name);
  const files = readdirSync(path.join(root, 'test/support')).filter((name) => name.endsWith('.ts'));
  expect(named.sort()).toEqual(files.sort());
});

test('docs/queues.md has each queue in both tables, and each queue has a test of its name', () => {
  const named = [...read('docs/queues.md').matchAll(/^\| `([a-z-]+\.ts)`/gm)].map(([, name]) => name);
  const queues = readdirSync(path.join(root, 'src/queues'));
  expect(named.sort()).toEqual([...queues, ...queues].sort());
  const tests = readdirSync(path.join(root, 'test/unit/queues'));
  expect(tests).toEqual(expect.arrayContaining(queues.map((name) => name.replace('.ts', '.test.ts'))));
});
