import { beforeAll, describe, expect, test } from 'vitest';
import { maskedMessage } from '../../src/errors.ts';
import { dump, useDatabase } from '../support/database.ts';
import { makeLogKeeper } from '../support/log-lines.ts';
import { type RawAnswer, type RawRequest, sendRaw } from '../support/raw-http.ts';
import { type TestServer, useServer } from '../support/server.ts';
import { type Credentials, callOn, JSON_BODY, SURFACE_NAMES } from '../support/surfaces.ts';
import { useProxiedDatabase } from '../support/tcp-proxy.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const database = useDatabase();

async function makeVault(server: TestServer): Promise<{ credentials: Credentials; vaultId: string }> {
  const credentials = { session: await server.login('st-1'), clientId: 'atem-a' };
  const created = await callOn('rest', server.url, { procedure: 'vault.create', credentials });
  if (!('result' in created)) throw new Error(created.message);
  return { credentials, vaultId: (created.result as { vault_id: string }).vault_id };
}

describe('every answer', () => {
  const server = useServer(database);
  let authorization: string;
  beforeAll(async () => {
    authorization = `session ${await server.login('st-1')}`;
  });

  const answers: [what: string, status: number, request: RawRequest][] = [
    ['a call', 200, { method: 'GET', path: '/api/vault?id=a' }],
    ['health', 200, { method: 'GET', path: '/health' }],
    ['tRPC', 200, { method: 'GET', path: '/trpc/vault.list?id=a' }],
    ['a bad field', 400, { method: 'POST', path: '/api/vault?id=a', headers: JSON_BODY, body: '{"a":1}' }],
    ['a bad body', 400, { method: 'POST', path: '/api/vault?id=a', headers: JSON_BODY, body: '{' }],
    ['a bad address', 400, { method: 'GET', path: '/api/vault/%zz?id=a' }],
    ['a long address', 400, { method: 'GET', path: `/api/vault/${'v'.repeat(2000)}?id=a` }],
    [
      'a wrong session',
      401,
      { method: 'GET', path: '/api/vault?id=a', headers: { authorization: 'session x' } },
    ],
    ['an unknown vault', 404, { method: 'GET', path: '/api/vault/v-0?id=a' }],
    ['an unknown address', 404, { method: 'GET', path: '/nowhere' }],
    ['a wrong method', 405, { method: 'DELETE', path: '/api/vault?id=a' }],
    ['a wrong method on tRPC', 405, { method: 'DELETE', path: '/trpc/vault.list?id=a' }],
    [
      'a large body',
      413,
      { method: 'POST', path: '/api/vault?id=a', headers: JSON_BODY, body: ' '.repeat(400_000) },
    ],
    [
      'a large body on tRPC',
      413,
      { method: 'POST', path: '/trpc/vault.create?id=a', headers: JSON_BODY, body: ' '.repeat(400_000) },
    ],
    ['a wrong content type', 415, { method: 'POST', path: '/api/vault?id=a', body: 'a' }],
  ];

  const ask = (request: RawRequest, requestId?: string) =>
    sendRaw(server.url, {
      ...request,
      headers: {
        authorization,
        ...(requestId === undefined ? {} : { 'x-request-id': requestId }),
        ...request.headers,
      },
    });

  test.each(answers)(
    'carries the request id it came with, or a fresh one: %s',
    async (_, status, request) => {
      const given = await ask(request, 'call-7.a:b_C');
      expect(given.status).toBe(status);
      expect(given.headers['x-request-id']).toBe('call-7.a:b_C');
      const [first, second] = [await ask(request), await ask(request)];
      expect(first.headers['x-request-id']).toMatch(UUID);
      expect(second.headers['x-request-id']).toMatch(UUID);
      expect(second.headers['x-request-id']).not.toBe(first.headers['x-request-id']);
    },
  );

  test.each(answers)('is JSON and not for a cache: %s', async (_, _status, request) => {
    const { headers, text } = await ask(request);
    expect(headers['content-type']).toMatch(/^application\/json(; charset=utf-8)?$/);
    expect(headers['cache-control']).toBe('no-store');
    JSON.parse(text);
  });

  const routed = answers.filter(([what]) => !what.endsWith(' address') || what.startsWith('an unknown'));
  test.each(routed)('has the security headers, and none of CORS: %s', async (_, _status, request) => {
    const { headers } = await ask({
      ...request,
      headers: { origin: 'https://example.org', ...request.headers },
    });
    const isData = /^\/(api|trpc)\//.test(request.path);
    expect(headers).toMatchObject({
      'content-security-policy': isData
        ? "default-src 'none';frame-ancestors 'none'"
        : "default-src 'self';base-uri 'none';form-action 'self';frame-ancestors 'none';img-src 'self' data:;object-src 'none';worker-src 'self'",
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
    expect(headers).not.toHaveProperty('strict-transport-security');
    expect(headers).not.toHaveProperty('x-powered-by');
  });

  test.each([
    ['of 64 characters', 'a'.repeat(64)],
    ['of one', '7'],
    ['a UUID', '0b7c7b38-3b0c-4a3e-9c39-6a3f6c0a5b11'],
  ])('keeps a request id %s', async (_, id) => {
    expect((await ask({ method: 'GET', path: '/health' }, id)).headers['x-request-id']).toBe(id);
  });

  test.each([
    ['of 65 characters', 'a'.repeat(65)],
    ['that is empty', ''],
    ['with a blank', 'a b'],
    ['with a quote', 'a"b'],
    ['with a slash', 'a/b'],
    ['beyond ASCII', 'caf\xe9'],
  ])('replaces a request id %s', async (_, id) => {
    expect((await ask({ method: 'GET', path: '/health' }, id)).headers['x-request-id']).toMatch(UUID);
  });

  test('to HEAD is that to GET without the body', async () => {
    for (const path of ['/api/vault?id=a', '/api/vault/v-0?id=a', '/health', '/nowhere']) {
      const [get, head] = [await ask({ method: 'GET', path }), await ask({ method: 'HEAD', path })];
      expect(head.text, path).toBe('');
      expect(head.status, path).toBe(get.status);
      expect(head.headers['content-type'], path).toBe(get.headers['content-type']);
      expect(head.headers['x-request-id'], path).toMatch(UUID);
    }
  });

  test('/health reports without a session that the database answers', async () => {
    const { status, text } = await sendRaw(server.url, { method: 'GET', path: '/health' });
    expect(status).toBe(200);
    expect(JSON.parse(text)).toEqual({
      status: 'ok',
      database: 'ok',
      version: 'test',
      uptime_seconds: expect.any(Number),
      search_lag_seconds: 0,
    });
  });
});

describe('an unexpected failure', () => {
  const keeper = makeLogKeeper();
  const server = useServer(database, {}, keeper.log);

  const failures: [what: string, doIt: string, undoIt: string, sqlState: string][] = [
    [
      'a column that is gone',
      'ALTER TABLE vault_entries RENAME COLUMN content TO body',
      'ALTER TABLE vault_entries RENAME COLUMN body TO content',
      '42703',
    ],
    [
      'a right that is gone',
      'REVOKE ALL ON vault_entries FROM vault_relay_app',
      'GRANT SELECT, INSERT ON vault_entries TO vault_relay_app',
      '42501',
    ],
  ];

  test.each(failures)('is masked on both surfaces and logged: %s', async (_, doIt, undoIt, sqlState) => {
    const { credentials, vaultId } = await makeVault(server);
    const before = await dump(database.admin);
    await database.admin.query(doIt);
    try {
      for (const [procedure, json] of [
        ['vault.read', '{}'],
        ['vault.write', '{"text":"secret text"}'],
      ] as const) {
        for (const surface of SURFACE_NAMES) {
          const from = keeper.lines.length;
          const { answer, ...outcome } = await callOn(surface, server.url, {
            procedure,
            json,
            vaultId,
            credentials,
          });
          expect(outcome).toEqual({ status: 500, code: 'INTERNAL_SERVER_ERROR', message: maskedMessage });
          expect(answer.text).not.toMatch(/sql|column|permission|vault_entries|prisma|stack|\.ts|4270|4250/i);
          expect(answer.headers).not.toHaveProperty('retry-after');

          const told = keeper.parsed().slice(from);
          expect(told).toContainEqual(
            expect.objectContaining({
              level: 50,
              msg: 'Request failed',
              reqId: answer.headers['x-request-id'],
              fault: { code: sqlState, message: expect.stringMatching(/content|vault_entries/) },
            }),
          );
          expect(JSON.stringify(told)).not.toContain('secret text');
        }
      }
    } finally {
      await database.admin.query(undoIt);
    }
    expect(await dump(database.admin)).toBe(before);
    const after = await callOn('rest', server.url, {
      procedure: 'vault.write',
      json: '{"text":"a"}',
      vaultId,
      credentials,
    });
    expect(after.status).toBe(200);
  });

  test('does not end the other calls of a batch', async () => {
    const { credentials, vaultId } = await makeVault(server);
    await database.admin.query('REVOKE ALL ON vault_entries FROM vault_relay_app');
    try {
      const input = encodeURIComponent(JSON.stringify({ 0: { vault_id: vaultId }, 1: {} }));
      const answer = await sendRaw(server.url, {
        method: 'GET',
        path: `/trpc/vault.read,vault.list?batch=1&id=a&input=${input}`,
        headers: { authorization: `session ${credentials.session}` },
      });
      expect(answer.status).toBe(207);
      expect(JSON.parse(answer.text)).toEqual([
        { error: expect.objectContaining({ message: maskedMessage }) },
        { result: { data: expect.arrayContaining([{ vault_id: vaultId, summary: '' }]) } },
      ]);
    } finally {
      await database.admin.query('GRANT SELECT, INSERT ON vault_entries TO vault_relay_app');
    }
  });
});

describe('without the database', () => {
  const proxied = useProxiedDatabase(database);
  const keeper = makeLogKeeper();
  const server = useServer(proxied, {}, keeper.log);

  const append = (surface: 'rest' | 'trpc', vault: { credentials: Credentials; vaultId: string }) =>
    callOn(surface, server.url, { procedure: 'vault.append', json: '{"text":"a"}', ...vault });

  /** A write is whole: its entry, the vault's next number and the writer's name come together. */
  async function expectWhole(vaultId: string): Promise<{ entries: number }> {
    const { rows } = await database.admin.query(
      `SELECT next_entry_no, writer_list, count(seq) FILTER (WHERE kind = 'content')::int AS entries, coalesce(max(entry_no), 0) AS highest
       FROM vaults LEFT JOIN vault_entries USING (bucket, vault_id) WHERE vault_id = $1 GROUP BY bucket, vault_id`,
      [vaultId],
    );
    const { entries } = rows[0];
    expect(rows[0]).toEqual({
      next_entry_no: entries + 1,
      writer_list: entries > 0 ? ['atem-a'] : [],
      entries,
      highest: entries,
    });
    return { entries };
  }

  test('database away: each surface answers 503 with Retry-After; the server recovers with the database', async () => {
    const vault = await makeVault(server);
    expect((await append('rest', vault)).status).toBe(200);
    proxied.proxy.refuse();
    try {
      for (const surface of SURFACE_NAMES) {
        for (const procedure of [
          'vault.list',
          'vault.create',
          'vault.append',
          'vault.read',
          'vault.setSummary',
        ]) {
          const json = ['vault.append', 'vault.setSummary'].includes(procedure) ? '{"text":"b"}' : '{}';
          const id = ['vault.list', 'vault.create'].includes(procedure) ? {} : { vaultId: vault.vaultId };
          const { answer, ...outcome } = await callOn(surface, server.url, {
            procedure,
            json,
            credentials: vault.credentials,
            ...id,
          });
          expect(outcome, `${procedure} on ${surface}`).toEqual({
            status: 503,
            code: 'SERVICE_UNAVAILABLE',
            message: 'The database cannot be reached at the moment; try again shortly.',
          });
          expect(answer.headers['retry-after']).toBe('1');
          expect(answer.text).not.toMatch(/ECONN|127\.0\.0\.1|pg|prisma/i);
        }
      }
      const health = await sendRaw(server.url, { method: 'GET', path: '/health' });
      expect(health.status).toBe(503);
      expect(health.headers['retry-after']).toBe('1');
      expect(JSON.parse(health.text)).toMatchObject({ status: 'unavailable', database: 'unreachable' });
      expect(keeper.parsed()).toContainEqual(
        expect.objectContaining({ level: 50, msg: 'Request failed', fault: expect.objectContaining({}) }),
      );
    } finally {
      proxied.proxy.heal();
    }
    expect(await expectWhole(vault.vaultId)).toEqual({ entries: 1 });
    for (const surface of SURFACE_NAMES) expect((await append(surface, vault)).status).toBe(200);
    expect(await expectWhole(vault.vaultId)).toEqual({ entries: 3 });
    // A probe of the database answers for a second.
    const health = async () => (await sendRaw(server.url, { method: 'GET', path: '/health' })).status;
    await expect.poll(health, { timeout: 5000 }).toBe(200);
  });

  test('a session that is not known from before is 503, not 401', async () => {
    proxied.proxy.refuse();
    try {
      for (const surface of SURFACE_NAMES) {
        const outcome = await callOn(surface, server.url, {
          procedure: 'vault.list',
          credentials: { session: 'never-seen', clientId: 'a' },
        });
        expect(outcome.status, surface).toBe(503);
      }
    } finally {
      proxied.proxy.heal();
    }
  });

  test('a connection cut in the middle of writes leaves whole writes and no others', async () => {
    const vault = await makeVault(server);
    let written = 0;
    const seen = new Set<number>();
    for (let round = 0; round < 5; round++) {
      const calls = Array.from({ length: 16 }, async (_, i) => {
        const outcome = await append(i % 2 ? 'rest' : 'trpc', vault);
        seen.add(outcome.status);
        if (outcome.status === 200) written++;
        // The first answer shows that the others are under way.
        if (i === 0 || written % 4 === 1) proxied.proxy.cut();
      });
      await Promise.all(calls);
    }
    expect([...seen].sort()).toEqual([200, 503]);
    // Those whose answer was cut off may have been written as well.
    expect((await expectWhole(vault.vaultId)).entries).toBeGreaterThanOrEqual(written);
    await expect.poll(async () => (await append('rest', vault)).status).toBe(200);
  });

  test('a locked row: 503, and nothing is written', async () => {
    const vault = await makeVault(server);
    const holder = await database.admin.connect();
    try {
      await holder.query('BEGIN');
      await holder.query('SELECT 1 FROM vaults WHERE vault_id = $1 FOR UPDATE', [vault.vaultId]);
      const outcomes = await Promise.all(SURFACE_NAMES.map((surface) => append(surface, vault)));
      for (const outcome of outcomes) {
        expect(outcome).toMatchObject({ status: 503, code: 'SERVICE_UNAVAILABLE' });
        expect(outcome.answer.headers['retry-after']).toBe('1');
      }
    } finally {
      await holder.query('ROLLBACK');
      holder.release();
    }
    expect(await expectWhole(vault.vaultId)).toEqual({ entries: 0 });
  });
});

describe('the rate limit', () => {
  const server = useServer(database, { rateLimitPerMinute: 3, trustProxy: ['127.0.0.1'] });
  const list = { rest: '/api/vault?id=a', trpc: '/trpc/vault.list?id=a' };
  let address = 0;
  /** An address of the test's own, as the trusted proxy in front would name it. */
  const freshAddress = () => `192.0.2.${++address}`;

  const ask = (path: string, from: string, session?: string) =>
    sendRaw(server.url, {
      method: 'GET',
      path,
      headers: {
        'x-forwarded-for': from,
        ...(session === undefined ? {} : { authorization: `session ${session}` }),
      },
    });

  const statuses = async (n: number, call: () => Promise<RawAnswer>) => {
    const found: number[] = [];
    for (let i = 0; i < n; i++) found.push((await call()).status);
    return found;
  };

  function expectTooMany(surface: 'rest' | 'trpc', { status, headers, text }: RawAnswer) {
    expect(status).toBe(429);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    expect(Number(headers['retry-after'])).toBeLessThanOrEqual(60);
    expect(headers['x-request-id']).toMatch(UUID);
    const message = 'Too many requests; retry after the seconds in Retry-After.';
    expect(JSON.parse(text)).toEqual(
      surface === 'rest'
        ? { error: message, code: 'TOO_MANY_REQUESTS' }
        : {
            error: {
              message,
              code: -32029,
              data: { code: 'TOO_MANY_REQUESTS', httpStatus: 429, path: 'vault.list' },
            },
          },
    );
  }

  test.each(SURFACE_NAMES)('counts a session across addresses: %s', async (surface) => {
    const [session, other] = [await server.login('st-1'), await server.login('st-1')];
    expect(await statuses(3, () => ask(list[surface], freshAddress(), session))).toEqual([200, 200, 200]);
    expectTooMany(surface, await ask(list[surface], freshAddress(), session));
    expect(await statuses(3, () => ask(list[surface], freshAddress(), other))).toEqual([200, 200, 200]);
  });

  test.each(SURFACE_NAMES)('calls without a valid session count by address: %s', async (surface) => {
    const [from, elsewhere] = [freshAddress(), freshAddress()];
    expect((await ask(list[surface], from)).status).toBe(401);
    expect((await ask(list[surface], from, 'guess-1')).status).toBe(401);
    expect((await ask(list[surface], from, 'guess-2')).status).toBe(401);
    expectTooMany(surface, await ask(list[surface], from, 'guess-3'));
    expectTooMany(surface, await ask(list[surface], from));
    expect((await ask(list[surface], elsewhere)).status).toBe(401);
    // Whoever shares the address and has a session is not kept out.
    expect((await ask(list[surface], from, await server.login('st-1'))).status).toBe(200);
  });

  test('is one for both surfaces and for refused methods', async () => {
    const session = await server.login('st-1');
    const from = freshAddress();
    expect((await ask(list.rest, from, session)).status).toBe(200);
    expect((await ask(list.trpc, from, session)).status).toBe(200);
    expect((await ask('/api/vault/v-0/summary?id=a', from, session)).status).toBe(405);
    expectTooMany('rest', await ask(list.rest, from, session));
    expectTooMany('trpc', await ask(list.trpc, from, session));
  });

  test('reports the remaining calls', async () => {
    const { headers } = await ask(list.rest, freshAddress(), await server.login('st-1'));
    expect(headers).toMatchObject({ 'ratelimit-limit': '3', 'ratelimit-remaining': '2' });
  });

  test('leaves /health alone', async () => {
    const from = freshAddress();
    expect(await statuses(5, () => ask('/health', from))).toEqual([200, 200, 200, 200, 200]);
    expect((await ask(list.rest, from)).status).toBe(401);
  });

  describe('without a proxy', () => {
    const open = useServer(database, { rateLimitPerMinute: 3 });
    test('believes no X-Forwarded-For', async () => {
      const found = await statuses(4, () =>
        sendRaw(open.url, {
          method: 'GET',
          path: list.rest,
          headers: { 'x-forwarded-for': freshAddress() },
        }),
      );
      expect(found).toEqual([401, 401, 401, 429]);
    });
  });
});

describe('CORS as configured', () => {
  const listed = useServer(database, {
    corsOrigin: ['https://a.example', 'https://b.example'],
    publicBaseUrl: 'https://relay.example',
  });
  const any = useServer(database, { corsOrigin: ['*'] });

  const ask = (server: TestServer, origin: string, request: Partial<RawRequest> = {}) =>
    sendRaw(server.url, {
      method: 'GET',
      path: '/api/vault?id=a',
      ...request,
      headers: { origin, ...request.headers },
    });

  test.each(['https://a.example', 'https://b.example'])('lets a listed origin in: %s', async (origin) => {
    const { headers, status } = await ask(listed, origin);
    expect(status).toBe(401);
    expect(headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-expose-headers':
        'x-request-id, retry-after, www-authenticate, etag, x-vault-head, x-vault-head-hash, link, idempotent-replayed',
      vary: 'Origin',
    });
    expect(headers).not.toHaveProperty('access-control-allow-credentials');
  });

  test.each(['https://c.example', 'http://a.example', 'https://a.example:8443', 'null'])(
    'keeps others out: %s',
    async (origin) => {
      const { headers } = await ask(listed, origin);
      expect(headers['access-control-allow-origin']).toBeUndefined();
    },
  );

  test('answers a preflight request for the existing calls', async () => {
    const { status, headers, text } = await ask(listed, 'https://a.example', {
      method: 'OPTIONS',
      path: '/api/vault/v-0?id=a',
      headers: {
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    });
    expect(status).toBe(204);
    expect(text).toBe('');
    expect(headers['access-control-allow-origin']).toBe('https://a.example');
    expect(headers['access-control-allow-methods']).toContain('POST');
    expect(headers['access-control-allow-headers']).toBe('authorization,content-type');
  });

  test('* allows every origin', async () => {
    const { headers } = await ask(any, 'https://c.example');
    expect(headers['access-control-allow-origin']).toBe('*');
  });

  test('HTTPS is insisted on where the public address has it', async () => {
    expect((await ask(listed, 'https://a.example')).headers).toMatchObject({
      'strict-transport-security': expect.stringMatching(/^max-age=\d+/),
    });
    expect((await ask(any, 'https://a.example')).headers).not.toHaveProperty('strict-transport-security');
  });
});
