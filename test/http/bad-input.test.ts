import { randomUUID } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../src/errors.ts';
import { dump, useDatabase } from '../support/database.ts';
import { type RawRequest, sendRaw } from '../support/raw-http.ts';
import { useServer } from '../support/server.ts';
import {
  type Call,
  type Credentials,
  callOn,
  JSON_BODY,
  SURFACE_NAMES,
  SURFACES,
} from '../support/surfaces.ts';

const database = useDatabase();
const server = useServer(database);

let session: string;
let credentials: Credentials;
/** A vault with one entry, which every call of this file is about. */
let vaultId: string;
let before: string;

beforeAll(async () => {
  session = await server.login('st-1');
  credentials = { session, clientId: 'atem-a' };
  const created = await callOn('rest', server.url, { procedure: 'vault.create', credentials });
  vaultId = ('result' in created ? (created.result as { vault_id: string }) : { vault_id: '' }).vault_id;
  await callOn('rest', server.url, {
    procedure: 'vault.append',
    vaultId,
    json: '{"text":"kept"}',
    credentials,
  });
});

beforeEach(async () => {
  before = await dump(database.admin);
});

/** Whatever a row of these tables sends, it changes nothing. */
const expectUnchanged = async () => expect(await dump(database.admin)).toBe(before);

const STATUS_OF = { 400: 'BAD_REQUEST', 404: 'NOT_FOUND', 413: 'PAYLOAD_TOO_LARGE' } as const;

/** What the refusal names: a text that its sentence contains. */
type Says = string;
type InputRow = [what: string, json: string, status: keyof typeof STATUS_OF, says: Says];

const text = (value: string) => JSON.stringify({ text: value });
const entry = (id: string) => `{"text":"a","entry_id":${id}}`;

/** The rules of any text field, whatever it is called and how much it may hold. */
const textRows = (field: string, limit: number): InputRow[] => [
  ['a number', `{"${field}":3}`, 400, `Field ${field} must be a string.`],
  ['a fraction', `{"${field}":1.5}`, 400, `Field ${field} must be a string.`],
  ['a boolean', `{"${field}":true}`, 400, `Field ${field} must be a string.`],
  ['null', `{"${field}":null}`, 400, `Field ${field} must be a string.`],
  ['an array', `{"${field}":["a"]}`, 400, `Field ${field} must be a string.`],
  ['an object', `{"${field}":{"a":"b"}}`, 400, `Field ${field} must be a string.`],
  ['NUL', `{"${field}":"a\\u0000b"}`, 400, `Field ${field} must not contain the NUL character.`],
  [
    'a lone high surrogate',
    `{"${field}":"a\\ud83d"}`,
    400,
    `Field ${field} must not contain a lone surrogate.`,
  ],
  [
    'a lone low surrogate',
    `{"${field}":"\\ude00b"}`,
    400,
    `Field ${field} must not contain a lone surrogate.`,
  ],
  [
    'a pair in the wrong order',
    `{"${field}":"\\ude00\\ud83d"}`,
    400,
    `Field ${field} must not contain a lone`,
  ],
  [
    'ASCII one byte over the limit',
    `{"${field}":"${'a'.repeat(limit + 1)}"}`,
    413,
    `Field ${field} is ${limit + 1} bytes of UTF-8; the limit is ${limit}.`,
  ],
  [
    'CJK one byte over the limit',
    `{"${field}":"${'团'.repeat(Math.floor(limit / 3))}${'a'.repeat((limit % 3) + 1)}"}`,
    413,
    `Field ${field} is ${limit + 1} bytes of UTF-8; the limit is ${limit}.`,
  ],
  [
    'fewer characters than the limit, but more bytes',
    `{"${field}":"${'🦀'.repeat(limit / 4)}é"}`,
    413,
    `Field ${field} is ${limit + 2} bytes of UTF-8`,
  ],
  ['an unknown field beside it', `{"${field}":"a","texts":"b"}`, 400, 'Unknown field texts;'],
  ['its name misspelt', `{"${field}s":"a"}`, 400, `Unknown field ${field}s;`],
  ['its name in capitals', `{"${field.toUpperCase()}":"a"}`, 400, `Unknown field ${field.toUpperCase()};`],
  ['a field called constructor', `{"${field}":"a","constructor":1}`, 400, 'Unknown field constructor;'],
  ['a field called toString', `{"${field}":"a","toString":1}`, 400, 'Unknown field toString;'],
  [
    'a field called hasOwnProperty',
    `{"${field}":"a","hasOwnProperty":1}`,
    400,
    'Unknown field hasOwnProperty;',
  ],
  ['a field called __proto__', `{"${field}":"a","__proto__":{"x":1}}`, 400, 'Unknown field __proto__;'],
  [
    '__proto__ with another spelling',
    `{"${field}":"a","__pr\\u006fto__":{"x":1}}`,
    400,
    'Unknown field __proto__;',
  ],
  ['the empty name', `{"${field}":"a","":1}`, 400, 'Unknown field ""'],
];

