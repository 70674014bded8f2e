import { describe, expect, test } from 'vitest';
import { generateDocument } from '../../src/cli/openapi/generate.ts';
import { formatProblem } from '../../src/openapi-check/problem.ts';
import { replay } from '../../src/openapi-check/replay.ts';
import { type PassingAnswer, withBreakingProxy } from '../support/breaking-proxy.ts';
import { rest } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { readTheContract } from '../support/openapi-files.ts';
import { useServer } from '../support/server.ts';

const database = useDatabase();
const server = useServer(database);
const public_ = useServer(database, { publicBaseUrl: 'https://relay.example.org' });
const small = useServer(database, {
  limits: { textBytes: 1000, summaryBytes: 100, clientIdCharacters: 10 },
});

const contract = readTheContract();
const document = generateDocument({ version: 'test' });

/** The contract's requests against a server, and what is wrong with its answers. */
async function replayAt(url: string): Promise<string[]> {
  const [session, otherSession] = await Promise.all([server.login('ast-1'), server.login('ast-2')]);
  const problems = await replay({
    url,
    document,
    contract,
    variables: { session, other_session: otherSession },
  });
  return problems.map(formatProblem);
}

const replayBroken = (breakIt: (answer: PassingAnswer) => void) =>
  withBreakingProxy(server.url, breakIt, replayAt);

describe('the served document', () => {
  const served = async (url: string) => (await rest(`GET`, `${url}/api/openapi.json`)).body;

  test('is the one that the command line generates, with an address relative to its own', async () => {
    expect(await served(server.url)).toEqual(generateDocument({ version: 'test', baseUrl: '/' }));
  });

  test('is the same text each time', async () => {
    const [one, two] = await Promise.all(
      [server.url, server.url].map(async (url) => (await fetch(`${url}/api/openapi.json`)).text()),
    );
    expect(one).toBe(two);
    expect(one).toBe(JSON.stringify(generateDocument({ version: 'test', baseUrl: '/' })));
  });

  test('names PUBLIC_BASE_URL', async () => {
    const baseUrl = 'https://relay.example.org';
    expect(await served(public_.url)).toEqual(generateDocument({ version: 'test', baseUrl }));
  });

  test('names the limits of this server', async () => {
    const limits = { textBytes: 1000, summaryBytes: 100, clientIdCharacters: 10 };
    const expected = generateDocument({ version: 'test', baseUrl: '/', limits });
    expect(await served(small.url)).toEqual(expected);
    expect(JSON.stringify(expected)).toContain('"maxLength":1000');
  });
});

