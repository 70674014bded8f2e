import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { fingerprint, hashSessionId } from '../../src/access/session-id.ts';
import { buildMetricsApp } from '../../src/http/ops/request-metrics.ts';
import { makePrometheus } from '../../src/observability/prometheus.ts';
import { silent, useDatabase } from '../support/database.ts';
import { type RawAnswer, sendRaw } from '../support/raw-http.ts';
import { useRelayServer } from '../support/relay-server.ts';
import { useServer } from '../support/server.ts';
import { JSON_BODY } from '../support/surfaces.ts';

const database = useDatabase();
const LIMIT = 100;
const server = useServer(database, { rateLimitPerMinute: LIMIT });
const METRICS_TOKEN = 'a-token-for-prometheus';
const measured = useRelayServer(database, { config: { metricsToken: METRICS_TOKEN } });
const ORIGIN = 'https://pages.example';
const open = useServer(database, { corsOrigin: [ORIGIN] });

const ask = (path: string, authorization: string, body?: object) =>
  sendRaw(server.url, {
    method: body ? 'POST' : 'GET',
    path,
    headers: { authorization, ...(body ? JSON_BODY : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });

const SCHEMES = ['session', 'SESSION', 'Bearer', 'bearer', 'BEARER'];

describe('a session id in either form of the Authorization header', () => {
  test.each(SCHEMES)('writes and reads on both surfaces, and is audited: %s', async (scheme) => {
    const session = await server.login('st-1');
    const authorization = `${scheme} ${session}`;
    const made = await ask('/api/vault?id=ann', authorization, { summary: 'a' });
    expect(made.status).toBe(200);
    const { vault_id } = JSON.parse(made.text);
    expect((await ask(`/api/vault/${vault_id}?id=ann`, authorization, { text: 'a' })).status).toBe(200);
    expect((await ask(`/trpc/vault.append?id=ann`, authorization, { vault_id, text: 'b' })).status).toBe(200);
    expect(JSON.parse((await ask(`/api/vault/${vault_id}?id=ann`, authorization)).text)).toHaveLength(2);
    expect((await ask(`/api/vault/${vault_id}?id=ann`, authorization, { text: 1 })).status).toBe(400);
    const { rows } = await database.admin.query(
      'SELECT DISTINCT session FROM audit_log WHERE vault_id = $1',
      [vault_id],
    );
    expect(rows).toEqual([{ session: fingerprint(hashSessionId(session)) }]);
  });

  test('counts for one and the same session', async () => {
    const session = await server.login('st-1');
    const remaining = [];
    for (const scheme of SCHEMES) {
      const { headers } = await ask('/api/vault?id=ann', `${scheme} ${session}`);
      remaining.push(Number(headers['ratelimit-remaining']));
    }
    expect(remaining).toEqual(SCHEMES.map((_, i) => LIMIT - 1 - i));
  });

  test('ends with the session', async () => {
    const session = await server.login('st-1');
    expect((await ask('/api/vault?id=ann', `Bearer ${session}`)).status).toBe(200);
    await server.sessions.revoke(session);
    await expect.poll(async () => (await ask('/api/vault?id=ann', `Bearer ${session}`)).status).toBe(401);
  });
});

describe('every 401 names the scheme Bearer', () => {
  const unknown = `Bearer ${randomUUID()}`;
  const refused: [what: string, ask: () => Promise<RawAnswer>][] = [
    ['a read on REST', () => ask('/api/vault?id=a', unknown)],
    ['a write on REST', () => ask('/api/vault?id=a', unknown, {})],
    ['a scheme that is not known', () => ask('/api/vault?id=a', 'Basic YTpi')],
    ['an operator token that is wrong', () => ask('/api/vault', 'dashboard wrong')],
    ['a call on tRPC', () => ask('/trpc/vault.list?id=a', unknown)],
    ['a batch on tRPC', () => ask('/trpc/vault.list,vault.list?id=a&batch=1&input={}', unknown)],
    ['a socket', () => ask(`/ws?role=atem&session=${randomUUID()}`, 'none')],
    [
      'a wrong OTP',
      async () => {
        const { id } = JSON.parse((await ask('/api/sessions', 'none', { hostname: 'h' })).text);
        return ask(`/api/sessions/${id}/grant`, 'none', { otp: 'wrong' });
      },
    ],
  ];

  test.each(refused)('%s', async (_, send) => {
    const { status, headers } = await send();
    expect({ status, challenge: headers['www-authenticate'] }).toEqual({ status: 401, challenge: 'Bearer' });
  });

  test('the metrics on the port of the server', async () => {
    const { status, headers } = await fetch(`${measured.url}/metrics`);
    const challenge = headers.get('www-authenticate');
    expect({ status, challenge }).toEqual({ status: 401, challenge: 'Bearer' });
  });

  test('the listener of the metrics', async () => {
    const app = buildMetricsApp(makePrometheus(), { token: METRICS_TOKEN, log: silent });
    try {
      const url = await app.listen({ host: '127.0.0.1', port: 0 });
      const { status, headers } = await fetch(`${url}/metrics`);
      expect({ status, challenge: headers.get('www-authenticate') }).toEqual({
        status: 401,
        challenge: 'Bearer',
      });
    } finally {
      await app.close();
    }
  });

  test('and pages of another origin may read it', async () => {
    const { status, headers } = await sendRaw(open.url, {
      method: 'GET',
      path: '/api/vault?id=a',
      headers: { origin: ORIGIN },
    });
    expect(status).toBe(401);
    expect(headers['access-control-expose-headers']).toContain('www-authenticate');
  });

  test('other answers do not', async () => {
    const session = await server.login('st-1');
    for (const path of ['/api/vault?id=a', '/api/vault/v-none?id=a', '/trpc/vault.list?id=a', '/health']) {
      expect((await ask(path, `Bearer ${session}`)).headers).not.toHaveProperty('www-authenticate');
    }
  });
});
