import { expect, test } from 'vitest';
import { type Contract, parseContract } from '../../../src/openapi-check/contract.ts';
import { checkPromises } from '../../../src/openapi-check/document-facts.ts';
import { formatProblem } from '../../../src/openapi-check/problem.ts';
import { generated, type Loose, mutated, readTheContract } from '../../support/openapi-files.ts';

const linesOf = (document: Loose, contract: Contract = readTheContract()) =>
  checkPromises(document, contract).map(formatProblem);

test('the document takes every request of atem and promises every field that it reads', () => {
  expect(linesOf(generated)).toEqual([]);
});

test('the contract has every call of atem, and each way of reading', () => {
  const { steps } = readTheContract();
  const calls = new Set(steps.map(({ request }) => `${request.method} ${request.path}`));
  // Released clients do not know these.
  const later = [
    'describeVault',
    'proveVault',
    'removeWriter',
    'createKey',
    'listKeys',
    'revokeKey',
    'search',
  ];
  for (const call of Object.entries(generated.paths).flatMap(([path, item]) =>
    Object.entries(item as Record<string, Loose>).flatMap(([method, { operationId }]) =>
      later.includes(operationId) ? [] : [`${method.toUpperCase()} ${path}`],
    ),
  )) {
    const pattern = new RegExp(`^${call.replaceAll('/', '\\/').replace(/{\w+}/g, '[^/]+')}$`);
    expect(
      [...calls].some((one) => pattern.test(one)),
      call,
    ).toBe(true);
  }
  const reads = steps.filter(
    ({ request }) => request.path.endsWith('{vault_id}') && request.method === 'GET',
  );
  const shapes = reads.map(({ request }) => (request.query ?? '').replace(/[^&]*?id=[^&]*/, ''));
  expect(shapes).toEqual(
    expect.arrayContaining(['', '&since={first_seq}', '&history=true', '&since={first_seq}&history=true']),
  );
});

const write = (d: Loose) => d.paths['/api/vault/{vault_id}'].post;
const read = (d: Loose) => d.paths['/api/vault/{vault_id}'].get;
const bodyOf = (operation: Loose) => operation.requestBody.content['application/json'].schema;
const schema = (d: Loose, name: string) => d.components.schemas[name];
const drop = (list: string[], name: string) => list.splice(list.indexOf(name), 1);

