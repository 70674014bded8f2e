import { beforeAll, describe, expect, test } from 'vitest';
import type { Schema } from '../support/arbitrary.ts';
import { useDatabase } from '../support/database.ts';
import { makeValueJudge, type Operation, resolve, theDocument } from '../support/document.ts';
import { sendRaw } from '../support/raw-http.ts';
import { useServer } from '../support/server.ts';
import { JSON_BODY } from '../support/surfaces.ts';
import { sendLines } from '../support/wire.ts';

const database = useDatabase();
const token = 'a-token-for-operators';
const server = useServer(database, { dashboardToken: token });
const judgeValue = makeValueJudge(theDocument);

const operations = Object.entries(theDocument.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
);
const find = (id: string) => operations.find(({ operation }) => operation.operationId === id)?.operation;

let authorization: string;
let vaultId: string;
beforeAll(async () => {
  authorization = `session ${await server.login('st-1')}`;
  const create = { method: 'POST', path: '/api/vault?id=a', headers: { ...JSON_BODY, authorization } };
  vaultId = JSON.parse((await sendRaw(server.url, { ...create, body: '{}' })).text).vault_id;
  const path = `/api/vault/${vaultId}?id=a`;
  await sendRaw(server.url, { ...create, path, body: '{"text":"first"}' });
});

const send = (path: string, body: unknown) =>
  sendRaw(server.url, {
    method: 'POST',
    path,
    headers: { ...JSON_BODY, authorization },
    body: JSON.stringify(body),
  });

describe('C19 the document says what the server does', () => {
  test('`id` is a query parameter of every call that takes it, and the security scheme stays', () => {
    for (const { path, operation } of operations) {
      const id = operation.parameters?.find((one) => one.in === 'query' && one.name === 'id');
      // A key has its client id, and an operator needs none.
      const takesId = operation.security.length > 0 && !path.startsWith('/api/keys');
      expect(id !== undefined, path).toBe(takesId);
      expect(operation.security.some((needed) => 'clientId' in needed)).toBe(takesId);
    }
  });

  test('a parameter `id` that the document refuses is refused, and one that it takes is taken', async () => {
    const { schema } = find('listVaults')?.parameters?.find(({ name }) => name === 'id') ?? {};
    for (const id of ['', 'a', '\0', 'a'.repeat(129), '🦀'.repeat(128), "a b/c'"]) {
      const path = `/api/vault?id=${encodeURIComponent(id)}`;
      const { status } = await sendRaw(server.url, { method: 'GET', path, headers: { authorization } });
      expect(status, id).toBe(judgeValue(schema as Schema, id) === undefined ? 200 : 400);
    }
  });

  test.each([
    { text: 'x', entry_id: null, expected_version: 1 },
    { text: 'x', expected_version: 1 },
    { text: 'x', entry_id: null },
    { text: 'x', entry_id: 1, expected_version: null },
    { text: 'x', entry_id: 1 },
    { text: 'x', entry_id: 1, expected_version: 2 },
    { text: 'x', tags: null },
  ])('fields that need each other: %j', async (body) => {
    const schema = find('writeEntry')?.requestBody?.content['application/json'].schema as Schema;
    const { status } = await send(`/api/vault/${vaultId}?id=a`, body);
    expect(status).toBe(judgeValue(schema, body) === undefined ? 200 : 400);
  });

  test('every value of If-None-Match that HTTP can carry is taken', async () => {
    const { schema } = find('readVault')?.parameters?.find(({ name }) => name === 'If-None-Match') ?? {};
    for (const value of ['"1"\t', '\xe9', '"a\xff"', '', ',,', '~!']) {
      expect(judgeValue(schema as Schema, value), value).toBeUndefined();
      const lines = ['host: 127.0.0.1', `authorization: ${authorization}`, 'connection: close'];
      const answer = await sendLines(server.url, [
        `GET /api/vault/${vaultId}?id=a HTTP/1.1`,
        ...lines,
        `if-none-match: ${value}`,
      ]);
      expect(answer.status, value).toBe(200);
    }
  });

  const fieldsOf = (operation: Operation | undefined, status: string) => {
    const response = operation?.responses[status];
    const schema = response && resolve(theDocument, response).content?.['application/json']?.schema;
    return Object.keys(resolve(theDocument, schema ?? {}).properties ?? {}).toSorted();
  };

  test('an error has the fields `current` and `outcome` only where they can come', () => {
    for (const { method, operation } of operations) {
      const { operationId } = operation;
      if (operation.responses['409'] !== undefined) {
        const isVersioned = ['writeEntry', 'setSummary'].includes(operationId);
        expect(fieldsOf(operation, '409'), operationId).toEqual([
          'code',
          ...(isVersioned ? ['current'] : []),
          'error',
        ]);
      }
      expect(fieldsOf(operation, '503'), operationId).toEqual([
        'code',
        'error',
        ...(method === 'get' ? [] : ['outcome']),
      ]);
    }
  });

  test('a conflict of versions shows `current`, and another conflict does not', async () => {
    const versions = await send(`/api/vault/${vaultId}?id=a`, {
      text: 'x',
      entry_id: 1,
      expected_version: 99,
    });
    expect([versions.status, Object.keys(JSON.parse(versions.text))]).toEqual([
      409,
      ['error', 'code', 'current'],
    ]);
    const sealed = await send('/api/vault?id=a', { summary: 'e1.sealed' });
    expect([sealed.status, Object.keys(JSON.parse(sealed.text))]).toEqual([409, ['error', 'code']]);
  });

  test('what Node refuses before the request has a code of its own: 408 and 431', async () => {
    for (const { operation } of operations) {
      expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['408', '431']));
    }
    const { status, body } = await sendLines(server.url, ['GET / HTTP/1.1', `x: ${'x'.repeat(20_000)}`]);
    expect([status, JSON.parse(body).code]).toEqual([431, 'HEADERS_TOO_LARGE']);
  });

  test('an operator comes in where the document says so, without a client id', async () => {
    for (const { method, path, operation } of operations) {
      const isOpenToOperators = operation.security.some((needed) => 'dashboard' in needed);
      if (operation.security.length === 0) continue;
      const { status } = await sendRaw(server.url, {
        method: method.toUpperCase(),
        path: path.replace('{vault_id}', vaultId).replace('{client_id}', 'a'),
        headers: { ...JSON_BODY, authorization: `dashboard ${token}` },
        ...(method === 'get' ? {} : { body: '{"text":"x"}' }),
      });
      expect(status, `${method} ${path}`).toBe(isOpenToOperators ? 200 : 403);
    }
  });
});
