import { connect } from 'node:net';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildMetricsApp } from '../../src/http/ops/request-metrics.ts';
import { makePrometheus } from '../../src/observability/prometheus.ts';
import { SessionStore } from '../../src/session/store.ts';
import { RestVaults } from '../support/client.ts';
import { silent, useDatabase } from '../support/database.ts';
import { parseExposition, readValue, type Sample } from '../support/exposition.ts';
import { useRelayServer } from '../support/relay-server.ts';
import { openAstation, openAtem } from '../support/sockets.ts';

const TOKEN = 'a-token-for-prometheus';
const SESSION = 'a-session-that-no-metric-names';
const CLIENT = 'a-client-that-no-metric-names';

const database = useDatabase();
const server = useRelayServer(database, { config: { metricsToken: TOKEN, maxConnectionsPerAddress: 60 } });
const unwatched = useRelayServer(database);

const read = (url: string, authorization?: string) =>
  fetch(`${url}/metrics`, authorization === undefined ? {} : { headers: { authorization } });

async function samples(): Promise<Sample[]> {
  const answer = await read(server.url, `Bearer ${TOKEN}`);
  expect(answer.status).toBe(200);
  return parseExposition(await answer.text());
}

const answered = async (labels: Record<string, string>) =>
  readValue(await samples(), 'vault_relay_request_duration_seconds_count', labels) ?? 0;
const refusals = async (cause: string) =>
  readValue(await samples(), 'vault_relay_refusals_total', { cause }) ?? 0;

let vaults: RestVaults;
let vaultId: string;
beforeAll(async () => {
  await new SessionStore(database.db).createGranted(SESSION, { hostname: 'h', astationId: 'st' });
  vaults = new RestVaults(server.url, { session: SESSION, clientId: CLIENT });
  vaultId = (await vaults.create('metrics')).body.vault_id;
});

describe('access to the metrics', () => {
  test('without configuration, no caller has access', async () => {
    expect((await read(unwatched.url)).status).toBe(404);
  });

  test.each([
    ['no token', undefined],
    ['another token', 'Bearer a-token-for-promethous'],
    ['the beginning of it', `Bearer ${TOKEN.slice(0, -1)}`],
    ['an empty one', 'Bearer '],
    ['another scheme', `session ${TOKEN}`],
  ])('not a request with %s', async (_, authorization) => {
    const answer = await read(server.url, authorization);
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ code: 'UNAUTHORIZED' });
  });

  test('on a separate port every caller has access, unless a token is set', async () => {
    for (const [token, status] of [
      [undefined, 200],
      [TOKEN, 401],
    ] as const) {
      const app = buildMetricsApp(makePrometheus(), { token, log: silent });
      const url = await app.listen({ host: '127.0.0.1', port: 0 });
      expect((await read(url)).status).toBe(status);
      expect((await read(url, `bearer ${TOKEN}`)).status).toBe(200);
      expect((await fetch(`${url}/health`)).status).toBe(404);
      await app.close();
    }
  });
});

test('requests, by route, operation and status', async () => {
  const route = '/api/vault/:vault_id';
  const [ok, gone] = [
    { method: 'GET', route, operation: 'vault.read', status: '200' },
    { method: 'GET', route, operation: 'vault.read', status: '404' },
  ];
  const before = [await answered(ok), await answered(gone)];
  await vaults.read(vaultId);
  await vaults.read(vaultId);
  await vaults.read('v-none');
  expect([await answered(ok), await answered(gone)]).toEqual([(before[0] ?? 0) + 2, (before[1] ?? 0) + 1]);
});

test('unknown paths share one route', async () => {
  await fetch(`${server.url}/nowhere`);
  await fetch(`${server.url}/elsewhere`);
  expect(await answered({ method: 'GET', route: 'none', status: '404' })).toBeGreaterThanOrEqual(2);
});

