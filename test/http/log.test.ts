import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { type LogLine, makeLogKeeper } from '../support/log-lines.ts';
import { type RawRequest, sendRaw } from '../support/raw-http.ts';
import { useServer } from '../support/server.ts';
import { callOn, JSON_BODY, SURFACE_NAMES } from '../support/surfaces.ts';

const database = useDatabase();
const keeper = makeLogKeeper();
const server = useServer(database, {}, keeper.log);

/** Words that stand in requests only, each where the product must not take it into a log from. */
const CLIENT_ID = 'client-word';
const TEXT = 'text-word';
const SUMMARY = 'summary-word';
const FIELD = 'field-word';
const QUERY = 'query-word';
const STRANGE_SESSION = 'strange-session-word';
const SECRETS = [CLIENT_ID, TEXT, SUMMARY, FIELD, QUERY, STRANGE_SESSION];

let session: string;
let vaultId: string;

beforeAll(async () => {
  session = await server.login('st-1');
  const created = await callOn('rest', server.url, {
    procedure: 'vault.create',
    json: JSON.stringify({ summary: SUMMARY }),
    credentials: { session, clientId: CLIENT_ID },
  });
  if (!('result' in created)) throw new Error(created.message);
  vaultId = (created.result as { vault_id: string }).vault_id;
});

beforeEach(() => {
  keeper.lines.length = 0;
});

/** The line of a request is written when its answer is out, which its client may notice first. */
const linesOf = async (requestId: string): Promise<LogLine[]> => {
  const find = () => keeper.parsed().filter((line) => line.reqId === requestId);
  await expect.poll(() => find().some((line) => line.msg === 'Request')).toBe(true);
  return find();
};

function expectNoSecrets() {
  const log = keeper.lines.join('');
  for (const secret of [...SECRETS, session]) {
    expect(log).not.toContain(secret);
    expect(log).not.toContain(encodeURIComponent(secret));
    expect(log).not.toContain(Buffer.from(secret).toString('base64'));
  }
}

describe.each(SURFACE_NAMES)('a call on %s', (surface) => {
  const path = (procedure: string, rest: string) => (surface === 'rest' ? rest : `/trpc/${procedure}`);

  test.each([
    ['vault.create', { summary: SUMMARY }, 200, '/api/vault'],
    ['vault.list', {}, 200, '/api/vault'],
    ['vault.read', { history: true }, 200, '/api/vault/{id}'],
    ['vault.write', { text: TEXT }, 200, '/api/vault/{id}'],
    ['vault.write', { text: TEXT, [FIELD]: TEXT }, 400, '/api/vault/{id}'],
    ['vault.write', { text: `${TEXT}\0` }, 400, '/api/vault/{id}'],
    ['vault.write', { text: TEXT.repeat(10_000) }, 413, '/api/vault/{id}'],
    ['vault.override', { text: TEXT, entry_id: 99 }, 404, '/api/vault/{id}'],
    ['vault.setSummary', { text: SUMMARY }, 200, '/api/vault/{id}/summary'],
  ] as const)('leaves one line, without the sent data: %s %o', async (procedure, input, status, restPath) => {
    const needsVault = restPath !== '/api/vault';
    const { answer } = await callOn(surface, server.url, {
      procedure,
      json: JSON.stringify(input),
      ...(needsVault ? { vaultId } : {}),
      credentials: { session, clientId: CLIENT_ID },
    });
    expect(answer.status).toBe(status);
    const requestId = String(answer.headers['x-request-id']);
    const lines = await linesOf(requestId);
    expect(lines).toEqual([
      {
        level: 30,
        time: expect.any(Number),
        msg: 'Request',
        reqId: requestId,
        method: procedure === 'vault.list' || procedure === 'vault.read' ? 'GET' : 'POST',
        operation: surface === 'rest' && procedure === 'vault.override' ? 'vault.write' : procedure,
        url: expect.stringMatching(/^[^?]+\?(id=\[redacted\])(&input=\[redacted\]|&history=true)?$/),
        status,
        ms: expect.any(Number),
        address: '127.0.0.1',
      },
    ]);
    expect(lines[0]?.url).toContain(path(procedure, restPath.replace('{id}', vaultId)));
    expectNoSecrets();
  });

  test('a refused session does not appear in the log', async () => {
    const { answer } = await callOn(surface, server.url, {
      procedure: 'vault.list',
      credentials: { session: STRANGE_SESSION, clientId: CLIENT_ID },
    });
    expect(answer.status).toBe(401);
    const [line] = await linesOf(String(answer.headers['x-request-id']));
    expect(line).toMatchObject({ level: 30, status: 401, method: 'GET' });
    expectNoSecrets();
  });

  test('a failed request is logged with its cause, without the sent data', async () => {
    // PostgreSQL shows the failing row in the detail of such an error.
    await database.admin.query(
      `ALTER TABLE vault_entries ADD CONSTRAINT none CHECK (content = 'nothing') NOT VALID`,
    );
    try {
      const { answer } = await callOn(surface, server.url, {
        procedure: 'vault.append',
        json: JSON.stringify({ text: TEXT }),
        vaultId,
        credentials: { session, clientId: CLIENT_ID },
      });
      expect(answer.status).toBe(500);
      const lines = await linesOf(String(answer.headers['x-request-id']));
      expect(lines).toMatchObject([
        { level: 50, msg: 'Request failed', fault: { code: '23514' }, stack: expect.stringContaining('at ') },
        { level: 30, msg: 'Request', status: 500 },
      ]);
      expectNoSecrets();
    } finally {
      await database.admin.query('ALTER TABLE vault_entries DROP CONSTRAINT none');
    }
  });
});