const WHOLE = 'must be a whole number that is not negative.';
const entryIdRows: InputRow[] = [
  ['entry_id "3"', entry('"3"'), 400, `Field entry_id ${WHOLE}`],
  ['entry_id ""', entry('""'), 400, `Field entry_id ${WHOLE}`],
  ['entry_id true', entry('true'), 400, `Field entry_id ${WHOLE}`],
  ['entry_id 1.5', entry('1.5'), 400, `Field entry_id ${WHOLE}`],
  ['entry_id [1]', entry('[1]'), 400, `Field entry_id ${WHOLE}`],
  ['entry_id {}', entry('{}'), 400, `Field entry_id ${WHOLE}`],
  ['entry_id -1', entry('-1'), 400, `Field entry_id ${WHOLE}`],
  ['entry_id 1e400', entry('1e400'), 400, 'Field entry_id must be'],
  ['entry_id -1e400', entry('-1e400'), 400, 'Field entry_id must be'],
  ['entry_id 2^32', entry('4294967296'), 400, 'Field entry_id must be at most 4294967295.'],
  ['entry_id 2^53', entry('9007199254740992'), 400, 'Field entry_id must be at most'],
  ['entry_id 2^64', entry('18446744073709551616'), 400, 'Field entry_id must be at most'],
  ['entry_id 2^32 - 1, which no entry has', entry('4294967295'), 404, 'has no entry 4294967295.'],
  ['entry_id 2^31', entry('2147483648'), 404, 'has no entry 2147483648.'],
  ['entry_id 2^31 - 1', entry('2147483647'), 404, 'has no entry 2147483647.'],
  ['entry_id 0', entry('0'), 404, 'has no entry 0.'],
  ['entry_id -0', entry('-0'), 404, 'has no entry 0.'],
  ['entry_id 1e2', entry('1e2'), 404, 'has no entry 100.'],
  ['the next entry_id', entry('2'), 404, 'has no entry 2.'],
  ['another field', '{"text":"a","entry_id":1,"version":2}', 400, 'Unknown field version;'],
  ['entry_id misspelt', '{"text":"a","entryId":1}', 400, 'Unknown field entryId;'],
];

const inputTables: Record<string, InputRow[]> = {
  'vault.create': textRows('summary', 2048),
  'vault.write': [
    ...textRows('text', 65_536),
    ...entryIdRows,
    ['no text', '{}', 400, 'Field text is missing; it must be a string.'],
    ['an entry_id alone', '{"entry_id":1}', 400, 'Field text is missing; it must be a string.'],
  ],
  'vault.setSummary': [
    ...textRows('text', 2048),
    ['no text', '{}', 400, 'Field text is missing; it must be a string.'],
    ['the summary under its other name', '{"summary":"a"}', 400, 'Unknown field summary;'],
  ],
  'vault.override': entryIdRows,
};

describe.each(Object.keys(inputTables))('%s', (procedure) => {
  const rows = (inputTables[procedure] ?? []).map((row, i) => ({ i, what: row[0], row }));
  test.each(rows)('is refused on both surfaces: $what', async ({ row: [, json, status, says] }) => {
    const call: Call = { procedure, json, ...(procedure === 'vault.create' ? {} : { vaultId }) };
    for (const surface of SURFACE_NAMES) {
      const outcome = await callOn(surface, server.url, { ...call, credentials });
      expect(outcome, surface).toMatchObject({
        status,
        code: STATUS_OF[status],
        message: expect.stringContaining(says),
      });
    }
    await expectUnchanged();
  });
});

describe('the vault of a call', () => {
  const strange: [string, string, 400 | 404, Says][] = [
    ['unknown', 'v-0000000000', 404, 'There is no vault v-0000000000.'],
    ['with odd characters', `v-'";--<>%&?#`, 404, `There is no vault v-'";--<>%&?#.`],
    ['with a blank and CJK', 'v 团队', 404, 'There is no vault v 团队.'],
    ['with a path inside', '../../etc/passwd', 404, 'There is no vault ../../etc/passwd.'],
    ['in other case', 'V-AAAAAAAAAA', 404, 'There is no vault'],
    ['a pattern', '%', 404, 'There is no vault %.'],
    ['128 characters', 'v'.repeat(128), 404, 'There is no vault vvv'],
    ['128 CJK characters', '团'.repeat(128), 404, 'There is no vault 团团团'],
    ['64 emoji, which are 128 UTF-16 units', '🦀'.repeat(64), 404, 'There is no vault 🦀🦀🦀'],
    ['129 characters', 'v'.repeat(129), 400, 'Field vault_id must be at most 128 characters long.'],
    ['512 characters', 'v'.repeat(512), 400, 'Field vault_id must be at most 128 characters long.'],
    ['NUL', 'v-\0', 400, 'Field vault_id must not contain the NUL character.'],
    ['called __proto__', '__proto__', 404, 'There is no vault __proto__.'],
    ['called constructor', 'constructor', 404, 'There is no vault constructor.'],
  ];
  const calls: [string, string][] = [
    ['vault.read', '{}'],
    ['vault.write', '{"text":"a"}'],
    ['vault.override', entry('1')],
    ['vault.setSummary', '{"text":"a"}'],
  ];
  test.each(strange)('%s', async (_, id, status, says) => {
    for (const [procedure, json] of calls) {
      for (const surface of SURFACE_NAMES) {
        const outcome = await callOn(surface, server.url, { procedure, json, vaultId: id, credentials });
        expect(outcome, `${procedure} on ${surface}`).toMatchObject({
          status,
          code: STATUS_OF[status],
          message: expect.stringContaining(says),
        });
      }
    }
    await expectUnchanged();
  });
});

