import fc from 'fast-check';
import { arbitraryOf, fieldOf, type Known } from './arbitrary.ts';
import type { Document, Operation } from './document.ts';
import type { RawRequest } from './raw-http.ts';

/** Existing names for requests, so that not every request fails at the first check. */
export interface World {
  session: string;
  /** A key with every scope, for the calls that no session may make. */
  admin: string;
  /** Ids of keys that may be revoked. */
  keys: string[];
  /** Invalid sessions: of another Astation, bound to none, unknown. */
  otherSessions: string[];
  known: Known;
  /** Pending sessions with their one-time passwords. */
  pending: { id: string; otp: string }[];
}

/** A request in parts that can be spoilt one by one. The path and the query are encoded already. */
interface Plan {
  method: string;
  path: string;
  query: readonly string[];
  headers: Readonly<Record<string, string | undefined>>;
  body: string | Uint8Array | undefined;
}

const JSON_TYPE = 'application/json';

interface Input {
  fields: Record<string, unknown>;
  body: unknown;
}

/** The parameters and the body of an operation, as the document allows them. */
function inputOf(operation: Operation, { known, pending, keys }: World): fc.Arbitrary<Input> {
  // `wait` is left out, because it only costs time here and has its own tests.
  const parameters = (operation.parameters ?? []).filter(
    ({ name, in: place }) => name !== 'wait' && !(name === 'id' && place === 'query'),
  );
  const fields = Object.fromEntries(
    parameters.map(({ name, schema }) => [name, fieldOf(name, schema, known)]),
  );
  const requiredKeys = parameters.filter(({ required }) => required).map(({ name }) => name);
  const schema = operation.requestBody?.content[JSON_TYPE].schema;
  const any = fc.record({
    fields: fc.record(fields, { requiredKeys }),
    body: schema ? arbitraryOf(schema, known) : fc.constant(undefined),
  });
  if (operation.operationId === 'revokeKey') {
    return fc.constantFrom(...keys).map((id) => ({ fields: { id }, body: undefined }));
  }
  if (operation.operationId !== 'grantSession') return any;
  const right = fc.constantFrom(...pending).map(({ id, otp }) => ({ fields: { id }, body: { otp } }));
  return fc.oneof(any, right);
}

function plansOf(document: Document, world: World): fc.Arbitrary<Plan> {
  const operations = Object.entries(document.paths).flatMap(([template, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ template, method, operation })),
  );
  const plans = operations.map(({ template, method, operation }) =>
    fc
      .record({ input: inputOf(operation, world), clientId: known(world, 'client') })
      .map(({ input: { fields, body }, clientId }): Plan => {
        const encode = (name: string) => encodeURIComponent(String(fields[name]));
        const guarded = operation.security.length > 0;
        const byKey = guarded && !operation.security.some((needed) => 'clientId' in needed);
        const query = (operation.parameters ?? [])
          .filter((parameter) => parameter.in === 'query' && parameter.name in fields)
          .map(({ name }) => `${name}=${encode(name)}`);
        const headers = (operation.parameters ?? []).filter(
          (parameter) => parameter.in === 'header' && parameter.name in fields,
        );
        return {
          method: method.toUpperCase(),
          path: template.replace(/{(\w+)}/g, (_, name: string) => encode(name)),
          query: guarded && !byKey ? [`id=${encodeURIComponent(clientId)}`, ...query] : query,
          headers: {
            ...(guarded ? { authorization: `session ${byKey ? world.admin : world.session}` } : {}),
            ...Object.fromEntries(headers.map(({ name }) => [name, String(fields[name])])),
            ...(body === undefined ? {} : { 'content-type': JSON_TYPE }),
          },
          body: body === undefined ? undefined : JSON.stringify(body),
        };
      }),
  );
  return fc.oneof(...plans);
}

const known = ({ known }: World, name: string) => known[name] as fc.Arbitrary<string>;

type Spoil = (plan: Plan) => Plan;

