import { expect, test } from 'vitest';
import { compare } from '../../../src/openapi-check/compare.ts';
import { formatProblem } from '../../../src/openapi-check/problem.ts';
import { generated, type Loose, mutated } from '../../support/openapi-files.ts';

const VAULT = '/api/vault/{vault_id}';
const write = (d: Loose) => d.paths[VAULT].post;
const read = (d: Loose) => d.paths[VAULT].get;
const bodyOf = (operation: Loose) => operation.requestBody.content['application/json'].schema;
const parameter = (operation: Loose, name: string) =>
  operation.parameters.find((one: Loose) => one.name === name);
const entry = (d: Loose) => d.components.schemas.VaultEntry;

type Change = [what: string, mutate: (document: Loose) => void];

const breaking: [...Change, line: string][] = [
  [
    'a call that is gone',
    (d) => {
      delete d.paths[VAULT].get;
    },
    'GET /api/vault/{vault_id}: call: this call is gone',
  ],
  [
    'a path that is gone',
    (d) => {
      d.paths['/api/vaults'] = d.paths['/api/vault'];
      delete d.paths['/api/vault'];
    },
    'POST /api/vault: call: this call is gone',
  ],
  [
    'a call under another name',
    (d) => {
      write(d).operationId = 'appendEntry';
    },
    'POST /api/vault/{vault_id}: operationId: was "writeEntry" and is now "appendEntry"',
  ],
  [
    'a status that is gone',
    (d) => {
      delete read(d).responses['404'];
    },
    'GET /api/vault/{vault_id}: answer 404: this status is gone',
  ],
  [
    'another success',
    (d) => {
      write(d).responses['202'] = write(d).responses['200'];
    },
    'POST /api/vault/{vault_id}: answer 202: consumers do not know this success yet',
  ],
  [
    'a field of an answer that is gone',
    (d) => {
      delete entry(d).properties.writer_id;
      entry(d).required = entry(d).required.filter((name: string) => name !== 'writer_id');
    },
    'GET /api/vault/{vault_id}: answer 200: [].writer_id: field was "there" and is now not there',
  ],
  [
    'an optional field of an answer that is gone',
    (d) => {
      delete d.components.schemas.SessionStatus.properties.token;
    },
    'GET /api/sessions/{id}/status: answer 200: token: field was "there" and is now not there',
  ],
  [
    'a field of an answer that is no longer required',
    (d) => {
      entry(d).required = entry(d).required.filter((name: string) => name !== 'kind');
    },
    'GET /api/vault/{vault_id}: answer 200: [].kind: required was true and is now false',
  ],
  [
    'a field of an answer of another type',
    (d) => {
      entry(d).properties.seq = { type: 'string' };
    },
    'GET /api/vault/{vault_id}: answer 200: [].seq: type was "integer" and is now "string"',
  ],
  [
    'a field of an answer that may be null',
    (d) => {
      entry(d).properties.content.type = ['string', 'null'];
    },
    'GET /api/vault/{vault_id}: answer 200: [].content: type was "string" and is now ["string","null"]',
  ],
  [
    'a field of an answer that may be null, said by anyOf',
    (d) => {
      entry(d).properties.content = { anyOf: [{ type: 'string' }, { type: 'null' }] };
    },
    'GET /api/vault/{vault_id}: answer 200: [].content: type was "string" and is now "null"',
  ],
  [
    'a wider enum of an answer',
    (d) => {
      entry(d).properties.kind.enum.push('note');
    },
    'GET /api/vault/{vault_id}: answer 200: [].kind: enum was ["content","summary"] and is now ["content","summary","note"]',
  ],
  [
    'a constant of an answer that is none any more',
    (d) => {
      d.components.schemas.GrantedSession.properties.status = { type: 'string' };
    },
    'POST /api/sessions/{id}/grant: answer 200: status: enum was ["granted"] and is now not there',
  ],
  [
    'a wider integer of an answer',
    (d) => {
      entry(d).properties.version.maximum = 2 ** 40;
    },
    'GET /api/vault/{vault_id}: answer 200: [].version: maximum was 2147483647 and is now 1099511627776',
  ],
  [
    'an integer of an answer without bounds',
    (d) => {
      delete entry(d).properties.entry_no.minimum;
    },
    'GET /api/vault/{vault_id}: answer 200: [].entry_no: minimum was 0 and is now not there',
  ],
  [
    'a pattern of an answer that is gone',
    (d) => {
      delete d.components.schemas.CreatedSession.properties.otp.pattern;
    },
    'POST /api/sessions: answer 201: otp: pattern was "^\\\\d{8}$" and is now not there',
  ],
  [
    'a format of an answer that is gone',
    (d) => {
      delete entry(d).properties.created_at.format;
    },
    'GET /api/vault/{vault_id}: answer 200: [].created_at: format was "date-time" and is now not there',
  ],
  [
    'an array of an answer that is an object now',
    (d) => {
      read(d).responses['200'].content['application/json'].schema = { type: 'object' };
    },
    'GET /api/vault/{vault_id}: answer 200: type was "array" and is now "object"',
  ],
  [
    'a media type of an answer that is gone',
    (d) => {
      const { content } = write(d).responses['200'];
      content['application/cbor'] = content['application/json'];
      delete content['application/json'];
    },
    'POST /api/vault/{vault_id}: answer 200 application/json: this media type is gone',
  ],
  [
    'a header that is gone',
    (d) => {
      delete d.components.responses.TooManyRequests.headers['retry-after'];
    },
    'POST /api/vault: answer 429: header retry-after: this header is gone',
  ],
  [
    'a header that is no longer promised',
    (d) => {
      d.components.headers['x-request-id'].required = false;
    },
    'POST /api/vault: answer 200: header x-request-id: this header is no longer promised',
  ],
  [
    'a code of an error that is another one',
    (d) => {
      d.components.schemas.ForbiddenError.properties.code.const = 'NOT_YOURS';
    },
    'GET /api/vault/{vault_id}: answer 403: code: enum was ["FORBIDDEN"] and is now ["NOT_YOURS"]',
  ],
  [
    'a field of a request that is gone',
    (d) => {
      delete bodyOf(write(d)).properties.entry_id;
    },
    'POST /api/vault/{vault_id}: body: entry_id: field was "there" and is now not there',
  ],
  [
    'a field of a request that is required now',
    (d) => {
      bodyOf(write(d)).required.push('entry_id');
    },
    'POST /api/vault/{vault_id}: body: entry_id: required was false and is now true',
  ],
  [
    'a new required field of a request',
    (d) => {
      bodyOf(write(d)).properties.kind = { type: 'string' };
      bodyOf(write(d)).required.push('kind');
    },
    'POST /api/vault/{vault_id}: body: kind: required was false and is now true',
  ],
  [
    'a field of a request that may not be null any more',
    (d) => {
      const { entry_id } = bodyOf(write(d)).properties;
      bodyOf(write(d)).properties.entry_id = entry_id.anyOf[0];
    },
    'POST /api/vault/{vault_id}: body: entry_id: type was "null" and is now "integer"',
  ],
  [
    'a smaller maximum',
    (d) => {
      bodyOf(write(d)).properties.entry_id.anyOf[0].maximum = 2 ** 31 - 1;
    },
    'POST /api/vault/{vault_id}: body: entry_id: maximum was 4294967295 and is now 2147483647',
  ],
  [
    'a shorter text',
    (d) => {
      bodyOf(write(d)).properties.text.maxLength = 1000;
    },
    'POST /api/vault/{vault_id}: body: text: maxLength was 65536 and is now 1000',
  ],
  [
    'a text that must not be empty any more',
    (d) => {
      bodyOf(write(d)).properties.text.minLength = 1;
    },
    'POST /api/vault/{vault_id}: body: text: minLength was not there and is now 1',
  ],
  [
    'another pattern of a request',
    (d) => {
      bodyOf(write(d)).properties.text.pattern = '^[a-z]*$';
    },
    'POST /api/vault/{vault_id}: body: text: pattern was "^[^\\\\u0000]*$" and is now "^[a-z]*$"',
  ],
  [
    'an enum where any text was taken',
    (d) => {
      bodyOf(d.paths['/api/sessions'].post).properties.hostname.enum = ['a', 'b'];
    },
    'POST /api/sessions: body: hostname: enum was not there and is now ["a","b"]',
  ],
  [
    'fields that must now come together',
    (d) => {
      bodyOf(write(d)).dependentRequired = { entry_id: ['text'] };
    },
    'POST /api/vault/{vault_id}: body: dependentRequired was {} and is now {"entry_id":["text"]}',
  ],
  [
    'a body that is required now',
    (d) => {
      d.paths['/api/vault'].post.requestBody.required = true;
    },
    'POST /api/vault: body: a body is now required',
  ],
  [
    'a media type of a request that is gone',
    (d) => {
      delete write(d).requestBody.content['application/json'];
    },
    'POST /api/vault/{vault_id}: body application/json: this media type is gone',
  ],
  [
    'a parameter that is gone',
    (d) => {
      read(d).parameters = read(d).parameters.filter((one: Loose) => one.name !== 'since');
    },
    'GET /api/vault/{vault_id}: query since: this parameter is gone',
  ],
  [
    'a parameter that is required now',
    (d) => {
      parameter(read(d), 'since').required = true;
    },
    'GET /api/vault/{vault_id}: query since: this parameter is now required',
  ],
  [
    'a new required parameter',
    (d) => {
      read(d).parameters.push({ in: 'query', name: 'limit', required: true, schema: { type: 'integer' } });
    },
    'GET /api/vault/{vault_id}: query limit: this parameter is now required',
  ],
  [
    'a parameter with a narrower range',
    (d) => {
      parameter(read(d), 'since').schema.maximum = 2 ** 53;
    },
    'GET /api/vault/{vault_id}: query since: maximum was not there and is now 9007199254740992',
  ],
  [
    'a session that is needed now',
    (d) => {
      d.paths['/api/sessions'].post.security = [{ session: [] }];
    },
    'POST /api/sessions: security: asked for nothing and now asks for session',
  ],
  [
    'one more scheme',
    (d) => {
      d.components.securitySchemes.mfa = { type: 'apiKey', in: 'header', name: 'x-mfa' };
      read(d).security = [{ session: [], clientId: [], mfa: [] }];
    },
    'GET /api/vault/{vault_id}: security: asked for session and clientId or bearer and clientId or dashboard and now asks for session and clientId and mfa',
  ],
  [
    'credentials that are a required parameter for some who brought others',
    (d) => {
      parameter(read(d), 'id').required = true;
    },
    'GET /api/vault/{vault_id}: query id: this parameter is now required',
  ],
  [
    'a client id that travels elsewhere',
    (d) => {
      d.components.securitySchemes.clientId.in = 'header';
    },
    'GET /api/vault/{vault_id}: security clientId: is sent in another way now',
  ],
];

