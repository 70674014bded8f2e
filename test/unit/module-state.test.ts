import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

/** What a module declares at its left margin that may change: `let`, empty collections, and instances of classes. */
const STATE =
  /^(?:export )?(?:(?:let|var) (\w+)|const (\w+)(?:: (?!Readonly)[^=]+)? =\s*(?:new (?!RegExp|Text|URLSearchParams)\w+|\[\];|\{\};|makeKeeping\())/gm;

const stateOf = (text: string): string[] =>
  [...text.matchAll(STATE)].map(([, variable, object]) => variable ?? object ?? '');

const files = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .map((file) => path.join('src', file))
  .filter((file) => /\.tsx?$/.test(file) && !file.startsWith('src/db/generated'));
const onPage = (file: string) => file.startsWith('src/dashboard/');

test.each([
  ["let last = '';", ['last']],
  ['export let last: string;', ['last']],
  ['const names = new Map<string, string>();', ['names']],
  ['const names: Map<string, string> =\n  new Map();', ['names']],
  ['const all: string[] = [];', ['all']],
  ['const NAMES: ReadonlySet<string> = new Set([1]);', []],
  ["const WORD = new RegExp('a');", []],
  ['  let inside = 1;', []],
])('%s: the state of the module is %o', (text, names) => {
  expect(stateOf(text)).toEqual(names);
});

describe('the state of modules', () => {
  test('outside the dashboard there is none', () => {
    const found = files
      .filter((file) => !onPage(file))
      .flatMap((file) => stateOf(read(file)).map((name) => `${file}: ${name}`));
    expect(found).toEqual([]);
  });

  test('in the dashboard, docs/architecture.md lists each object with its file', () => {
    const [, section = ''] = read('docs/architecture.md').split('## Where state lives');
    const [table = ''] = section.split('\n## ');
    const listed = [...table.matchAll(/^\| (`.+`) \| `(.+?)` \|/gm)].flatMap(([, names = '', file]) =>
      names.split(', ').map((name) => `${file}: ${name.replaceAll('`', '')}`),
    );
    const found = files
      .filter(onPage)
      .flatMap((file) =>
        stateOf(read(file)).map((name) => `${path.relative('src/dashboard', file)}: ${name}`),
      );
    expect(listed.sort()).toEqual(found.sort());
  });
});