describe('a request that reaches no procedure', () => {
  const requests: [what: string, status: number, request: RawRequest, url: string][] = [
    ['an unknown address', 404, { method: 'GET', path: `/x?token=${QUERY}` }, '/[redacted]?[redacted]'],
    [
      'an address that cannot be decoded',
      400,
      { method: 'GET', path: `/api/vault/%zz?id=${CLIENT_ID}` },
      '/api/[redacted]?[redacted]',
    ],
    [
      'a wrong method',
      405,
      { method: 'DELETE', path: `/api/vault?id=${CLIENT_ID}&a=${QUERY}` },
      '/api/vault?id=[redacted]&[redacted]',
    ],
    [
      'a body that is no JSON',
      400,
      { method: 'POST', path: `/api/vault?id=${CLIENT_ID}`, headers: JSON_BODY, body: TEXT },
      '/api/vault?id=[redacted]',
    ],
    [
      'a body that is no JSON, on tRPC',
      400,
      { method: 'POST', path: `/trpc/vault.create?id=${CLIENT_ID}`, headers: JSON_BODY, body: TEXT },
      '/trpc/vault.create?id=[redacted]',
    ],
    [
      'a body of another type',
      415,
      {
        method: 'POST',
        path: `/api/vault?id=${CLIENT_ID}`,
        headers: { 'content-type': 'text/x' },
        body: TEXT,
      },
      '/api/vault?id=[redacted]',
    ],
    [
      'a session in the query',
      401,
      { method: 'GET', path: `/ws?session=${STRANGE_SESSION}&role=atem&code=${QUERY}` },
      '/ws?session=[redacted]&role=atem&code=[redacted]',
    ],
    [
      'a session in the path',
      404,
      { method: 'GET', path: `/api/sessions/${STRANGE_SESSION}/status` },
      '/api/sessions/[redacted]/status',
    ],
  ];

  test.each(requests)('leaves one line, without the sent data: %s', async (_, status, request, url) => {
    const answer = await sendRaw(server.url, {
      ...request,
      headers: { authorization: `session ${session}`, 'x-request-id': 'call-1', ...request.headers },
    });
    expect(answer.status).toBe(status);
    expect(await linesOf('call-1')).toMatchObject([
      { level: 30, msg: 'Request', reqId: 'call-1', method: request.method, status, url },
    ]);
    expectNoSecrets();
  });
});

test('a health check is logged at level debug only', async () => {
  await sendRaw(server.url, { method: 'GET', path: '/health', headers: { 'x-request-id': 'probe' } });
  expect(await linesOf('probe')).toMatchObject([{ level: 20, method: 'GET', url: '/health', status: 200 }]);
});