const NAMES = [
  '',
  '__proto__',
  'constructor',
  'toString',
  'text',
  'texts',
  'tags',
  'expected_version',
  'idempotency_key',
  'id',
  'vault_id',
  'code',
  'since',
];
const VALUES = [
  null,
  true,
  '',
  'a',
  '3',
  0,
  -1,
  1.5,
  2 ** 32,
  2 ** 53,
  1e300,
  [],
  ['a'],
  {},
  { a: { b: [] } },
];
const TEXTS = ['\0', 'a\0b', '\ud83d', '\ude00\ud83d', '\ufeff', '🦀'.repeat(300), 'a'.repeat(3000)];
/** JSON that JavaScript cannot produce, and invalid JSON. */
const BODIES = [
  '',
  ' ',
  'null',
  'true',
  '3',
  '"a"',
  '[]',
  '[{}]',
  '{',
  '}',
  '{}{}',
  '{"text":}',
  '{"text":"a",}',
  "{'text':'a'}",
  '{"text":"a" "entry_id":1}',
  '{"text":"a","text":3}',
  '{"text":"a","entry_id":1e400}',
  '{"text":"a","entry_id":-0}',
  '{"text":"a","entry_id":1.0}',
  '{"text":"a","entry_id":01}',
  '{"text":"a","entry_id":NaN}',
  '{"text":"a","entry_id":18446744073709551616}',
  '{"text":"\\u0000"}',
  '{"text":"\\ud800"}',
  '{"text":"\\x41"}',
  '{"text":"a\nb"}',
  '{"__proto__":{"text":"a"}}',
  '\ufeff{}',
  '<a/>',
  'text=a',
  `${'['.repeat(17)}${']'.repeat(17)}`,
  '['.repeat(60_000),
  '{"a":'.repeat(30_000),
];
const TYPES = [
  undefined,
  '',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=a',
  'application/json; charset=utf-8',
  'application/json; charset=utf-16',
  'application/json;',
  'APPLICATION/JSON',
  'application/json, text/plain',
  'application/vnd.api+json',
  'application/jsonp',
  'json',
  '/',
  '*/*',
];
const HEADERS: [name: string, value: string][] = [
  ['accept', 'text/html'],
  ['idempotency-key', 'one of many'],
  ['idempotency-key', 'one'],
  ['idempotency-key', 'a'.repeat(256)],
  ['accept', 'a\xff'],
  ['accept-encoding', 'gzip, br, *;q=0'],
  ['content-encoding', 'gzip'],
  ['transfer-encoding', 'chunked'],
  ['expect', '100-continue'],
  ['expect', 'a miracle'],
  ['x-request-id', 'a b'],
  ['x-request-id', 'a'.repeat(64)],
  ['x-http-method-override', 'DELETE'],
  ['x-forwarded-for', '127.0.0.1, nobody'],
  ['forwarded', 'for=nobody'],
  ['origin', 'https://example.org'],
  ['origin', 'null'],
  ['cookie', 'session=a; __proto__=b'],
  ['if-none-match', '*'],
  ['if-modified-since', 'yesterday'],
  ['range', 'bytes=0-1'],
  ['host', 'example.org:99999'],
  ['accept-version', '2.x'],
  ['prefer', 'return=minimal'],
  ['connection', 'close'],
  ['connection', 'upgrade'],
  ['upgrade', 'websocket'],
  ['a'.repeat(200), 'b'.repeat(2000)],
];
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'SEARCH'];
const QUERIES = [
  'since=',
  'limit=0',
  'limit=1001',
  'wait=0',
  'wait=26',
  'cursor=1',
  'cursor=1.%00',
  'as_of=-1',
  'entry_id=0',
  'entry_id=-1',
  'entry_id=1.5',
  'entry_id=4294967296',
  'kind=any',
  'q=',
  'q=%00',
  'tag=%ed%a0%80',
  'since=-1',
  'since=1.5',
  'since=1e3',
  'since=0x1',
  'since=%31',
  'since=+1',
  'since=99999999999999999999',
  'since=100000000000000000000',
  'since=1&since=2',
  'since[]=1',
  'history=',
  'history=1',
  'history=TRUE',
  'history=true&history=true',
  'id=',
  'id=a&id=b',
  'id=%zz',
  'id=%00',
  'id=%ff',
  'id=%ed%a0%80',
  'id[a]=b',
  `id=${'a'.repeat(2000)}`,
  '%',
  '&&',
  '=',
  '?',
  '#',
  '__proto__=a',
  'constructor[prototype]=a',
  'toString=a',
  'vault_id=v-0',
  'x=1',
];
const SEGMENTS = [
  '',
  '.',
  '..',
  '%2e%2e',
  '%00',
  '%2F',
  '%5C',
  '%zz',
  '%',
  '%ff',
  '%ed%a0%80',
  '%F0%9F%A6%80',
  '%25zz',
  '*',
  ':vault_id',
  '{vault_id}',
  '__proto__',
  'constructor',
  'v-0;a=b',
  'v-0%3Fa',
  "'--",
  '\xff',
  'a'.repeat(129),
  'a'.repeat(513),
  'a'.repeat(1536),
  'a'.repeat(1537),
  '%F0%9F%A6%80'.repeat(129),
];

const one = <T>(...values: T[]) => fc.constantFrom(...values);

function parseFields(body: Plan['body']): Record<string, unknown> {
  try {
    return { ...(JSON.parse(String(body)) as object) };
  } catch {
    return {};
  }
}

/** Changes one field of a JSON body, or adds it. */
const spoilFields =
  (change: (fields: Record<string, unknown>) => Record<string, unknown>): Spoil =>
  (plan) => ({
    ...plan,
    headers: { 'content-type': JSON_TYPE, ...plan.headers },
    // A plain object would lose `__proto__`, which must be sent.
    body: JSON.stringify(change(parseFields(plan.body))),
  });

const withField = (name: string, value: unknown) =>
  spoilFields((fields) => {
    Object.defineProperty(fields, name, { value, enumerable: true, configurable: true, writable: true });
    return fields;
  });

/** Replaces one of the existing fields, by its place. */
const replaceField = (place: number, value: unknown) =>
  spoilFields((fields) => {
    const names = Object.keys(fields);
    const name = names[place % Math.max(names.length, 1)];
    return name === undefined ? { text: value } : { ...fields, [name]: value };
  });

