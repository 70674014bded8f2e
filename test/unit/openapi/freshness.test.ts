import { expect, test } from 'vitest';
import { checkFresh, formatDocument } from '../../../src/openapi-check/freshness.ts';
import { formatProblem } from '../../../src/openapi-check/problem.ts';
import { generated, type Loose, mutated, readCommittedText } from '../../support/openapi-files.ts';

const linesOf = (committed: string) => checkFresh(committed, generated).map(formatProblem);

const stale = (mutate: (document: Loose) => void) => linesOf(formatDocument(mutated(mutate)));

test('the committed document is what the code generates', () => {
  expect(linesOf(readCommittedText())).toEqual([]);
});

test('a changed field is named with its call', () => {
  const lines = stale((d) => {
    d.paths['/api/vault'].post.requestBody.content['application/json'].schema.properties.summary.maxLength =
      9;
  });
  expect(lines).toEqual([
    'POST /api/vault: requestBody.content.application/json.schema.properties.summary.maxLength: committed is 9, the code generates 2048; run npm run openapi:write',
  ]);
});

test('a changed schema is named with a call that uses it', () => {
  const lines = stale((d) => {
    d.components.schemas.VaultEntry.properties.seq.type = 'string';
  });
  expect(lines).toEqual([
    'GET /api/vault/{vault_id}: VaultEntry.properties.seq.type: committed is "string", the code generates "integer"; run npm run openapi:write',
  ]);
});

test('a schema of many calls is named with the first of them', () => {
  const lines = stale((d) => {
    d.components.schemas.NotFoundError.properties.code.const = 'MISSING';
  });
  expect(lines).toEqual([
    expect.stringMatching(
      /^POST \/api\/vault\/{vault_id} and \d+ more: NotFoundError\.properties\.code\.const: committed is "MISSING"/,
    ),
  ]);
});

test('a call that only one of the two has is named', () => {
  expect(stale((d) => delete d.paths['/api/pair/{code}'].delete)).toEqual([
    expect.stringMatching(/^DELETE \/api\/pair\/{code}: call: committed is not there, the code generates /),
  ]);
  expect(stale((d) => Object.assign(d.paths, { '/api/old': { get: {} } }))).toEqual([
    expect.stringContaining('/api/old: committed is {"get":{}}, the code generates not there'),
  ]);
});

test('another version is found', () => {
  expect(stale((d) => Object.assign(d.info, { version: '0.0.9' }))).toEqual([
    expect.stringContaining('document: info.version: committed is "0.0.9"'),
  ]);
});

test('another order is found', () => {
  const { paths, ...rest } = generated;
  expect(linesOf(formatDocument({ paths, ...rest }))).toEqual([
    'document: order: the code writes it in another order; run npm run openapi:write',
  ]);
});

test('a file that is no JSON is found', () => {
  expect(linesOf('{')).toEqual(['document: file: the committed file is no JSON; run npm run openapi:write']);
});