describe('the replay of the contract', () => {
  test('finds nothing wrong with this server', async () => {
    expect(await replayAt(server.url)).toEqual([]);
  });

  test('finds nothing wrong with it behind a proxy that breaks nothing', async () => {
    expect(await replayBroken(() => undefined)).toEqual([]);
  });

  const isRead = ({ method, path, status }: PassingAnswer) =>
    method === 'GET' && /^\/api\/vault\/v-/.test(path) && status === 200;
  const isWrite = ({ method, path, status }: PassingAnswer) =>
    method === 'POST' && /^\/api\/vault\/v-\w+$/.test(path) && status === 200;

  function rename(object: Record<string, unknown>, from: string, to: string): void {
    object[to] = object[from];
    delete object[from];
  }

  const broken: [what: string, breakIt: (answer: PassingAnswer) => void, lines: string[]][] = [
    [
      'a field under another name',
      (answer) => {
        if (isRead(answer)) for (const entry of answer.body) rename(entry, 'writer_id', 'writer');
      },
      [
        'GET /api/vault/{vault_id}: answer 200: [0].writer_id: is missing from the answer (read the current view)',
        'GET /api/vault/{vault_id}: answer 200: [0].writer: the document does not know this field (read the current view)',
      ],
    ],
    [
      'an integer as a string',
      (answer) => {
        if (isWrite(answer)) answer.body.seq = String(answer.body.seq);
      },
      ['POST /api/vault/{vault_id}: answer 200: seq: is "'],
    ],
    [
      'an integer beyond u32',
      (answer) => {
        if (isWrite(answer)) answer.body.version = 2 ** 32;
      },
      ['POST /api/vault/{vault_id}: answer 200: version: is 4294967296; it is read as u32 (append an entry)'],
    ],
    [
      'a field more',
      (answer) => {
        if (answer.path === '/api/pair' && answer.status === 201) answer.body.room = 1;
      },
      ['POST /api/pair: answer 201: room: the document does not know this field (open a pairing room)'],
    ],
    [
      'a field less, which only the document promises',
      (answer) => {
        if (answer.status === 403) delete answer.body.code;
      },
      ['GET /api/vault/{vault_id}: answer 403: code: is missing from the answer (read a vault of another'],
    ],
    [
      'another success',
      (answer) => {
        if (answer.path === '/api/sessions') answer.status = 200;
      },
      ['POST /api/sessions: answer 200: 201 was expected (ask for a session)'],
    ],
    [
      'an error instead of a success',
      (answer) => {
        if (answer.path.endsWith('/summary'))
          Object.assign(answer, { status: 404, body: { error: 'No summary here.', code: 'NOT_FOUND' } });
      },
      [
        'POST /api/vault/{vault_id}/summary: answer 404: 200 was expected: No summary here. (replace the summary)',
      ],
    ],
    [
      'a status that the document does not know',
      (answer) => {
        if (answer.method === 'DELETE' && answer.status === 200) answer.status = 202;
      },
      ['DELETE /api/pair/{code}: answer 202: 200 was expected (close the room)'],
    ],
    [
      'no request id',
      (answer) => {
        if (answer.path.endsWith('/grant')) delete answer.headers['x-request-id'];
      },
      [
        'POST /api/sessions/{id}/grant: answer 200: header x-request-id: is not there (grant the session)',
        'POST /api/sessions/{id}/grant: answer 401: header x-request-id: is not there (grant with a wrong OTP)',
      ],
    ],
    [
      'another content type',
      (answer) => {
        if (answer.path === '/api/vault' && answer.method === 'GET')
          answer.headers['content-type'] = 'text/plain';
      },
      [
        'GET /api/vault: answer 200: header content-type: is "text/plain", which does not match ^application/json (list',
        'GET /api/vault: answer 200: the document promises no text/plain (list the vaults)',
      ],
    ],
    [
      'a time of another form',
      (answer) => {
        if (isRead(answer)) for (const entry of answer.body) entry.created_at = '2026-11-24 16:13:04';
      },
      ['GET /api/vault/{vault_id}: answer 200: [0].created_at: does not match ^'],
    ],
    [
      'a wrong kind, which only the document excludes',
      (answer) => {
        if (isRead(answer)) for (const entry of answer.body) entry.kind = 'note';
      },
      [
        'GET /api/vault/{vault_id}: answer 200: [0].kind: must be equal to one of the allowed values (read the current view)',
      ],
    ],
    [
      'the wrong version of an override',
      (answer) => {
        if (isWrite(answer)) answer.body.version = 1;
      },
      ['POST /api/vault/{vault_id}: answer 200: version: is 1 and should be 2 (override an entry)'],
    ],
    [
      'a created vault without its id, on which all else depends',
      (answer) => {
        if (answer.path === '/api/vault' && answer.method === 'POST') answer.body = {};
      },
      [
        'POST /api/vault: answer 200: vault_id: is missing from the answer (create a vault)',
        'GET /api/vault/{vault_id}: request: {vault_id} was not captured by an earlier step (read the history)',
      ],
    ],
    [
      'a body that is no object',
      (answer) => {
        if (answer.path === '/api/vault' && answer.method === 'GET') answer.body = null;
      },
      ['GET /api/vault: answer 200: is null; it is read as an array (list the vaults)'],
    ],
  ];

  test.each(broken)('finds %s', async (_, breakIt, lines) => {
    const found = await replayBroken(breakIt);
    for (const line of lines) expect(found).toContainEqual(expect.stringContaining(line));
  });
});
