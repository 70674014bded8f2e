import { METHODS } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ERROR_FACES } from '../../src/errors.ts';
import { listenToo } from '../../src/http/edge/listen.ts';
import { buildMetricsApp } from '../../src/http/ops/request-metrics.ts';
import { makePrometheus } from '../../src/observability/prometheus.ts';
import { useDatabase } from '../support/database.ts';
import { theDocument } from '../support/document.ts';
import { makeLogKeeper } from '../support/log-lines.ts';
import { useServer } from '../support/server.ts';
import { sendLines, type WireAnswer } from '../support/wire.ts';

/** `GENERATIVE_SEED` and `GENERATIVE_RUNS` try others, as `npm run soak:generative` does. A failure prints its seed. */
const SEED = Number(process.env.GENERATIVE_SEED ?? 20_261_129);
const RUNS = Number(process.env.GENERATIVE_RUNS ?? 45);
vi.setConfig({ testTimeout: 120_000 + 4000 * RUNS });
/** Requests that are on their way together. */
const BATCH = 24;
const MAX_CONNECTIONS = 64;

const database = useDatabase();
const keeper = makeLogKeeper();
const server = useServer(database, { maxConnectionsPerAddress: MAX_CONNECTIONS }, keeper.log);
const metricsApp = buildMetricsApp(makePrometheus(), { token: undefined, log: keeper.log });

/** Every listener of the program: `second` is that of the other address of HOST=localhost. */
const urls = { first: '', second: '', metrics: '' };
let session: string;
beforeAll(async () => {
  urls.first = server.url;
  await listenToo(server.app, '127.0.0.2');
  urls.second = server.url.replace('127.0.0.1', '127.0.0.2');
  urls.metrics = await metricsApp.listen({ host: '127.0.0.1', port: 0 });
  session = await server.login('st-1');
});
afterAll(() => metricsApp.close());

const PATHS = [
  ...['/', '//', '/%', '/%00', '/\xff', '/?\xff', '/?%zz', '*', 'http://127.0.0.1', 'http://', 'foo:bar'],
  ...['/app', '/app/', '/app/x', '/app/../x', '/app/%2e%2e/x', '/app//x', '/app/./x', '/app/%00', '/app\\x'],
  ...['/assets', '/assets/', '/assets/page.css', '/assets/page.css/', '/assets/page%2ecss', '/assets/%5c..'],
  ...[
    '/assets/page.css?x=%zz',
    '/assets/..%2f..%2fpackage.json',
    '/assets/x%2fy',
    `/assets/${'x'.repeat(300)}`,
  ],
  ...['/docs', '/docs/', '/docs/viewer/swagger-ui.css', '/docs/viewer/', '/docs/viewer/../x'],
  ...[
    '/trpc',
    '/trpc/',
    '/trpc/vault.list',
    '/trpc/vault.list,vault.list?batch=1',
    '/trpc/vault.watch',
    '/trpc/%zz',
  ],
  ...['/trpc/session.status?input=%zz', '/trpc/vault.create', `/trpc/${'x,'.repeat(900)}`],
  ...['/health', '/health/', '/health/live', '/health/ready', '/health/../x', '/metrics', '/metrics/..'],
  ...[
    '/api',
    '/api/',
    '/api/vault',
    '/api/vault/%2e%2e',
    '/api/vault/../x',
    '/api/openapi.json',
    '/api/memory',
  ],
  ...['/api/sessions', '/api/sessions/%00/status', '/api/pair/%ed%a0%80', `/api/vault/${'x'.repeat(2000)}`],
  ...[
    '/ws',
    '/ws?role=atem&code=%00',
    '/auth',
    '/auth?id=%00',
    '/auth?id=%ed%a0%80',
    '/pair?code=%zz',
    '/nowhere',
  ],
];