interface Refusal {
  status: number;
  code: ErrorCode;
  says: Says;
  headers?: Record<string, string>;
}
type RawRow = [what: string, request: (v: string) => RawRequest, refusal: Refusal];

const bad = (says: Says): Refusal => ({ status: 400, code: 'BAD_REQUEST', says });
const nothingAt = (says: Says): Refusal => ({ status: 404, code: 'NOT_FOUND', says });
const tooLarge = (says: Says): Refusal => ({ status: 413, code: 'PAYLOAD_TOO_LARGE', says });
const noJson: Refusal = {
  status: 415,
  code: 'UNSUPPORTED_MEDIA_TYPE',
  says: 'content-type: application/json',
};
const notAllowed = (says: Says, allow: string): Refusal => ({
  status: 405,
  code: 'METHOD_NOT_ALLOWED',
  says,
  headers: { allow },
});

const get = (path: string): RawRequest => ({ method: 'GET', path });
const post = (path: string, body: string | Uint8Array, headers: Record<string, string> = JSON_BODY) => ({
  method: 'POST',
  path,
  headers,
  body,
});
const to = (v: string) => `/api/vault/${v}?id=a`;

const deep = (levels: number) => `{"text":${'['.repeat(levels)}${']'.repeat(levels)}}`;
const latin1 = Buffer.from('{"text":"caf\xe9"}', 'latin1');
const overlong = Buffer.concat([Buffer.from('{"text":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]);
const surrogateBytes = Buffer.concat([
  Buffer.from('{"text":"'),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from('"}'),
]);
const cutShort = Buffer.from('{"text":"团').subarray(0, -1);

const bodyRows: RawRow[] = [
  ['an empty body', (v) => post(to(v), ''), bad('Field text is missing; it must be a string.')],
  ['blanks only', (v) => post(to(v), ' \n'), bad('The request body is not valid JSON')],
  ['no JSON', (v) => post(to(v), 'text=a'), bad('The request body is not valid JSON')],
  ['JSON cut short', (v) => post(to(v), '{"text":"a"'), bad('The request body is not valid JSON')],
  ['JSON and more', (v) => post(to(v), '{"text":"a"}{}'), bad('The request body is not valid JSON')],
  ['a comma too many', (v) => post(to(v), '{"text":"a",}'), bad('The request body is not valid JSON')],
  ['single quotes', (v) => post(to(v), "{'text':'a'}"), bad('The request body is not valid JSON')],
  ['NaN', (v) => post(to(v), '{"text":NaN}'), bad('The request body is not valid JSON')],
  [
    'a raw line end in a string',
    (v) => post(to(v), '{"text":"a\nb"}'),
    bad('The request body is not valid JSON'),
  ],
  ['a broken escape', (v) => post(to(v), '{"text":"\\u12"}'), bad('The request body is not valid JSON')],
  ['an array', (v) => post(to(v), '["a"]'), bad('The request body must be a JSON object.')],
  ['a string', (v) => post(to(v), '"a"'), bad('The request body must be a JSON object.')],
  ['a number', (v) => post(to(v), '3'), bad('The request body must be a JSON object.')],
  ['null', (v) => post(to(v), 'null'), bad('The request body must be a JSON object.')],
  [
    'null where everything is optional',
    () => post('/api/vault?id=a', 'null'),
    bad('The request body must be a JSON object.'),
  ],
  ['17 levels', (v) => post(to(v), deep(16)), bad('The request body nests deeper than 16 levels.')],
  ['100,000 levels', (v) => post(to(v), deep(100_000)), bad('The request body nests deeper than 16 levels.')],
  ['16 levels, which may be parsed', (v) => post(to(v), deep(15)), bad('Field text must be a string.')],
  ['Latin-1', (v) => post(to(v), latin1), bad('The request body is not valid UTF-8.')],
  ['an overlong form', (v) => post(to(v), overlong), bad('The request body is not valid UTF-8.')],
  ['a surrogate in UTF-8', (v) => post(to(v), surrogateBytes), bad('The request body is not valid UTF-8.')],
  ['a character cut short', (v) => post(to(v), cutShort), bad('The request body is not valid UTF-8.')],
  [
    'UTF-16',
    (v) => post(to(v), Buffer.from('{"text":"a"}', 'utf16le')),
    bad('The request body is not valid JSON'),
  ],
  [
    'the vault in the body too',
    (v) => post(to(v), `{"vault_id":"${v}","text":"a"}`),
    bad('Unknown field vault_id; send it in the path.'),
  ],
  [
    'constructor.prototype',
    (v) => post(to(v), '{"text":"a","constructor":{"prototype":{"x":1}}}'),
    bad('Unknown field constructor;'),
  ],
  [
    'a body over the limit',
    (v) => post(to(v), text('a'.repeat(400_000))),
    tooLarge('The request body is larger than this server accepts.'),
  ],
  [
    'a body over the limit, without its length given',
    (v) => post(to(v), text('a'.repeat(400_000)), { ...JSON_BODY, 'transfer-encoding': 'chunked' }),
    tooLarge('The request body is larger than this server accepts.'),
  ],
  ['no content type', (v) => post(to(v), text('a'), {}), noJson],
  ['text/plain', (v) => post(to(v), text('a'), { 'content-type': 'text/plain' }), noJson],
  ['a form', (v) => post(to(v), 'text=a', { 'content-type': 'application/x-www-form-urlencoded' }), noJson],
  [
    'a multipart form',
    (v) => post(to(v), 'a', { 'content-type': 'multipart/form-data; boundary=x' }),
    noJson,
  ],
  ['another JSON type', (v) => post(to(v), text('a'), { 'content-type': 'application/jsonl' }), noJson],
  ['a broken content type', (v) => post(to(v), text('a'), { 'content-type': 'json' }), noJson],
  ['an empty content type', (v) => post(to(v), text('a'), { 'content-type': '' }), noJson],
];

const SINCE = `Field since ${WHOLE}`;
const HISTORY = 'Field history must be true or false.';
const queryRows: RawRow[] = [
  ['since empty', (v) => get(`${to(v)}&since=`), bad(SINCE)],
  ['since without =', (v) => get(`${to(v)}&since`), bad(SINCE)],
  ['since=+1', (v) => get(`${to(v)}&since=+1`), bad(SINCE)],
  ['since=%2B1', (v) => get(`${to(v)}&since=%2B1`), bad(SINCE)],
  ['since=-1', (v) => get(`${to(v)}&since=-1`), bad('Field since must be')],
  ['since=-0', (v) => get(`${to(v)}&since=-0`), bad(SINCE)],
  ['since=1.5', (v) => get(`${to(v)}&since=1.5`), bad(SINCE)],
  ['since=1.0', (v) => get(`${to(v)}&since=1.0`), bad(SINCE)],
  ['since=1e2', (v) => get(`${to(v)}&since=1e2`), bad(SINCE)],
  ['since=0x10', (v) => get(`${to(v)}&since=0x10`), bad(SINCE)],
  ['since with blanks', (v) => get(`${to(v)}&since=%201`), bad(SINCE)],
  ['since in other digits', (v) => get(`${to(v)}&since=%D9%A1`), bad(SINCE)],
  ['since=null', (v) => get(`${to(v)}&since=null`), bad(SINCE)],
  ['since=abc', (v) => get(`${to(v)}&since=abc`), bad(SINCE)],
  ['since of 21 digits', (v) => get(`${to(v)}&since=${'9'.repeat(21)}`), bad(SINCE)],
  [
    'since twice',
    (v) => get(`${to(v)}&since=1&since=2`),
    bad('The query parameter since is given more than once.'),
  ],
  ['since[]', (v) => get(`${to(v)}&since[]=1`), bad('Unknown field since[];')],
  ...['', '-1', '1.5', '1e2', 'e1', '%201'].map(
    (entry): RawRow => [
      `entry_id=${entry}`,
      (v) => get(`${to(v)}&entry_id=${entry}`),
      bad('Field entry_id must be'),
    ],
  ),
  ['entry_id beyond u32', (v) => get(`${to(v)}&entry_id=4294967296`), bad('Field entry_id must be')],
  ['history=1', (v) => get(`${to(v)}&history=1`), bad(HISTORY)],
  ['history=0', (v) => get(`${to(v)}&history=0`), bad(HISTORY)],
  ['history=TRUE', (v) => get(`${to(v)}&history=TRUE`), bad(HISTORY)],
  ['history=yes', (v) => get(`${to(v)}&history=yes`), bad(HISTORY)],
  ['history empty', (v) => get(`${to(v)}&history=`), bad(HISTORY)],
  ['history without =', (v) => get(`${to(v)}&history`), bad(HISTORY)],
  ['history with a blank', (v) => get(`${to(v)}&history=true%20`), bad(HISTORY)],
  [
    'history twice',
    (v) => get(`${to(v)}&history=true&history=true`),
    bad('The query parameter history is given more'),
  ],
  ['an unknown parameter', (v) => get(`${to(v)}&limits=1`), bad('Unknown field limits;')],
  ['a parameter in capitals', (v) => get(`${to(v)}&SINCE=1`), bad('Unknown field SINCE;')],
  ['__proto__', (v) => get(`${to(v)}&__proto__=1`), bad('Unknown field __proto__;')],
  ['constructor', (v) => get(`${to(v)}&constructor=1`), bad('Unknown field constructor;')],
  ['the vault in the query too', (v) => get(`${to(v)}&vault_id=v-0000000000`), bad('vault_id')],
  ['an unknown parameter of list', () => get('/api/vault?id=a&since=1'), bad('Unknown field since;')],
  [
    'a parameter of a write',
    (v) => post(`${to(v)}&since=1`, text('a')),
    bad('Unknown query parameter since;'),
  ],
  ['the text in the query', (v) => post(`${to(v)}&text=a`, '{}'), bad('Unknown query parameter text;')],
  [
    'a write parameter twice',
    (v) => post(`${to(v)}&x=1&x=2`, text('a')),
    bad('The query parameter x is given more'),
  ],
  ['a broken escape', (v) => get(`${to(v)}&since=%zz`), bad('The query is not valid percent-encoded')],
  ['a broken escape in a name', (v) => get(`${to(v)}&%=1`), bad('The query is not valid')],
];

const pathRows: RawRow[] = [
  ['a page that is not there', () => get('/vaults'), nothingAt('There is nothing at GET /vaults.')],
  ['an unknown path', () => get('/api/vaults?id=a'), nothingAt('There is nothing at GET /api/vaults.')],
  ['below an unknown one', (v) => get(`/api/vault/${v}/entries?id=a`), nothingAt('/entries.')],
  ['capitals', () => get('/API/vault?id=a'), nothingAt('There is nothing at GET /API/vault.')],
  [
    'dots that lead out',
    () => get('/api/vault/../vault?id=a'),
    nothingAt('There is nothing at GET /api/vault/../vault.'),
  ],
  ['two slashes', () => get('/api//vault?id=a'), nothingAt('There is nothing at GET /api//vault.')],
  ['no vault', () => get('/api/vault/?id=a'), bad('Field vault_id must not be empty.')],
  [
    'a vault of 1,537 characters',
    () => get(`/api/vault/${'v'.repeat(1537)}?id=a`),
    bad('A part of the path is longer than this server accepts.'),
  ],
  ['a broken escape', () => get('/api/vault/%zz?id=a'), bad('The path is not valid percent-encoded')],
  ['half an escape', () => get('/api/vault/v-%E5%9B?id=a'), bad('The path is not valid')],
  ['a surrogate in an escape', () => get('/api/vault/%ED%A0%80?id=a'), bad('The path is not valid')],
  [
    'PUT on the vaults',
    () => ({ method: 'PUT', path: '/api/vault?id=a' }),
    notAllowed('PUT is not allowed here; use', 'GET, HEAD, POST'),
  ],
  [
    'DELETE of a vault',
    (v) => ({ method: 'DELETE', path: to(v) }),
    notAllowed('DELETE is not allowed', 'GET, HEAD, POST'),
  ],
  [
    'PATCH of a vault',
    (v) => ({ ...post(to(v), text('a')), method: 'PATCH' }),
    notAllowed('PATCH is not allowed', 'GET, HEAD, POST'),
  ],
  [
    'GET of a summary',
    (v) => get(`/api/vault/${v}/summary?id=a`),
    notAllowed('GET is not allowed here; use POST.', 'POST'),
  ],
  [
    'PUT of a summary',
    (v) => ({ ...post(`/api/vault/${v}/summary?id=a`, text('a')), method: 'PUT' }),
    notAllowed('PUT', 'POST'),
  ],
];

const trpcInput = (input: string) => encodeURIComponent(input);
const trpcRows: RawRow[] = [
  ['an unknown procedure', () => get('/trpc/vault.drop?id=a'), nothingAt('vault.drop')],
  ['a procedure of Object', () => get('/trpc/constructor?id=a'), nothingAt('constructor')],
  ['a procedure called __proto__', () => get('/trpc/__proto__?id=a'), nothingAt('__proto__')],
  [
    'GET on a mutation',
    (v) => get(`/trpc/vault.append?id=a&input=${trpcInput(`{"vault_id":"${v}","text":"a"}`)}`),
    { status: 405, code: 'METHOD_NOT_ALLOWED', says: 'GET' },
  ],
  [
    'POST on a query',
    (v) => post('/trpc/vault.read?id=a', `{"vault_id":"${v}"}`),
    { status: 405, code: 'METHOD_NOT_ALLOWED', says: 'POST' },
  ],
  [
    'PUT',
    () => ({ ...post('/trpc/vault.create?id=a', '{}'), method: 'PUT' }),
    { status: 405, code: 'METHOD_NOT_ALLOWED', says: 'PUT' },
  ],
  [
    'DELETE',
    () => ({ method: 'DELETE', path: '/trpc/vault.create?id=a' }),
    { status: 405, code: 'METHOD_NOT_ALLOWED', says: 'DELETE' },
  ],
  ['input that is no JSON', () => get('/trpc/vault.read?id=a&input=%7Bvault'), bad('JSON')],
  ['a broken escape', () => get('/trpc/vault.list?id=a&input=%zz'), bad('The query is not valid')],
  ['no input', () => get('/trpc/vault.read?id=a'), bad('The input')],
  ['input null', () => get('/trpc/vault.read?id=a&input=null'), bad('The input must be a JSON object.')],
  ['input an array', () => get('/trpc/vault.read?id=a&input=[]'), bad('The input must be a JSON object.')],
  [
    'input a string',
    () => get('/trpc/vault.read?id=a&input=%22a%22'),
    bad('The input must be a JSON object.'),
  ],
  [
    'no vault_id',
    () => get('/trpc/vault.read?id=a&input={}'),
    bad('Field vault_id is missing; it must be a string.'),
  ],
  [
    'a vault_id that is a number',
    () => get('/trpc/vault.read?id=a&input={%22vault_id%22:1}'),
    bad('Field vault_id must be a string.'),
  ],
  [
    'an empty vault_id',
    () => get('/trpc/vault.read?id=a&input={%22vault_id%22:%22%22}'),
    bad('Field vault_id must not be empty.'),
  ],
  [
    'a lone surrogate in vault_id',
    () => get(`/trpc/vault.read?id=a&input=${trpcInput('{"vault_id":"\\ud800"}')}`),
    bad('Field vault_id must not contain a lone surrogate.'),
  ],
  ...[
    '"abc"',
    'true',
    '1.5',
    'null',
    '[]',
    '{}',
    '-1',
    '1e400',
    '9007199254740992',
    '18446744073709551616',
  ].map(
    (since): RawRow => [
      `since ${since}`,
      (v) => get(`/trpc/vault.read?id=a&input=${trpcInput(`{"vault_id":"${v}","since":${since}}`)}`),
      bad('Field since must be'),
    ],
  ),
  ...['1', '0', '"TRUE"', '""', 'null', '[]'].map(
    (history): RawRow => [
      `history ${history}`,
      (v) => get(`/trpc/vault.read?id=a&input=${trpcInput(`{"vault_id":"${v}","history":${history}}`)}`),
      bad(HISTORY),
    ],
  ),
  ['an input of list', () => get('/trpc/vault.list?id=a&input={%22since%22:1}'), bad('Unknown field since;')],
  ['a body that is no JSON', () => post('/trpc/vault.create?id=a', '{'), bad('JSON')],
  [
    'a body that is an array',
    () => post('/trpc/vault.create?id=a', '[]'),
    bad('The input must be a JSON object.'),
  ],
  [
    'a body that is null',
    () => post('/trpc/vault.create?id=a', 'null'),
    bad('The input must be a JSON object.'),
  ],
  [
    'no text',
    (v) => post('/trpc/vault.append?id=a', `{"vault_id":"${v}"}`),
    bad('Field text is missing; it must be a string.'),
  ],
  [
    'an entry_id to append',
    (v) => post('/trpc/vault.append?id=a', `{"vault_id":"${v}","text":"a","entry_id":1}`),
    bad('Unknown field entry_id;'),
  ],
  [
    'no entry_id to override',
    (v) => post('/trpc/vault.override?id=a', `{"vault_id":"${v}","text":"a"}`),
    bad('Field entry_id is missing; it must be a whole number'),
  ],
  [
    '17 levels',
    () => post('/trpc/vault.create?id=a', deep(16)),
    bad('The request body nests deeper than 16 levels.'),
  ],
  [
    'Latin-1',
    () => post('/trpc/vault.create?id=a', Buffer.from('{"summary":"\xe9"}', 'latin1')),
    bad('The request body is not valid UTF-8.'),
  ],
  [
    'a body over the limit',
    () => post('/trpc/vault.create?id=a', JSON.stringify({ summary: 'a'.repeat(400_000) })),
    tooLarge('The request body is larger than this server accepts.'),
  ],
  ['no content type', () => post('/trpc/vault.create?id=a', '{}', {}), noJson],
  ['text/plain', () => post('/trpc/vault.create?id=a', '{}', { 'content-type': 'text/plain' }), noJson],
  [
    'a multipart form',
    () => post('/trpc/vault.create?id=a', 'a', { 'content-type': 'multipart/form-data; boundary=x' }),
    noJson,
  ],
  [
    'octets',
    () => post('/trpc/vault.create?id=a', 'a', { 'content-type': 'application/octet-stream' }),
    noJson,
  ],
];

const identityRows: [what: string, query: string, says: Says][] = [
  ['no id', '', 'The query parameter id (your client id) is missing or empty.'],
  ['an empty id', '?id=', 'The query parameter id (your client id) is missing or empty.'],
  ['id without =', '?id', 'The query parameter id (your client id) is missing or empty.'],
  ['ID', '?ID=a', 'The query parameter id (your client id) is missing or empty.'],
  ['id[]', '?id[]=a', 'The query parameter id (your client id) is missing or empty.'],
  ['id twice', '?id=a&id=b', 'The query parameter id is given more than once.'],
  ['id twice, the same', '?id=a&id=a', 'The query parameter id is given more than once.'],
  ['id twice, the first empty', '?id=&id=a', 'The query parameter id (your client id) is missing or empty.'],
  ['id with NUL', '?id=a%00', 'The query parameter id must not contain the NUL character'],
  ['id of 129 characters', `?id=${'a'.repeat(129)}`, 'The query parameter id is longer than 128 characters.'],
  [
    'id of 129 CJK characters',
    `?id=${encodeURIComponent('团'.repeat(129))}`,
    'The query parameter id is longer than 128',
  ],
  [
    'id of 129 emoji',
    `?id=${encodeURIComponent('🦀'.repeat(129))}`,
    'The query parameter id is longer than 128',
  ],
  ['id with a broken escape', '?id=%zz', 'The query is not valid percent-encoded UTF-8.'],
  ['id with half a character', '?id=%E5%9B', 'The query is not valid percent-encoded UTF-8.'],
  ['id with a surrogate', '?id=%ED%A0%80', 'The query is not valid percent-encoded UTF-8.'],
];

const authorizationRows: [what: string, authorization: string | undefined][] = [
  ['none', undefined],
  ['empty', ''],
  ['the scheme alone', 'session'],
  ['the scheme and a blank', 'session '],
  ['Bearer alone', 'Bearer'],
  ['an unknown session as Bearer', `Bearer ${randomUUID()}`],
  ['Basic', 'Basic c2Vzc2lvbjo='],
  ['the session alone', '{session}'],
  ['a colon', 'session:{session}'],
  ['quotes', 'session "{session}"'],
  ['two sessions', 'session {session} {session}'],
  ['a comma', 'session {session},session {session}'],
  ['the session in capitals', 'session {SESSION}'],
  ['an unknown session', `session ${randomUUID()}`],
  ['a very long one', `session ${'x'.repeat(513)}`],
  ['SQL', `session '--`],
  ['bytes beyond ASCII', 'session caf\xe9'],
];

/** Runs a raw request with the test's session, unless it brings its own. */
async function refused(request: RawRequest, { status, code, says, headers = {} }: Refusal): Promise<void> {
  const surface = request.path.startsWith('/trpc') ? 'trpc' : 'rest';
  const answer = await sendRaw(server.url, {
    ...request,
    headers: { authorization: `session ${session}`, ...request.headers },
  });
  expect(SURFACES[surface].read(answer)).toEqual({ status, code, message: expect.stringContaining(says) });
  expect(answer.headers).toMatchObject({
    ...headers,
    'content-type': expect.stringMatching(/^application\/json/),
  });
  await expectUnchanged();
}

describe('the body on REST', () => {
  test.each(bodyRows)('is refused: %s', (_, request, refusal) => refused(request(vaultId), refusal));
});
describe('the query on REST', () => {
  test.each(queryRows)('is refused: %s', (_, request, refusal) => refused(request(vaultId), refusal));
});
describe('the address on REST', () => {
  test.each(pathRows)('is refused: %s', (_, request, refusal) => refused(request(vaultId), refusal));
});
describe('tRPC', () => {
  test.each(trpcRows)('refuses %s', (_, request, refusal) => refused(request(vaultId), refusal));

  test('refuses a batch of more than 20 calls', async () => {
    const names = (n: number) => Array.from({ length: n }, () => 'vault.create').join(',');
    const body = (n: number) =>
      JSON.stringify(Object.fromEntries(Array.from({ length: n }, (_, i) => [i, {}])));
    const answer = await sendRaw(server.url, {
      ...post(`/trpc/${names(21)}?batch=1&id=a`, body(21)),
      headers: { ...JSON_BODY, authorization: `session ${session}` },
    });
    expect(answer.status).toBe(400);
    expect(SURFACES.trpc.read(answer)).toEqual({
      status: 400,
      code: 'BAD_REQUEST',
      message: 'Batch call exceeds maximum size',
    });
    await expectUnchanged();
  });
});

describe('the client id', () => {
  test.each(identityRows)('is refused on both surfaces: %s', async (_, query, says) => {
    await refused(get(`/api/vault${query}`), bad(says));
    await refused(post(`/api/vault/${vaultId}${query}`, text('a')), bad(says));
    await refused(get(`/trpc/vault.list${query}`), bad(says));
    await refused(post(`/trpc/vault.create${query}`, '{}'), bad(says));
  });
});

describe('the Authorization header', () => {
  test.each(authorizationRows)('is refused on both surfaces: %s', async (_, pattern) => {
    const authorization = pattern
      ?.replaceAll('{session}', session)
      .replaceAll('{SESSION}', session.toUpperCase());
    const unauthorized = { status: 401, code: 'UNAUTHORIZED' };
    for (const path of [`/api/vault/${vaultId}?id=a`, '/trpc/vault.create?id=a']) {
      // Who calls is judged before what is sent: neither the missing id nor the broken body counts.
      for (const [address, body] of [
        [path, '{}'],
        [path.replace('?id=a', ''), '{}'],
        [path, '{"text":'],
      ]) {
        const answer = await sendRaw(server.url, {
          method: 'POST',
          path: address ?? '',
          headers: { ...JSON_BODY, ...(authorization === undefined ? {} : { authorization }) },
          body: body ?? '',
        });
        const outcome = SURFACES[path.startsWith('/trpc') ? 'trpc' : 'rest'].read(answer);
        expect(outcome).toEqual({ ...unauthorized, message: expect.stringMatching(/Authorization|session/) });
      }
    }
    await expectUnchanged();
  });

  test('without it a body is not even read', async () => {
    for (const [body, headers] of [
      ['{"text":', JSON_BODY],
      ['a=b', { 'content-type': 'text/plain' }],
      ['['.repeat(1000), JSON_BODY],
      [text('a'.repeat(400_000)), JSON_BODY],
    ] as const) {
      const answer = await sendRaw(server.url, { method: 'POST', path: to(vaultId), headers, body });
      expect(JSON.parse(answer.text)).toEqual({
        error:
          'Send the header "Authorization: Bearer <session_id>" or "Authorization: session <session_id>".',
        code: 'UNAUTHORIZED',
      });
    }
  });
});

describe('at the very limit', () => {
  const accepted: [what: string, procedure: string, json: string][] = [
    ['a text of 65,536 ASCII bytes', 'vault.write', text('a'.repeat(65_536))],
    ['a text of 65,536 bytes of CJK', 'vault.write', text(`${'团'.repeat(21_845)}a`)],
    ['a text of 65,536 escaped bytes', 'vault.write', `{"text":"${'\\u0041'.repeat(65_536)}"}`],
    ['a summary of 2,048 bytes', 'vault.setSummary', text('a'.repeat(2048))],
    ['a summary of 2,048 bytes of CJK', 'vault.setSummary', text(`${'团'.repeat(682)}ab`)],
  ];
  test.each(accepted)('%s is accepted on both surfaces', async (_, procedure, json) => {
    const created = await callOn('rest', server.url, { procedure: 'vault.create', credentials });
    if (!('result' in created)) throw new Error('No vault');
    const { vault_id } = created.result as { vault_id: string };
    for (const surface of SURFACE_NAMES) {
      const outcome = await callOn(surface, server.url, { procedure, vaultId: vault_id, json, credentials });
      expect(outcome.status, surface).toBe(200);
    }
    await database.admin.query('UPDATE vaults SET summary = $2 WHERE vault_id = $1', [vault_id, '']);
  });

  test.each([
    ['128 ASCII characters', 'a'.repeat(128)],
    ['128 CJK characters', '团'.repeat(128)],
    ['128 emoji, which are 256 UTF-16 units', '🦀'.repeat(128)],
  ])('a client id of %s is accepted on both surfaces', async (_, clientId) => {
    for (const surface of SURFACE_NAMES) {
      const outcome = await callOn(surface, server.url, {
        procedure: 'vault.list',
        credentials: { session, clientId },
      });
      expect(outcome.status, surface).toBe(200);
    }
  });
});

test('an empty body is accepted where no field is needed, as released clients send it', async () => {
  const answer = await sendRaw(server.url, {
    ...post('/api/vault?id=a', ''),
    headers: { ...JSON_BODY, authorization: `session ${session}` },
  });
  expect(SURFACES.rest.read(answer)).toEqual({
    status: 200,
    result: { vault_id: expect.stringMatching(/^v-/) },
  });
});