test('refusals, by cause: each call of a batch, and connections that never became a request', async () => {
  const before = await refusals('UNAUTHORIZED');
  await fetch(`${server.url}/trpc/vault.list,vault.list,vault.list?batch=1&id=a&input=%7B%7D`);
  expect(await refusals('UNAUTHORIZED')).toBe(before + 3);
  await vaults.append(vaultId, 'x'.repeat(70_000));
  expect(await refusals('PAYLOAD_TOO_LARGE')).toBe(1);

  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  socket.write('hello\r\n\r\n');
  await expect.poll(() => refusals('NOT_HTTP')).toBe(1);
  socket.destroy();
});

test('connections that are one too many', async () => {
  const port = Number(new URL(server.url).port);
  const sockets = Array.from({ length: 70 }, () =>
    connect({ host: '127.0.0.1', port, localAddress: '127.0.0.9' }).on('error', () => undefined),
  );
  await expect.poll(() => refusals('TOO_MANY_CONNECTIONS')).toBeGreaterThanOrEqual(10);
  for (const socket of sockets) socket.destroy();
});

test('the pool: connections, idle ones, and waiting calls', async () => {
  const pool = async (state: string) => readValue(await samples(), 'vault_relay_pool', { state });
  const holder = await database.admin.connect();
  try {
    await holder.query('BEGIN');
    await holder.query('LOCK TABLE vaults');
    const creates = Array.from({ length: 13 }, () => vaults.create('waits'));
    await expect.poll(() => pool('waiting')).toBe(3);
    expect([await pool('total'), await pool('idle')]).toEqual([10, 0]);
    await holder.query('COMMIT');
    await Promise.all(creates);
  } finally {
    await holder.query('ROLLBACK');
    holder.release();
  }
  await expect.poll(() => pool('waiting')).toBe(0);
});

test('sockets by role, and how long a nudge took', async () => {
  const sockets = async (role: string) => readValue(await samples(), 'vault_relay_sockets', { role });
  const astation = await openAstation(server.url, 'st');
  const atem = await openAtem(server.url, 'st', 'a');
  expect([await sockets('astation'), await sockets('atem')]).toEqual([1, 1]);
  const nudges = async () => readValue(await samples(), 'vault_relay_nudge_delay_seconds_count') ?? 0;
  const before = await nudges();
  await vaults.append(vaultId, 'nudges');
  expect(await atem.next('vault-updated')).toMatchObject({ type: 'vault-updated' });
  expect(await nudges()).toBe(before + 1);
  await Promise.all([astation.leave(), atem.leave()]);
  await expect.poll(async () => [await sockets('astation'), await sockets('atem')]).toEqual([0, 0]);
});

test('the writes of a statement', async () => {
  const total = async (what: string) =>
    readValue(await samples(), `vault_relay_writes_per_statement_${what}`) ?? 0;
  const [count, sum] = [await total('count'), await total('sum')];
  await Promise.all(Array.from({ length: 20 }, (_, n) => vaults.append(vaultId, `together ${n}`)));
  expect((await total('sum')) - sum).toBe(20);
  expect((await total('count')) - count).toBeLessThan(20);
  expect(readValue(await samples(), 'vault_relay_write_queue')).toBe(0);
});

test('reads that wait', async () => {
  const waiting = async () => readValue(await samples(), 'vault_relay_waiting');
  const head = (await vaults.append(vaultId, 'before')).body.seq;
  const reading = vaults.read(vaultId, `&since=${head}&wait=20`);
  await expect.poll(waiting).toBe(1);
  await vaults.append(vaultId, 'after');
  expect((await reading).body).toHaveLength(1);
  expect(await waiting()).toBe(0);
  const route = '/api/vault/:vault_id (wait)';
  expect(await answered({ method: 'GET', route, status: '200' })).toBe(1);
});

test('no metric names a session, a client, a vault or a text', async () => {
  await vaults.append(vaultId, 'a-text-that-no-metric-names');
  await fetch(`${server.url}/api/vault/${vaultId}?id=${CLIENT}&since=1`);
  const text = await (await read(server.url, `Bearer ${TOKEN}`)).text();
  expect(text).not.toMatch(/no-metric-names/);
  expect(text).not.toContain(vaultId);
  expect(text).not.toContain(TOKEN);
});
