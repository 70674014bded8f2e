import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readLastReleased } from '../../../src/cli/openapi/files.ts';
import { generateDocument } from '../../../src/cli/openapi/generate.ts';
import { readConfig } from '../../../src/config.ts';
import { formatDocument } from '../../../src/openapi-check/freshness.ts';
import { type Loose, version } from '../../support/openapi-files.ts';
import { withFolder } from '../../support/process.ts';

test('generating twice gives the same text', () => {
  expect(formatDocument(generateDocument({ version }))).toBe(formatDocument(generateDocument({ version })));
});

test('the document names the version and the address', () => {
  const document: Loose = generateDocument({ version: '9.8.7', baseUrl: 'https://relay.example.org' });
  expect(document.info.version).toBe('9.8.7');
  expect(document.servers).toEqual([{ url: 'https://relay.example.org' }]);
});

test('the document names the limits that are set', () => {
  const { limits } = readConfig({
    MAX_TEXT_BYTES: '1000',
    MAX_SUMMARY_BYTES: '20',
    MAX_CLIENT_ID_CHARACTERS: '7',
  });
  const document: Loose = generateDocument({ version, limits });
  const field = (path: string, name: string) =>
    document.paths[path].post.requestBody.content['application/json'].schema.properties[name].maxLength;
  expect(field('/api/vault/{vault_id}', 'text')).toBe(1000);
  expect(field('/api/vault', 'summary')).toBe(20);
  expect(field('/api/vault/{vault_id}/summary', 'text')).toBe(20);
  expect(document.components.securitySchemes.clientId.description).toContain('1 to 7 characters');
});

describe('the last released document', () => {
  test('is the one of the highest version, not the last by name', () =>
    withFolder(async (folder) => {
      for (const name of ['0.9.0.json', '0.10.0.json', '0.2.11.json', 'README.md'])
        await writeFile(path.join(folder, name), JSON.stringify({ name }));
      expect(await readLastReleased(folder)).toEqual({
        version: '0.10.0',
        document: { name: '0.10.0.json' },
      });
    }));

  test('must be there', () =>
    withFolder(async (folder) => {
      await expect(readLastReleased(folder)).rejects.toThrow(`${folder} holds no released document`);
    }));
});