const HEADERS: string[][] = [
  ...['bytes=9999999-', 'bytes=-0', 'bytes=5-1', 'bytes=0-0,5-6', 'lines=1', 'x'].map((range) => [
    `range: ${range}`,
  ]),
  ...['if-match: "x"', 'if-match: *', 'if-none-match: *', 'if-none-match: "x', 'if-modified-since: x'].map(
    (h) => [h],
  ),
  ['if-unmodified-since: Thu, 01 Jan 1970 00:00:00 GMT'],
  ['if-range: x', 'range: bytes=0-1'],
  ...['br;q=x', '*;q=0', 'gzip, br', '\xff'].map((encoding) => [`accept-encoding: ${encoding}`]),
  ...[';;;', 'application/json', 'text/plain', 'multipart/form-data; boundary=x', '\xff'].map((type) => [
    `content-type: ${type}`,
    'content-length: 0',
  ]),
  ['content-type: application/octet-stream', 'transfer-encoding: chunked', 'trailer: x'],
  ['content-type: application/json', 'transfer-encoding: chunked'],
  ['content-encoding: gzip', 'content-length: 0'],
  ['transfer-encoding: gzip, chunked'],
  ['transfer-encoding: chunked', 'content-length: 3'],
  ['transfer-encoding: chunked, chunked'],
  ...['abc', '-1', '1, 1', '99999999999999999999'].map((length) => [`content-length: ${length}`]),
  ['upgrade: h2c', 'connection: upgrade, HTTP2-Settings, close', 'http2-settings: AAMAAABkAAQAoAAAAAIAAAAA'],
  ['upgrade: websocket', 'connection: upgrade, close', 'sec-websocket-key: x', 'sec-websocket-version: 99'],
  ['upgrade: websocket, h2c', 'connection: upgrade, close'],
  ...['100-continue', 'a miracle'].map((expectation) => [`expect: ${expectation}`]),
  ['origin: http://x', 'access-control-request-method: POST'],
  ...['Bearer', 'Bearer \xff', 'session', 'dashboard x', 'Basic !'].map((value) => [
    `authorization: ${value}`,
  ]),
  ...['cookie: __proto__=x', 'accept-version: 2.x', 'accept: \xff', 'trpc-accept: application/jsonl'].map(
    (h) => [h],
  ),
  ...['te: trailers', 'x-http-method-override: DELETE', 'x-forwarded-for: \xff', 'forwarded: for=_x'].map(
    (h) => [h],
  ),
];

/** Values of the parameters in the paths of the document. */
const SEGMENTS = [
  ...['v-0', 'st-1', '', '.', '..', '%2e%2e', '%00', '%2F', '%zz', '%ff', '%ed%a0%80', '%F0%9F%A6%80', '*'],
  ...['__proto__', 'constructor', '\xff', 'a'.repeat(129), 'a'.repeat(1537)],
];
const QUERIES = ['', '?id=a', '?id=', '?id=%zz', '?id=a&id=b', '?id=a&since=x', '?id=a&limit=1&entry_id=1'];
const BODIES = ['', '{}', '{', 'null', '{"text":"a"}', '{"hostname":"a"}', '\xff', '['.repeat(500)];

interface Ask {
  method: string;
  path: string;
  headers: readonly string[];
  body: string;
}

