import { beforeAll, expect, test } from 'vitest';
import { SessionStore } from '../../src/session/store.ts';
import { attack } from '../support/attack.ts';
import { RestVaults, rest } from '../support/client.ts';
import { type CollectedSpan, type Collector, withCollector } from '../support/collector.ts';
import { useDatabase } from '../support/database.ts';
import { type RelayServer, startRelayServer } from '../support/relay-server.ts';

const database = useDatabase();
const SESSION = 'a-session-that-no-span-names';
const CLIENT = 'a-client-that-no-span-names';

beforeAll(() => new SessionStore(database.db).createGranted(SESSION, { hostname: 'h', astationId: 'st' }));

/** Runs against a traced server, and stops it, so that its spans are sent. @returns what the collector got */
async function trace(
  work: (server: RelayServer, vaults: RestVaults) => Promise<void>,
  ratio = 1,
): Promise<Collector> {
  return withCollector(async (collector) => {
    const traces = { endpoint: `${collector.endpoint}/`, serviceName: 'relay-under-test', ratio };
    const server = await startRelayServer(database.url, { config: { traces } });
    await work(server, new RestVaults(server.url, { session: SESSION, clientId: CLIENT }));
    await server.stop();
    return collector;
  });
}

const requests = ({ spans }: Collector) =>
  spans.filter(({ attributes }) => 'http.request.method' in attributes);
const childrenOf = ({ spans }: Collector, parent: CollectedSpan | undefined) =>
  spans.filter((span) => parent && span.traceId === parent.traceId && span.parentSpanId === parent.spanId);
const verbs = (spans: CollectedSpan[]) => spans.map(({ attributes }) => attributes['db.operation.name']);

test('one request is one trace, from its route to its statements, on both surfaces', async () => {
  let vaultId = '';
  const collector = await trace(async ({ url }, vaults) => {
    vaultId = (await vaults.create('traced')).body.vault_id;
    await vaults.append(vaultId, 'a-text-that-no-span-names');
    await rest('POST', `${url}/trpc/vault.append?id=${CLIENT}`, {
      session: SESSION,
      body: { vault_id: vaultId, text: 'a-text-that-no-span-names' },
    });
  });
  expect(collector.resource).toMatchObject({
    'service.name': 'relay-under-test',
    'service.version': 'test',
  });
  const byName = (name: string) => requests(collector).find((span) => span.name === name);

  const write = byName('POST /api/vault/:vault_id');
  expect(write?.parentSpanId ?? '').toBe('');
  expect(write?.attributes).toMatchObject({
    'http.request.method': 'POST',
    'http.route': '/api/vault/:vault_id',
    'vault_relay.operation': 'vault.write',
    'http.response.status_code': 200,
    'url.path': `/api/vault/${vaultId}`,
    'vault_relay.request_id': expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
  expect(write?.status ?? 0).toBe(0);
  const statements = childrenOf(collector, write);
  expect(statements).toHaveLength(1);
  expect(statements[0]?.attributes).toMatchObject({
    'db.system.name': 'postgresql',
    'db.query.text': expect.stringContaining('$1'),
  });

  // The first request also looks its session up.
  expect(childrenOf(collector, byName('POST /api/vault'))).toHaveLength(2);
  expect(byName('POST /trpc/:path')?.attributes['vault_relay.operation']).toBe('vault.append');
  expect(childrenOf(collector, byName('POST /trpc/:path'))).toHaveLength(1);
  expect(verbs(statements)).toEqual([expect.stringMatching(/^[A-Z]+$/)]);
});

test('a body that arrives after its head keeps the trace', async () => {
  const collector = await trace(async ({ url }) => {
    const body = '{"summary":"late"}';
    const { socket, received } = await attack(url);
    socket.write(
      `POST /api/vault?id=a HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: session ${SESSION}\r\n` +
        `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`,
    );
    // An answer to a request that came after it shows that this one waits for its body.
    await rest('GET', `${url}/api/vault?id=a`, { session: SESSION });
    socket.write(body);
    await expect.poll(received).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
  });
  const made = requests(collector).find(({ name }) => name === 'POST /api/vault');
  expect(childrenOf(collector, made).length).toBeGreaterThan(1);
});

test('a trace of the caller continues, and an unsampled one is not recorded', async () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const collector = await trace(async ({ url }) => {
    for (const flags of ['01', '00']) {
      await rest('GET', `${url}/api/vault?id=a`, {
        session: SESSION,
        headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-${flags}` },
      });
    }
    await rest('GET', `${url}/api/vault?id=a`, { session: SESSION });
  }, 0);
  expect(requests(collector)).toHaveLength(1);
  expect(requests(collector)[0]).toMatchObject({ traceId, parentSpanId: '00f067aa0ba902b7' });
  expect(childrenOf(collector, requests(collector)[0]).length).toBeGreaterThan(0);
});

test('a failed span has the SQLSTATE without the message', async () => {
  await database.admin.query('ALTER TABLE vaults RENAME COLUMN summary TO gone');
  try {
    const collector = await trace(async ({ url }, vaults) => {
      expect((await vaults.list()).status).toBe(500);
      expect((await vaults.read('v-none')).status).toBe(404);
      expect((await fetch(`${url}/api/memory`)).status).toBe(501);
    });
    const [failed, refused, notHosted] = [
      'GET /api/vault',
      'GET /api/vault/:vault_id',
      'GET /api/memory',
    ].map((name) => requests(collector).find((span) => span.name === name));
    expect(failed).toMatchObject({ status: 2, attributes: { 'http.response.status_code': 500 } });
    expect(refused?.status ?? 0).toBe(0);
    expect(notHosted?.attributes).toMatchObject({ 'http.response.status_code': 501 });
    expect(notHosted?.status ?? 0).toBe(0);
    const statement = childrenOf(collector, failed).find(({ status }) => status === 2);
    expect(statement?.attributes).toMatchObject({ 'db.response.status_code': '42703' });
    expect(collector.text).not.toContain('does not exist');
  } finally {
    await database.admin.query('ALTER TABLE vaults RENAME COLUMN gone TO summary');
  }
});

test('no span contains a session, a client id, a code or a text', async () => {
  const collector = await trace(async ({ url }, vaults) => {
    const vaultId = (await vaults.create('a-summary-that-no-span-names')).body.vault_id;
    await vaults.append(vaultId, 'a-text-that-no-span-names');
    await vaults.read(vaultId, '&since=0');
    await rest('GET', `${url}/api/pair/a-code-that-no-span-names`);
    await rest('GET', `${url}/nowhere/a-path-that-no-span-names`);
    await fetch(`${url}/ws?role=atem&session=${SESSION}`);
    await fetch(`${url}/trpc/a-procedure-that-no-span-names?id=${CLIENT}`);
  });
  expect(requests(collector).length).toBeGreaterThanOrEqual(7);
  expect(collector.text).not.toMatch(/no-span-names/);
});

test('an unreachable collector loses only the traces', async () => {
  const traces = { endpoint: 'http://127.0.0.1:1', serviceName: 'x', ratio: 1 };
  const server = await startRelayServer(database.url, { config: { traces } });
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
  await server.stop();
});
