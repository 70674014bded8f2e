import { execFile } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { createSession, serve, stop } from '../support/process.ts';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => readFile(path.join(root, file), 'utf8');

const database = useDatabase();
let server: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  server = await serve({ DATABASE_URL: database.url });
});
afterAll(() => stop(server.program));

/** Runs a JavaScript file as a consumer would in this package's folder. @returns what it prints; fails if it does */
async function node(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root });
  return stdout;
}

const compile = (example: string) => node('node_modules/typescript/bin/tsc', '-p', `examples/${example}`);

/** Runs a compiled example against a server, as its page says. */
async function runExample(example: string): Promise<string> {
  const session = await createSession({ DATABASE_URL: database.url }, `astation of ${example}`);
  const printed = await node(`examples/${example}/build/main.js`, server.url, session);
  return printed.replace(/\bv-[0-9A-Za-z]{10}\b/g, '<id>');
}

/** What a page shows in its blocks of a kind. */
const blocksOf = (page: string, kind: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${kind}\n(.*?)^\`\`\`$`, 'gms'))].map(([, text]) => text);

test('a consumer of the tRPC client compiles, and prints the output of the page', async () => {
  await compile('trpc-consumer');
  const printed = await runExample('trpc-consumer');
  expect(printed).toBe(blocksOf(await read('docs/clients.md'), 'text')[0]);
});

test('a consumer of types from the document compiles, and prints the output of the page', async () => {
  const generated = 'examples/rest-consumer/src/generated';
  await mkdir(path.join(root, generated), { recursive: true });
  const [oazapfts, source] = ['node_modules/oazapfts/dist/cli.js', 'openapi/vault-relay.openapi.json'];
  await node(oazapfts, source, `${generated}/vault-relay.ts`);
  await compile('rest-consumer');
  const printed = await runExample('rest-consumer');
  expect(printed).toBe(blocksOf(await read('docs/clients.md'), 'text')[1]);
});

test('the page shows the code of the examples', async () => {
  expect(blocksOf(await read('docs/clients.md'), 'ts')).toEqual([
    await read('examples/trpc-consumer/src/main.ts'),
    await read('examples/rest-consumer/src/main.ts'),
  ]);
});

/** The packages that a built file imports, by itself or through files of its own folder. */
async function packagesOf(file: string): Promise<string[]> {
  const code = await read(file);
  const names = [...code.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g)].map(
    ([, name]) => name ?? '',
  );
  const own = names
    .filter((name) => name.startsWith('./'))
    .map((name) => path.join(path.dirname(file), name));
  const theirs = await Promise.all(own.map(packagesOf));
  return [...new Set([...names.filter((name) => !name.startsWith('./')), ...theirs.flat()])];
}

test('the built client contains no code of the server', async () => {
  // `@trpc/client` imports the observables of `@trpc/server` too.
  expect(await packagesOf('dist/client/index.js')).toEqual([
    '@trpc/client',
    'eventsource',
    '@trpc/server/observable',
  ]);
});