const dropField = (place: number) =>
  spoilFields((fields) => {
    const names = Object.keys(fields);
    return Object.fromEntries(
      Object.entries(fields).filter(([name]) => name !== names[place % names.length]),
    );
  });

const withBody =
  (body: Plan['body']): Spoil =>
  (plan) => ({
    ...plan,
    headers: { 'content-type': JSON_TYPE, ...plan.headers },
    body,
  });

const cutBody =
  (at: number): Spoil =>
  (plan) => ({
    ...plan,
    body: typeof plan.body === 'string' ? plan.body.slice(0, at % (plan.body.length + 1)) : plan.body,
  });

const withHeader =
  (name: string, value: string | undefined): Spoil =>
  (plan) => ({
    ...plan,
    headers: { ...plan.headers, [name]: value },
  });

/** Replaces a segment after `/api`. */
const withSegment =
  (place: number, segment: string): Spoil =>
  (plan) => {
    const segments = plan.path.split('/');
    segments[2 + (place % (segments.length - 2))] = segment;
    return { ...plan, path: segments.join('/') };
  };

const withPath =
  (change: (path: string) => string): Spoil =>
  (plan) => ({ ...plan, path: change(plan.path) });

const withQuery =
  (change: (query: readonly string[]) => readonly string[]): Spoil =>
  (plan) => ({
    ...plan,
    query: change(plan.query),
  });

function spoils({ session, otherSessions }: World): fc.Arbitrary<Spoil> {
  const place = fc.nat(9);
  const junk = fc.oneof(one<unknown>(...VALUES, ...TEXTS), fc.jsonValue(), fc.string({ unit: 'binary' }));
  const credentials = one<string | undefined>(
    undefined,
    '',
    'session',
    'session ',
    `Bearer ${session}`,
    `SESSION   ${session}`,
    `session ${session}x`,
    `session ${session}, session ${session}`,
    `session ${'x'.repeat(600)}`,
    'session caf\xe9',
    ...otherSessions.map((other) => `session ${other}`),
  );
  return fc.oneof(
    fc.tuple(place, junk).map(([at, value]) => replaceField(at, value)),
    place.map(dropField),
    fc.tuple(fc.oneof(one(...NAMES), fc.string()), junk).map(([name, value]) => withField(name, value)),
    one(...BODIES).map(withBody),
    fc.oneof(fc.json(), fc.uint8Array({ maxLength: 60 })).map(withBody),
    {
      weight: 1,
      arbitrary: one(2049, 65_537, 397_313, 500_000).map((n) => replaceField(0, 'a'.repeat(n))),
    },
    fc.nat(200).map(cutBody),
    one(...TYPES).map((type) => withHeader('content-type', type)),
    credentials.map((value) => withHeader('authorization', value)),
    one(...HEADERS).map(([name, value]) => withHeader(name, value)),
    fc.oneof(one(...METHODS)).map(
      (method): Spoil =>
        (plan) => ({ ...plan, method }),
    ),
    fc.oneof(one(...QUERIES), fc.webQueryParameters()).map((part) => withQuery((query) => [...query, part])),
    one(...QUERIES).map((part) => withQuery((query) => [part, ...query.slice(1)])),
    fc.constant(withQuery((query) => query.slice(1))),
    fc
      .tuple(place, fc.oneof(one(...SEGMENTS), fc.webSegment()))
      .map(([at, segment]) => withSegment(at, segment)),
    one<(path: string) => string>(
      (path) => `${path}/`,
      (path) => `/${path}`,
      (path) => path.replace('api', 'API'),
      (path) => path.replace('api', '%61pi'),
      (path) => `${path}/more`,
      (path) => `http://example.org${path}`,
      (path) => path.slice(0, -1),
      (path) => `${path};a=b`,
    ).map(withPath),
  );
}

/** Converts a plan to a request. It always has the length of the body, so that the server can parse the next request. */
function toRequest({ method, path, query, headers, body }: Plan): RawRequest {
  const kept = Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const length = body === undefined ? undefined : String(Buffer.byteLength(body));
  const chunked = headers['transfer-encoding'] !== undefined;
  return {
    method,
    path: query.length > 0 ? `${path}?${query.join('&')}` : path,
    headers: {
      ...Object.fromEntries(kept),
      ...(length === undefined || chunked ? {} : { 'content-length': length }),
    },
    ...(body === undefined ? {} : { body }),
  };
}

/** Requests that the document allows. */
export const validRequests = (document: Document, world: World): fc.Arbitrary<RawRequest> =>
  plansOf(document, world).map(toRequest);

/** Requests with one to three wrong or unusual parts. */
export const spoiltRequests = (document: Document, world: World): fc.Arbitrary<RawRequest> =>
  fc
    .tuple(plansOf(document, world), fc.array(spoils(world), { minLength: 1, maxLength: 3 }))
    .map(([plan, changes]) => toRequest(changes.reduce((spoilt, spoil) => spoil(spoilt), plan)));
