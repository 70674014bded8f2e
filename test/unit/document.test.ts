import { describe, expect, test } from 'vitest';
import type { Schema } from '../support/arbitrary.ts';
import { type Document, type Exchange, makeAnswerJudge, theDocument } from '../support/document.ts';

const judge = makeAnswerJudge(theDocument);

const headers = {
  'content-type': 'application/json; charset=utf-8',
  'x-request-id': 'a',
  etag: 'W/"1"',
  'x-vault-head': '1',
  'x-vault-head-hash': 'ab'.repeat(32),
};
const exchange = (about: Partial<Exchange>, body: unknown): Exchange => ({
  method: 'GET',
  path: '/api/vault/v-1?id=a',
  status: 200,
  headers,
  text: JSON.stringify(body),
  ...about,
});

const entry = {
  seq: 1,
  entry_no: 1,
  version: 1,
  kind: 'content',
  writer_id: 'a',
  content: '',
  created_at: '2026-11-24T16:13:04.156964Z',
};
const forbidden = { error: 'No.', code: 'FORBIDDEN' };

const fine: [what: string, Exchange][] = [
  ['a documented answer', exchange({}, [entry])],
  ['one to an encoded path', exchange({ path: '/api/v%61ult/a%2Fb?id=a' }, [entry])],
  ['one to a whole address', exchange({ path: 'http://a/api/vault/v-1?id=a' }, [entry])],
  ['one to HEAD', { ...exchange({ method: 'HEAD' }, []), text: '' }],
  ['a documented error', exchange({ status: 403 }, forbidden)],
  ['another method', exchange({ method: 'PUT', status: 405 }, { error: 'No.', code: 'METHOD_NOT_ALLOWED' })],
  ['another path', exchange({ path: '/api/x', status: 404 }, { error: 'No.', code: 'NOT_FOUND' })],
  ['a page', { ...exchange({ path: '/auth' }, ''), headers: { 'content-type': 'text/html' }, text: '<p>' }],
  ['a preflight', { ...exchange({ method: 'OPTIONS', status: 204 }, ''), headers: {}, text: '' }],
  [
    'tRPC',
    exchange({ path: '/trpc/vault.append' }, { result: { data: { entry_no: 1, version: 1, seq: 1 } } }),
  ],
  [
    'a batch of tRPC',
    exchange({ path: '/trpc/vault.list,vault.read?batch=1', status: 207 }, [
      { result: { data: [] } },
      { error: { message: 'No.', data: { code: 'FORBIDDEN' } } },
    ]),
  ],
];

test.each(fine)('nothing is wrong with %s', (_, answer) => expect(judge(answer)).toBeUndefined());

const READ = 'GET /api/vault/{vault_id}';
const wrong: [what: string, Exchange, complaint: string][] = [
  ['a status', exchange({ status: 409 }, {}), `${READ} answered 409, but the document does not know this`],
  ['a field', exchange({}, [{ ...entry, more: 1 }]), '/0 must NOT have additional properties {"additional'],
  ['a missing field', exchange({}, [{ ...entry, seq: undefined }]), "/0 must have required property 'seq'"],
  ['a type', exchange({}, [{ ...entry, seq: '1' }]), '/0/seq must be integer'],
  ['a bound', exchange({}, [{ ...entry, version: 2 ** 31 }]), '/0/version must be <= 2147483647'],
  ['a format', exchange({}, [{ ...entry, created_at: '2026-13-24T16:13:04.156964Z' }]), 'must match format'],
  ['a member', exchange({}, [{ ...entry, kind: 'note' }]), '/0/kind must be equal to one of the allowed'],
  ['no JSON', { ...exchange({}, []), text: '[' }, 'the body must be array'],
  ['a content type', exchange({ headers: { ...headers, 'content-type': 'text/plain' } }, []), 'type is text'],
  [
    'no request id',
    exchange({ headers: { ...headers, 'x-request-id': undefined } }, []),
    'x-request-id is m',
  ],
  [
    'a header',
    exchange({ headers: { ...headers, 'ratelimit-limit': 'a' } }, []),
    'ratelimit-limit: the body must',
  ],
  [
    'no Retry-After',
    exchange({ status: 503 }, { error: 'No.', code: 'SERVICE_UNAVAILABLE' }),
    'the header retry-after is missing',
  ],
  ['a code of another status', exchange({ status: 404 }, forbidden), '/code must be equal to constant'],
  ['a field in an error', exchange({ status: 403 }, { ...forbidden, cause: 1 }), 'additional properties'],
  ['405 for a method that there is', exchange({ status: 405 }, {}), 'does not know this status'],
  [
    'a call that is nowhere',
    exchange({ path: '/api/x' }, {}),
    'GET /api/x answered 200, but the document has no',
  ],
  ['a bare 404', exchange({ path: '/api/x', status: 404 }, { error: 'No.' }), 'unknown code undefined'],
  ['an unknown code', exchange({ path: '/x', status: 404 }, { error: 'No.', code: 'LOST' }), 'code LOST'],
  ['a code that does not fit', exchange({ path: '/x', status: 404 }, forbidden), 'does not fit FORBIDDEN'],
  ['no sentence', exchange({ path: '/x', status: 403 }, { ...forbidden, error: '' }), 'has no sentence'],
  [
    'a tRPC result',
    exchange({ path: '/trpc/vault.create' }, { result: { data: {} } }),
    "property 'vault_id'",
  ],
  [
    'a tRPC code',
    exchange({ path: '/trpc/a', status: 400 }, { error: { message: 'No.', data: { code: 'PARSE_ERROR' } } }),
    'unknown code PARSE_ERROR',
  ],
  ['no tRPC at all', exchange({ path: '/trpc/a' }, {}), 'neither an error nor a result'],
];

test.each(wrong)('it complains of %s', (_, answer, complaint) => expect(judge(answer)).toContain(complaint));

describe('an answer that was fine is not once the document lacks', () => {
  const without = (change: (document: Document) => void) => {
    const document = structuredClone(theDocument);
    change(document);
    return makeAnswerJudge(document);
  };

  test('its status', () => {
    const poorer = without(({ paths }) => delete paths['/api/vault/{vault_id}']?.get?.responses['403']);
    expect(poorer(exchange({ status: 403 }, forbidden))).toContain(`${READ} answered 403, but the document`);
  });

  test('its field', () => {
    const poorer = without(({ components }) => {
      const schema = components.schemas?.VaultEntry as Schema;
      delete schema.properties?.content;
    });
    expect(poorer(exchange({}, [entry]))).toContain('must NOT have additional properties');
  });

  test('its call', () => {
    const poorer = without(({ paths }) => delete paths['/api/vault/{vault_id}']);
    expect(poorer(exchange({}, [entry]))).toContain('the document has no such call');
  });
});
