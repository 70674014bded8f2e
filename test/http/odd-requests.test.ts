import { expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { theDocument } from '../support/document.ts';
import { type RawRequest, sendRaw } from '../support/raw-http.ts';
import { useServer } from '../support/server.ts';
import { JSON_BODY } from '../support/surfaces.ts';

const database = useDatabase();
const server = useServer(database);

const ask = async (request: RawRequest) => {
  const { status, text } = await sendRaw(server.url, request);
  return { status, body: JSON.parse(text) as unknown };
};

test.each([
  ['empty', ''],
  ['broken', '{'],
  ['nested too deep', '['.repeat(60_000)],
  ['over the limit', 'a'.repeat(500_000)],
])('a body that is %s does not hide that there is nothing', async (_, body) => {
  for (const [method, path] of [
    ['POST', '/nowhere'],
    ['OPTIONS', '/api/sessions'],
    ['PUT', '/api/sessions/a/b/c'],
  ] as const) {
    const headers = { ...JSON_BODY, 'content-length': String(body.length) };
    expect(await ask({ method, path, headers, body })).toEqual({
      status: 404,
      body: { error: `There is nothing at ${method} ${path}.`, code: 'NOT_FOUND' },
    });
  }
});

test('an unknown expectation is ignored', async () => {
  const request = { method: 'POST', path: '/api/sessions', body: '{"hostname":"a"}' };
  for (const expectation of ['a miracle', '100-continue']) {
    const headers = { ...JSON_BODY, expect: expectation, 'content-length': '16' };
    expect((await ask({ ...request, headers })).status).toBe(201);
  }
});

test('a code with NUL names no room, on status and on close', async () => {
  for (const method of ['GET', 'DELETE']) {
    expect(await ask({ method, path: '/api/pair/a%00b' })).toEqual({
      status: 404,
      body: { error: 'There is no room with this code.', code: 'NOT_FOUND' },
    });
  }
});

test('the document knows a room that is not there, and half a signed grant', async () => {
  const status = theDocument.paths['/api/pair/{code}']?.get;
  expect(status?.operationId).toBe('getPairingStatus');
  expect(Object.keys(status?.responses ?? {})).toContain('404');
  const grant = theDocument.paths['/api/sessions/{id}/grant']?.post;
  expect(grant?.requestBody?.content['application/json'].schema.dependentRequired).toEqual({
    astation_id: ['signature'],
    signature: ['astation_id'],
  });
});
