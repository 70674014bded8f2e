import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { makeKey } from '../../../src/access/key-format.ts';
import { makeSessionId } from '../../../src/access/session-id.ts';
import { FORMATS } from '../../../src/secrets/formats.ts';
import {
  describeSecrets,
  findCredentials,
  findInPortions,
  findSecrets,
  findSessionIds,
  inOrder,
  MAX_SECRETS,
} from '../../../src/secrets/scan.ts';
import { BASE62, HEX, makeRandom } from './random.ts';
import { MARKED, TOKENS } from './shapes.ts';

const random = makeRandom(7);
const scan = (text: string) => describeSecrets(text, findSecrets(text));

test('a scan says kind, line and the published beginning of each secret', () => {
  const key = makeKey().key;
  const aws = `AK${'IA'}${random.of('ABCDEFGH234567', 16)}`;
  expect(scan(`one\n${key} and ${aws}\n\npassword: ${random.of(BASE62, 24)}`)).toEqual([
    { kind: 'vault-relay-key', line: 2, masked: 'vr_…' },
    { kind: 'aws-access-key', line: 2, masked: `AK${'IA'}…` },
    { kind: 'password', line: 4, masked: '…' },
  ]);
});

test('what a scan shows of a secret holds no eight characters of its random part', () => {
  for (const [kind, make] of [...TOKENS, ...MARKED]) {
    const text = make(random);
    for (const { kind: found, masked } of scan(text)) {
      const shown = masked.slice(0, -1);
      expect([...FORMATS.flatMap(({ begins }) => begins), '-----BEGIN ', ''], kind).toContain(shown);
      expect(found).toMatch(/^[a-z\d-]+$/);
    }
  }
});

test('a key of this server with a wrong checksum, or one character more or less, is not found by its form', () => {
  const { key } = makeKey();
  const wrong = key.slice(0, -1) + (key.endsWith('0') ? '1' : '0');
  for (const text of [wrong, `${key}a`, key.slice(0, -1)]) expect(findSecrets(text)).toEqual([]);
});

test('a token next to an escape of JSON or of an address is found, and inside of a word it is not', () => {
  const { key } = makeKey();
  for (const text of [`"a\\n${key}\\n"`, `a%20${key}`, `(${key})`, `x_${key}`, `'${key}'`])
    expect(findSecrets(text), text).toHaveLength(1);
  expect(findSecrets(`serv${key}`)).toEqual([]);
});

test('an id of a session is found behind its name, and elsewhere only as one to look up', () => {
  const id = makeSessionId();
  expect(scan(`Authorization: session ${id}`)).toEqual([{ kind: 'session-id', line: 1, masked: '…' }]);
  expect(findSecrets(`request ${id}`)).toEqual([]);
  expect(findSessionIds(`request ${id}, ${id.toUpperCase()}`)).toHaveLength(2);
  expect(findSessionIds(`${id}0 a${id} -${id} ${id.slice(0, 14)}1${id.slice(15)}`)).toEqual([]);
});

test('a key or cookie of this server is found for the look-up also inside of another secret or word', () => {
  const { key } = makeKey();
  const cookie = `vr${'p_'}${random.of(BASE62, 43)}`;
  for (const around of [`https://u:a-${key}@h`, `glp${'at-'}${random.of(BASE62, 20)}-${key}`, `serv${key}a`])
    expect(findCredentials(around), around).toMatchObject([{ kind: 'vault-relay-key', value: key }]);
  expect(findCredentials(`a${cookie}`)).toMatchObject([{ kind: 'vault-relay-cookie', value: cookie }]);
  expect(findCredentials(key.slice(0, -1))).toEqual([]);
});

test('places that overlap: the first counts, but one that works comes before one that may not', () => {
  const [outer, live, other] = [
    { kind: 'url-password', at: 2, value: 'abcdefgh', shown: '' },
    { kind: 'vault-relay-key', at: 4, value: 'cde', shown: 'vr_' },
    { kind: 'password', at: 12, value: 'x', shown: '' },
  ];
  expect(inOrder([other, outer, live])).toEqual([outer, other]);
  expect(inOrder([other, outer, live], new Set([live]))).toEqual([live, other]);
  expect(inOrder([outer, live], new Set([outer, live]))).toEqual([outer]);
});

test('a token behind a name counts once, as its own kind', () => {
  const { key } = makeKey();
  expect(scan(`api_key=${key}`)).toEqual([{ kind: 'vault-relay-key', line: 1, masked: 'vr_…' }]);
});

test('a long text: each portion yields what begins in it, once and at its place, also at the edges', () => {
  const keys = Array.from({ length: 400 }, () => makeKey().key);
  const text = keys.map((key) => `${key} ${'- '.repeat(random.below(400))}`).join('\n');
  expect(text.length).toBeGreaterThan(150_000);
  const portions = [...findInPortions(text, findSecrets)];
  expect(portions.length).toBeGreaterThan(2);
  expect(portions.flat()).toEqual(findSecrets(text));
  expect(portions.flat()).toHaveLength(keys.length);
});

test('an answer shows a bounded number of places', () => {
  const text = Array.from({ length: 50 }, () => makeKey().key).join('\n');
  expect(scan(text)).toHaveLength(MAX_SECRETS);
});

test('text that hides nothing keeps its secrets to itself: no finding in an empty text or in hashes', () => {
  expect(findSecrets('')).toEqual([]);
  expect(findSecrets(Array.from({ length: 100 }, () => random.of(HEX, 64)).join('\n'))).toEqual([]);
});

/** The regular expressions of a source file, without comments. */
const expressionsIn = (source: string): string[] =>
  source
    .replace(/\/\*[\s\S]*?\*\/|(?<=^\s*)\/\/.*$/gm, '')
    .split('\n')
    .flatMap((line) => line.match(/(?<![\w)] ?)\/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\[\n])+\/[a-z]*/g) ?? []);

/** The quantifiers without an upper bound, outside of classes. */
const unbounded = (expression: string): string[] =>
  expression
    .replace(/\\./g, '_')
    .replace(/\[[^\]]*\]/g, '_')
    .match(/[*+]|\{\d+,\}/g) ?? [];

test('each repetition in an expression of the scan has an upper bound, so that no text makes it slow', () => {
  const folder = path.resolve(import.meta.dirname, '../../../src/secrets');
  const sources = readdirSync(folder).map((file) => readFileSync(path.join(folder, file), 'utf8'));
  const expressions = [
    ...sources.flatMap(expressionsIn),
    ...sources.flatMap((source) => source.match(/`\((?:\$\{WORDS).*`/g) ?? []),
    ...FORMATS.map(({ rest }) => rest),
  ];
  expect(expressions.length).toBeGreaterThan(FORMATS.length + 15);
  expect(expressions.filter((expression) => unbounded(expression).length > 0)).toEqual([]);
});
