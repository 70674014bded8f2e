import { createConfig, lintFromString } from '@redocly/openapi-core';
import { beforeAll, expect, test } from 'vitest';
import { generateDocument } from '../../../src/cli/openapi/generate.ts';
import { formatDocument } from '../../../src/openapi-check/freshness.ts';
import { type Loose, mutated, readCommittedText, version } from '../../support/openapi-files.ts';

// The strictest rules there are, none of them switched off.
let config: Awaited<ReturnType<typeof createConfig>>;
beforeAll(async () => {
  config = await createConfig({ extends: ['recommended-strict'] });
});

async function lint(source: string): Promise<string[]> {
  const problems = await lintFromString({ source, absoluteRef: '/document.json', config });
  return problems.map(({ ruleId, message }) => `${ruleId}: ${message}`);
}

test('the committed document has nothing that a strict linter minds', async () => {
  expect(await lint(readCommittedText())).toEqual([]);
});

test.each(['/', 'https://relay.example.org/base'])('nor has the one served at %s', async (baseUrl) => {
  expect(await lint(formatDocument(generateDocument({ version, baseUrl })))).toEqual([]);
});

test.each<[rule: string, mutate: (document: Loose) => void]>([
  [
    'operation-operationId-unique',
    (d) => Object.assign(d.paths['/api/vault'].get, { operationId: 'createVault' }),
  ],
  ['operation-summary', (d) => delete d.paths['/api/vault'].get.summary],
  ['security-defined', (d) => delete d.paths['/api/vault'].get.security],
  ['no-unresolved-refs', (d) => delete d.components.schemas.VaultEntry],
  ['path-parameters-defined', (d) => d.paths['/api/vault/{vault_id}'].get.parameters.shift()],
  [
    'operation-4xx-response',
    (d) =>
      Object.assign(d.paths['/api/vault'].get, {
        responses: { 200: d.paths['/api/vault'].get.responses[200] },
      }),
  ],
  ['no-unused-components', (d) => Object.assign(d.components.schemas, { Unused: { type: 'string' } })],
  ['struct', (d) => Object.assign(d.paths['/api/vault'].get, { sumary: 'x' })],
])('and it minds: %s', async (rule, mutate) => {
  expect(await lint(formatDocument(mutated(mutate)))).toContainEqual(expect.stringContaining(`${rule}: `));
});