const broken: [what: string, mutate: (document: Loose) => void, line: string][] = [
  [
    'an unknown call',
    (d) => delete d.paths['/api/vault'].get,
    'GET /api/vault: call: the document does not know this call (list the vaults)',
  ],
  [
    'an unknown status',
    (d) => delete d.paths['/api/sessions'].post.responses['201'],
    'POST /api/sessions: answer 201: the document does not know this status (ask for a session)',
  ],
  [
    'a session that atem does not have yet',
    (d) => {
      d.paths['/api/sessions'].post.security = [{ session: [] }];
    },
    'POST /api/sessions: security: the document asks for session, which is not sent (ask for a session)',
  ],
  [
    'a parameter that atem does not send',
    (d) =>
      read(d).parameters.push({ in: 'query', name: 'limit', required: true, schema: { type: 'integer' } }),
    'GET /api/vault/{vault_id}: query limit: the document requires this parameter; it is not sent',
  ],
  [
    'a parameter that it does not know',
    (d) => read(d).parameters.splice(1, 1),
    'GET /api/vault/{vault_id}: query since: the document does not know this parameter',
  ],
  [
    'a since that is too small for a u64',
    (d) => {
      read(d).parameters[1].schema.maximum = 2 ** 53 - 1;
    },
    'GET /api/vault/{vault_id}: query since: the document refuses "18446744073709551615": it must be <= 9007199254740991',
  ],
  [
    'an id of another form',
    (d) => {
      read(d).parameters[0].schema.pattern = '^\\d+$';
    },
    'GET /api/vault/{vault_id}: path vault_id: the document refuses "v-7Kf3qDx02Z"',
  ],
  [
    'an entry_id that may not be null',
    (d) => {
      const { properties } = bodyOf(write(d));
      properties.entry_id = { type: 'integer', minimum: 0, maximum: 4_294_967_295 };
    },
    'POST /api/vault/{vault_id}: body entry_id: refused: must be integer (append an entry with entry_id null)',
  ],
  [
    'a summary that may not be absent',
    (d) => {
      bodyOf(d.paths['/api/vault'].post).required = ['summary'];
    },
    'POST /api/vault: body summary: refused: the document promises this field',
  ],
  [
    'a field that it does not know',
    (d) => delete bodyOf(d.paths['/api/pair'].post).properties.hostname,
    'POST /api/pair: body hostname: refused: the document does not know this field (open a pairing room)',
  ],
  [
    'a body in another form',
    (d) => {
      const body = write(d).requestBody;
      body.content = { 'text/plain': body.content['application/json'] };
    },
    'POST /api/vault/{vault_id}: body: the document takes no body of type application/json',
  ],
  [
    'a body where atem sends none',
    (d) => {
      d.paths['/api/sessions/{id}/deny'].post.requestBody = {
        required: true,
        content: { 'application/json': { schema: {} } },
      };
    },
    'POST /api/sessions/{id}/deny: body: the document requires a body; none is sent',
  ],
  [
    'a field that is not promised',
    (d) => delete schema(d, 'VaultEntry').properties.writer_id,
    'GET /api/vault/{vault_id}: answer 200: [].writer_id: the document does not promise this field',
  ],
  [
    'a field that may be missing',
    (d) => drop(schema(d, 'WriteResult').required, 'seq'),
    'POST /api/vault/{vault_id}: answer 200: seq: the document does not require it',
  ],
  [
    'a field of another type',
    (d) => {
      schema(d, 'CreatedVault').properties.vault_id.type = 'integer';
    },
    'POST /api/vault: answer 200: vault_id: the document says "integer"; it is read as string',
  ],
  [
    'an integer beyond u32',
    (d) => {
      schema(d, 'WriteResult').properties.version.maximum = 4_294_967_296;
    },
    "POST /api/vault/{vault_id}: answer 200: version: the document's maximum is 4294967296; it is read as u32",
  ],
  [
    'an integer without an end',
    (d) => delete schema(d, 'VaultEntry').properties.seq.maximum,
    "GET /api/vault/{vault_id}: answer 200: [].seq: the document's maximum is not there; it is read as u64",
  ],
  [
    'an integer below zero',
    (d) => {
      schema(d, 'VaultEntry').properties.entry_no.minimum = -1;
    },
    'GET /api/vault/{vault_id}: answer 200: [].entry_no: the document promises no minimum of 0; it is read as u32',
  ],
  [
    'a status that atem does not understand',
    (d) => schema(d, 'SessionStatus').properties.status.enum.push('revoked'),
    'GET /api/sessions/{id}/status: answer 200: status: the document allows "revoked", which is not understood',
  ],
  [
    'any status',
    (d) => delete schema(d, 'SessionStatus').properties.status.enum,
    'GET /api/sessions/{id}/status: answer 200: status: the document promises no set of values',
  ],
  [
    'an object for an array',
    (d) => {
      d.paths['/api/vault'].get.responses['200'].content['application/json'].schema = { type: 'object' };
    },
    'GET /api/vault: answer 200: the document says "object"; it is read as array',
  ],
  [
    'a header that is not promised',
    (d) => {
      d.components.headers['x-request-id'].required = false;
    },
    'GET /api/vault: answer 200: header x-request-id: the document does not promise this header',
  ],
  [
    'an error without its sentence',
    (d) => delete schema(d, 'ForbiddenError').properties.error,
    'GET /api/vault/{vault_id}: answer 403: error: the document does not promise this field',
  ],
];

test.each(broken)('the check finds %s', (_, mutate, line) => {
  expect(linesOf(mutated(mutate))).toContainEqual(expect.stringContaining(line));
});

test('a contract that reads a field more than the document has is found too', () => {
  const contract = structuredClone(readTheContract()) as Loose;
  contract.steps[0].answer.body.fields.created_at = { type: 'string' };
  expect(linesOf(generated, contract)).toEqual([
    'POST /api/vault: answer 200: created_at: the document does not promise this field (create a vault)',
  ]);
});

test('a contract with a misspelt key is refused', () => {
  const contract = structuredClone(readTheContract()) as Loose;
  contract.steps[0].answer.boddy = {};
  expect(() => parseContract(contract)).toThrow('boddy');
});