/** The shape of every error, or that of tRPC, whose clients read no other. */
function expectError({ status, headers, body }: WireAnswer, path: string, what: string): void {
  if (/^\/(auth|pair)\?/.test(path) && status === 404) return; // a page for people
  expect(headers.get('content-type'), what).toMatch(/^application\/json/);
  const [answer] = [JSON.parse(body)].flat();
  if (typeof answer.error !== 'string') {
    expect(path, what).toMatch(/^\/trpc\//);
    expect(answer.error, what).toMatchObject({
      message: expect.stringMatching(/./),
      data: { httpStatus: expect.any(Number) },
    });
    return;
  }
  expect(answer, what).toEqual({ error: expect.stringMatching(/./), code: expect.any(String) });
  expect(ERROR_FACES[answer.code as keyof typeof ERROR_FACES]?.status, what).toBe(status);
}

/** Sends a request as it is. Its answer is not a failure of the server, and every refusal has the one shape. */
async function ask(url: string, { method, path, headers, body }: Ask): Promise<WireAnswer> {
  const what = `${url}: ${method} ${path} ${headers.join('; ')} ${body}`;
  const isChunked = headers.some((header) => /^transfer-encoding:.*chunked/.test(header));
  const hasLength = headers.some((header) => header.startsWith('content-length:'));
  const closes = headers.some((header) => header.startsWith('connection:'));
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'host: 127.0.0.1',
    ...(closes ? [] : ['connection: close']),
    ...(isChunked || hasLength ? [] : [`content-length: ${body.length}`]),
    ...headers,
  ];
  const answer = await sendLines(url, lines, isChunked ? '0\r\n\r\n' : hasLength ? '' : body);
  // 501 is an answer: what newer clients ask for is not hosted.
  const failed = answer.status >= 500 && answer.status !== 501;
  expect(failed, `${what}: ${answer.status} ${answer.body}`).toBe(false);
  // Nobody knows the method of bytes that are not a request.
  if (method === 'HEAD' && !answer.body.includes('not HTTP')) expect(answer.body, what).toBe('');
  else if (answer.status >= 400) expectError(answer, path, what);
  return answer;
}

/** What would raise the alert that there is a bug. */
const expectNoFailure = () => expect(keeper.parsed().filter(({ level }) => level >= 50)).toEqual([]);

/** Runs work on all items, a few at a time. */
async function inBatches<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const left = items.values();
  const worker = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: BATCH }, worker));
}

const plain = (method: string, path: string): Ask => ({ method, path, headers: [], body: '' });

