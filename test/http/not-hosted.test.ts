import { readFile } from 'node:fs/promises';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { attack } from '../support/attack.ts';
import { useDatabase } from '../support/database.ts';
import { makeLogKeeper } from '../support/log-lines.ts';
import { sendRaw } from '../support/raw-http.ts';
import { useRelayServer } from '../support/relay-server.ts';
import { useServer } from '../support/server.ts';
import { JSON_BODY } from '../support/surfaces.ts';

const database = useDatabase();
const keeper = makeLogKeeper();
const server = useServer(database, {}, keeper.log);
const limited = useServer(database, { rateLimitPerMinute: 2 });
const METRICS_TOKEN = 'a-token-for-prometheus';
const measured = useRelayServer(database, { config: { metricsToken: METRICS_TOKEN } });

let session: string;
beforeAll(async () => {
  session = await server.login('st-1');
});
beforeEach(() => {
  keeper.lines.length = 0;
});

const CALLS: [method: string, path: string][] = [
  ['GET', '/api/memory'],
  ['POST', '/api/memory/batch'],
  ['GET', '/api/skills'],
  ['GET', '/api/skills/versions'],
  ['GET', '/api/skills/version'],
  ['POST', '/api/skills/batch'],
  ['POST', '/api/vault/v-7Kf3qDx02Z/encryption'],
  ['POST', '/api/vault/v-7Kf3qDx02Z/encryption/'],
  ...['POST', 'GET', 'DELETE'].flatMap((method) =>
    ['/api/rtc-sessions', '/api/rtc-sessions/', '/api/rtc-sessions/a/b/c/d', '/api/voice-sessions/a'].map(
      (path): [string, string] => [method, path],
    ),
  ),
  ['POST', '/api/llm/chat'],
  ['POST', '/api/diagrams'],
  ['GET', '/api/diagrams/d-1'],
  ['HEAD', '/api/memory'],
];

const callers = (): [who: string, authorization: Record<string, string>][] => [
  ['nobody', {}],
  ['an unknown session', { authorization: 'session unknown' }],
  ['a session', { authorization: `session ${session}` }],
];

const BODIES: [what: string, headers: Record<string, string>, body: string][] = [
  ['none', {}, ''],
  ['JSON', JSON_BODY, '{"items":[]}'],
  ['broken JSON', JSON_BODY, '{'],
  ['another type', { 'content-type': 'text/plain' }, 'a'],
  ['a compressed one', { ...JSON_BODY, 'content-encoding': 'gzip' }, 'a'],
  ['one over the limit', JSON_BODY, ' '.repeat(500_000)],
];

describe.each(CALLS)('a call that this server does not host: %s %s', (method, path) => {
  test('501 with a sentence, for every caller and every body', async () => {
    for (const [who, authorization] of callers()) {
      for (const [what, headers, body] of method === 'HEAD' ? BODIES.slice(0, 1) : BODIES) {
        const length = body === '' ? {} : { 'content-length': String(body.length) };
        const answer = await sendRaw(server.url, {
          method,
          path: `${path}?id=a`,
          headers: { ...authorization, ...headers, ...length },
          ...(body === '' ? {} : { body }),
        });
        expect(answer.status, `${who}, ${what}`).toBe(501);
        if (method === 'HEAD') continue;
        expect(JSON.parse(answer.text)).toEqual({
          error: expect.stringMatching(/^This server hosts vaults, not [a-z ]+; .+\.$/),
          code: 'NOT_IMPLEMENTED',
        });
      }
    }
    expect(keeper.parsed().filter(({ level }) => level > 30)).toEqual([]);
  });
});

test('a body of any length is not read before the answer', async () => {
  const { socket, received, ended } = await attack(server.url);
  socket.write(
    `POST /api/memory/batch HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 9999999999\r\n\r\n{`,
  );
  await expect.poll(received).toMatch(/^HTTP\/1\.1 501 /);
  socket.destroy();
  await ended;
});

test('a 501 is not a server failure: no audit row, and no cause that an alert counts', async () => {
  const ask = () => fetch(`${measured.url}/api/skills`, { headers: { authorization: `session ${session}` } });
  const { rows: before } = await database.admin.query('SELECT count(*) FROM audit_log');
  expect((await ask()).status).toBe(501);
  expect((await database.admin.query('SELECT count(*) FROM audit_log')).rows).toEqual(before);
  const metrics = await fetch(`${measured.url}/metrics`, {
    headers: { authorization: `Bearer ${METRICS_TOKEN}` },
  });
  const causes = [...(await metrics.text()).matchAll(/refusals_total\{cause="(\w+)"\}/g)].map(
    ([, cause]) => cause,
  );
  expect(causes).toEqual(['NOT_IMPLEMENTED']);
});

test('it counts for the rate limit of an address', async () => {
  const ask = async () => (await fetch(`${limited.url}/api/memory`)).status;
  expect([await ask(), await ask(), await ask()]).toEqual([501, 501, 429]);
});

test('a similar path is still unknown', async () => {
  for (const path of ['/api/memories', '/api/skill', '/api/vault/v-0/encryptions']) {
    expect((await sendRaw(server.url, { method: 'GET', path })).status).toBe(404);
  }
});

test.each([
  ['diagrams', '/api/diagrams'],
  ['`atem memory`', '/api/memory'],
  ['`atem skill`', '/api/skills'],
  ['voice', '/api/voice-sessions'],
  ['`llm`', '/api/llm/chat'],
])('E7: the README lists %s as not hosted, and the server answers 501', async (name, path) => {
  const page = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const rows = page.split('\n').filter((line) => line.includes('| 501 with a sentence'));
  expect(rows.filter((row) => row.includes(name))).toHaveLength(1);
  expect(await sendRaw(server.url, { method: 'POST', path })).toMatchObject({ status: 501 });
});
