import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseAst } from 'vite';
import { describe, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const page = readFileSync(path.join(root, 'docs/architecture.md'), 'utf8');

interface Step {
  file: string;
  name: string;
  /** What the function calls; undefined: the walk ends. */
  calls: string | undefined;
  /** The function that the called parameter is; by default the one of the same name. */
  givenAs: string | undefined;
}

const ROW = /^\| `([^`]+)` \| `([^`]+)` \| (?:`([^`]+)`(?:, given as `([^`]+)`)?)? ?\|$/;

/** The walks of the page: each table under a heading, by heading. */
function readWalks(): { title: string; steps: Step[] }[] {
  const walks: { title: string; steps: Step[] }[] = [];
  let title = '';
  for (const line of page.split('\n')) {
    if (line.startsWith('#')) title = line.replace(/^#+ /, '');
    if (line === '| file | function | calls |') walks.push({ title, steps: [] });
    const [, file, name, calls, givenAs] = ROW.exec(line) ?? [];
    if (file !== undefined && name !== undefined) walks.at(-1)?.steps.push({ file, name, calls, givenAs });
  }
  return walks;
}

const textOf = (file: string) => readFileSync(path.join(root, file), 'utf8');

interface Node {
  type: string;
  start: number;
  end: number;
  [field: string]: unknown;
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

function* nodesIn(node: Node): Generator<Node> {
  yield node;
  for (const value of Object.values(node).flat()) if (isNode(value)) yield* nodesIn(value);
}

/** By type of node: which field has its name, and which its body. */
const DECLARATIONS: Record<string, readonly [string, string]> = {
  FunctionDeclaration: ['id', 'body'],
  MethodDefinition: ['key', 'value'],
  Property: ['key', 'value'],
  VariableDeclarator: ['id', 'init'],
};

function nameOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  const { type, name } = node;
  return type === 'PrivateIdentifier' ? `#${name}` : type === 'Identifier' ? String(name) : undefined;
}

/** The bodies of all functions, methods, properties and constants of a name in a file. */
function bodiesOf(file: string, name: string): string[] {
  const text = textOf(file);
  if (file.endsWith('.sql')) return text.includes(`FUNCTION ${name}(`) ? [text] : [];
  const bodies: string[] = [];
  for (const node of nodesIn(parseAst(text, { lang: 'ts' }) as unknown as Node)) {
    const [nameField, bodyField] = DECLARATIONS[node.type] ?? [];
    if (nameField === undefined || bodyField === undefined) continue;
    const body = node[bodyField];
    if (nameOf(node[nameField]) === name && isNode(body)) bodies.push(text.slice(body.start, body.end));
  }
  return bodies;
}

const uses = (text: string, name: string) => new RegExp(`(?<![\\w#])${name}(?!\\w)`).test(text);

const walks = readWalks();

/** Files that pass functions to each other. */
const WIRING = [
  'src/services.ts',
  'src/relay/sockets/socket.ts',
  'src/vault/follow/followers.ts',
  'src/vault/read/operations.ts',
  'src/vault/write/store.ts',
];

test('the page walks a write, a read, a waiting read, a relay frame and a revocation', () => {
  expect(new Set(walks.map(({ title }) => title))).toEqual(
    new Set(['A write', 'A read', 'A waiting read', 'A relay frame', 'A revocation']),
  );
});

test('a write is five files from its route to its SQL text, and no file comes twice', () => {
  const [write] = walks;
  const files = (write?.steps ?? []).map(({ file }) => file).filter((file) => file.endsWith('.ts'));
  const visits = files.filter((file, at) => file !== files[at - 1]);
  expect(visits).toHaveLength(5);
  expect(new Set(visits).size).toBe(5);
});

describe.each(walks)('$title', ({ steps }) => {
  test.each(steps)('$file has $name, which calls $calls', ({ file, name, calls, givenAs }) => {
    const bodies = bodiesOf(file, name);
    expect(bodies).not.toEqual([]);
    if (calls !== undefined) expect(bodies.some((body) => uses(body, calls))).toBe(true);
    // Some other file of the server passes the function that stands behind a parameter.
    if (givenAs !== undefined) expect(WIRING.some((other) => uses(textOf(other), givenAs))).toBe(true);
  });

  test('each function is the one that the step before it calls', () => {
    for (const [at, { name }] of steps.entries()) {
      const before = steps[at - 1];
      if (before?.calls === undefined) continue;
      const next = before.givenAs ?? before.calls;
      // The effects of a pure decision are carried out by its caller.
      if (name !== '#perform') expect(name).toBe(next);
    }
  });
});

/** Pairs of folders of `src`, of which the first imports the second. */
function folderImports(): Set<string> {
  const src = path.join(root, 'src');
  const found = new Set<string>();
  for (const file of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
    if (!/\.tsx?$/.test(file) || file.includes('generated') || path.dirname(file) === '.') continue;
    const [from = ''] = file.split(path.sep);
    for (const [, specifier = ''] of readFileSync(path.join(src, file), 'utf8').matchAll(
      /'(\.{1,2}\/[^']+)'/g,
    )) {
      const [to = '', ...rest] = path.join(path.dirname(file), specifier).split(path.sep);
      if (to !== '..' && rest.length > 0 && to !== from) found.add(`${from} → ${to}`);
    }
  }
  return found;
}

test('no two folders of src import each other', () => {
  const imports = folderImports();
  const mutual = [...imports].filter((pair) => imports.has(pair.split(' → ').toReversed().join(' → ')));
  expect(imports.size).toBeGreaterThan(20);
  expect(mutual).toEqual([]);
});