test.each(breaking)('%s breaks', (_, mutate, line) => {
  const lines = compare(generated, mutated(mutate)).map(formatProblem);
  expect(lines).toContainEqual(expect.stringContaining(line));
});

test('a required parameter that the released document asks for as credentials breaks nobody', () => {
  const released = mutated((d) => {
    const write = d.paths[VAULT].post;
    write.parameters = write.parameters.filter(({ name }: Loose) => name !== 'id');
  });
  expect(compare(released, generated)).toEqual([]);
});

const harmless: Change[] = [
  ['nothing', () => undefined],
  [
    'a new call',
    (d) => {
      d.paths['/api/more'] = { get: { operationId: 'more', responses: {} } };
    },
  ],
  [
    'a new error status',
    (d) => {
      read(d).responses['410'] = { $ref: '#/components/responses/NotFound' };
    },
  ],
  [
    'that an answer has not changed, for those who ask',
    (d) => {
      d.paths['/api/vault'].get.responses['304'] = { description: 'Not modified.' };
    },
  ],
  [
    'a new field of an answer',
    (d) => {
      entry(d).properties.more = { type: 'string' };
      entry(d).required.push('more');
    },
  ],
  [
    'an optional field of an answer that is always there now',
    (d) => {
      d.components.schemas.SessionStatus.required.push('token');
    },
  ],
  [
    'a narrower answer',
    (d) => {
      entry(d).properties.kind = { type: 'string', const: 'content' };
      entry(d).properties.version.maximum = 100;
      entry(d).properties.content.maxLength = 65_536;
    },
  ],
  [
    'a new optional field of a request that needs a known one',
    (d) => {
      bodyOf(write(d)).properties.more = { type: 'string' };
      bodyOf(write(d)).dependentRequired = { more: ['entry_id'] };
    },
  ],
  [
    'a new optional field of a request',
    (d) => {
      bodyOf(write(d)).properties.more = { type: 'string' };
    },
  ],
  [
    'a longer text, and one without a pattern',
    (d) => {
      bodyOf(write(d)).properties.text.maxLength = 100_000;
      delete bodyOf(write(d)).properties.text.pattern;
    },
  ],
  [
    'a required field of a request that is optional now',
    (d) => {
      delete bodyOf(write(d)).required;
    },
  ],
  [
    'a request that takes another type too',
    (d) => {
      bodyOf(write(d)).properties.text = {
        anyOf: [bodyOf(write(d)).properties.text, { type: 'array', items: { type: 'string' } }],
      };
    },
  ],
  [
    'a request that takes unknown fields',
    (d) => {
      delete bodyOf(write(d)).additionalProperties;
    },
  ],
  [
    'a new optional parameter',
    (d) => {
      read(d).parameters.push({ in: 'query', name: 'limit', schema: { type: 'integer' } });
    },
  ],
  [
    'a new media type',
    (d) => {
      const { content } = write(d).responses['200'];
      content['application/cbor'] = content['application/json'];
    },
  ],
  [
    'a new header',
    (d) => {
      read(d).responses['200'].headers.age = { required: true, schema: { type: 'string' } };
    },
  ],
  [
    'less to bring',
    (d) => {
      read(d).security = [{ session: [] }, { bearer: [] }, { dashboard: [] }];
      d.paths['/api/vault'].get.security = [];
    },
  ],

  [
    'another way in',
    (d) => {
      read(d).security.push({ session: [] });
    },
  ],
  [
    'a schema of another name',
    (d) => {
      d.components.schemas.Entry = d.components.schemas.VaultEntry;
      read(d).responses['200'].content['application/json'].schema.items.$ref = '#/components/schemas/Entry';
      delete d.components.schemas.VaultEntry;
    },
  ],
  [
    'the same said by allOf',
    (d) => {
      const { properties, required } = entry(d);
      d.components.schemas.VaultEntry = {
        type: 'object',
        allOf: [
          { properties, required },
          { type: 'object', additionalProperties: false },
        ],
      };
    },
  ],
  [
    'other words',
    (d) => {
      read(d).summary = read(d).description = entry(d).description = 'x';
      d.info.version = '0.2.0';
    },
  ],
];

test.each(harmless)('%s breaks nobody', (_, mutate) => {
  expect(compare(generated, mutated(mutate)).map(formatProblem)).toEqual([]);
});