describe('C3 a request of a stranger is never a failure of the server, and each refusal is JSON', () => {
  test.each(Object.keys(urls) as (keyof typeof urls)[])('with any method: the listener %s', async (name) => {
    const methods = [...METHODS, 'BREW', 'get', 'GET\x0b'];
    // Methods and paths meet in pairs that differ from listener to listener.
    const shift = Object.keys(urls).indexOf(name);
    const pairs = PATHS.flatMap((path, i) =>
      methods.filter((_, k) => (i + k) % 3 === shift).map((method) => plain(method, path)),
    );
    await inBatches(pairs, (one) => ask(urls[name], one));
    expectNoFailure();
  });

  test('with any headers, paths, ranges, conditions and bodies, also of calls in the document', async () => {
    const templates = fc.constantFrom(...Object.keys(theDocument.paths));
    const segments = fc.array(fc.constantFrom(...SEGMENTS), { minLength: 3, maxLength: 3 });
    const called = fc
      .tuple(templates, segments, fc.constantFrom(...QUERIES))
      .map(([template, values, query]) => {
        let at = 0;
        return template.replace(/{\w+}/g, () => values[at++] ?? '') + query;
      });
    const requests = fc.record({
      listener: fc.constantFrom(...(Object.keys(urls) as (keyof typeof urls)[])),
      method: fc.constantFrom('GET', 'GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS', ...METHODS),
      path: fc.oneof(fc.constantFrom(...PATHS), { weight: 2, arbitrary: called }),
      headers: fc.uniqueArray(fc.constantFrom(...HEADERS), { maxLength: 3 }),
      isKnown: fc.boolean(),
      body: fc.constantFrom(...BODIES),
    });
    const property = fc.asyncProperty(
      fc.array(requests, { minLength: 1, maxLength: BATCH, size: 'max' }),
      (batch) =>
        inBatches(batch, ({ listener, isKnown, headers, ...request }) => {
          const known =
            isKnown && request.path.startsWith('/api/')
              ? [`authorization: session ${session}`, 'content-type: application/json']
              : [];
          return ask(urls[listener], { ...request, headers: [...known, ...headers.flat()] });
        }),
    );
    await fc.assert(property, { seed: SEED, numRuns: RUNS });
    expectNoFailure();
  });

  test.each([
    ['a request line of one word', ['x']],
    ['no version', ['GET /']],
    ['another version', ['GET / HTTP/9.9', 'host: x']],
    ['the preface of HTTP/2', ['PRI * HTTP/2.0', '', 'SM']],
    ['a header without a name', ['GET / HTTP/1.1', ': x']],
    ['a header that goes on', ['GET / HTTP/1.1', 'host: 127.0.0.1', ' x']],
    ['a head that is too long', ['GET / HTTP/1.1', `x: ${'x'.repeat(20_000)}`]],
    ['a beginning of TLS', ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03']],
    ['C18 no Host', ['GET / HTTP/1.1', 'connection: close']],
    ['C18 an empty Host', ['GET / HTTP/1.1', 'host:', 'connection: close']],
    ['C18 two of them', ['GET / HTTP/1.1', 'host: 127.0.0.1', 'host: x', 'connection: close']],
    ['C18 a Host that is not one', ['GET / HTTP/1.1', 'host: a b', 'connection: close']],
  ])('also when it is not one: %s', async (what, lines) => {
    for (const url of Object.values(urls)) {
      const answer = await sendLines(url, lines);
      expect(answer.status, what).toBeGreaterThanOrEqual(400);
      expect(answer.status, what).toBeLessThan(500);
      expectError(answer, '', what);
    }
    expectNoFailure();
  });
});

describe('C4 HEAD', () => {
  test('answers each path as GET does, without a body, on every listener', async () => {
    const paths = PATHS.filter((path) => !path.endsWith('/status'));
    const pairs = paths.flatMap((path) => Object.values(urls).map((url) => ({ path, url })));
    await inBatches(pairs, async ({ path, url }) => {
      const get = await ask(url, plain('GET', path));
      const head = await ask(url, plain('HEAD', path));
      if (get.body.includes('not HTTP')) return;
      const shown = ({ status, headers }: WireAnswer) => ({
        path,
        status,
        type: headers.get('content-type'),
      });
      expect(shown(head)).toEqual(shown(get));
    });
  });
});

describe('C22 an upgrade to anything but a WebSocket is ignored', () => {
  test.each([
    ['of curl', 'upgrade: h2c'],
    ['of several', 'upgrade: h2c, TLS/1.0'],
    ['of a POST to a WebSocket', 'upgrade: websocket'],
  ])('%s: the body is read, and the connection serves the next request', async (_, upgrade) => {
    for (const url of [urls.first, urls.second]) {
      const socket = connect(Number(new URL(url).port), new URL(url).hostname);
      let received = '';
      socket.on('data', (chunk) => {
        received += chunk;
      });
      const settings = [
        'connection: Upgrade, HTTP2-Settings',
        upgrade,
        'http2-settings: AAMAAABkAAQAoAAAAAIAAAAA',
      ];
      const type = ['content-type: application/json', 'content-length: 18'];
      socket.write(
        `${['POST /api/pair HTTP/1.1', 'host: 127.0.0.1', ...settings, ...type].join('\r\n')}\r\n\r\n`,
      );
      socket.write('{"hostname":"h2c"}');
      await expect.poll(() => received).toMatch(/^HTTP\/1\.1 201 [\s\S]*"code":/);
      received = '';
      socket.write(`${['GET /health/live HTTP/1.1', 'host: 127.0.0.1', ...settings].join('\r\n')}\r\n\r\n`);
      await expect.poll(() => received).toMatch(/^HTTP\/1\.1 200 [\s\S]*"status":"ok"/);
      socket.destroy();
    }
  });
});

describe('C14 the second listener of HOST=localhost', () => {
  test('shares the limit of connections with the first', async () => {
    const open = (url: string) => {
      const { hostname, port } = new URL(url);
      return connect({ host: hostname, port: Number(port), localAddress: '127.0.0.1' });
    };
    const sockets = Array.from({ length: MAX_CONNECTIONS }, (_, i) =>
      open(i % 2 === 0 ? urls.first : urls.second),
    );
    try {
      for (const socket of sockets) socket.write('GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
      for (const socket of sockets) await new Promise((resolve) => socket.once('data', resolve));
      for (const url of [urls.first, urls.second]) expect(await text(open(url))).toBe('');
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });
});
