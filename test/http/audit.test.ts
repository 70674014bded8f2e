import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { fingerprint, hashSessionId } from '../../src/access/session-id.ts';
import { Database } from '../../src/db/client.ts';
import { AstationStore } from '../../src/session/astation-store.ts';
import { BindingStore } from '../../src/session/binding-store.ts';
import { AstationKey } from '../support/astation-key.ts';
import { RestVaults, rest } from '../support/client.ts';
import { silent, useDatabase } from '../support/database.ts';
import { parseExposition, readValue } from '../support/exposition.ts';
import { withRelayServer } from '../support/relay-server.ts';
import { useServer } from '../support/server.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const database = useDatabase();
const server = useServer(database);

const fingerprintOf = (id: string) => fingerprint(hashSessionId(id));
const SOURCE = { requestId: 'the-request', address: '192.0.2.7' };

let begin = 0;
beforeEach(async () => {
  const { rows } = await database.admin.query('SELECT coalesce(max(id), 0)::int AS last FROM audit_log');
  begin = rows[0].last;
});

/** The rows since the test began, without their times and numbers. */
async function audited(): Promise<Record<string, unknown>[]> {
  const { rows } = await database.admin.query(
    `SELECT action, outcome, vault_id, work_session_id, client_id, session, request_id, address
     FROM audit_log WHERE id > $1 ORDER BY id`,
    [begin],
  );
  return rows;
}

const row = (fields: object) => ({
  vault_id: null,
  work_session_id: null,
  client_id: null,
  session: null,
  request_id: null,
  address: null,
  ...fields,
});

describe('sessions over HTTP', () => {
  const headers = { 'x-request-id': 'the-request' };
  const from = { request_id: 'the-request', address: '127.0.0.1' };
  const post = (path: string, body: object = {}) =>
    rest<{ id: string; otp: string }>('POST', `${server.url}/api/sessions${path}`, { body, headers });
  const request = async () => (await post('', { hostname: 'h' })).body;
  const ofSession = (id: string, fields: object) => row({ session: fingerprintOf(id), ...from, ...fields });

  test('a grant, and neither its request nor the wrong OTP before it', async () => {
    const { id, otp } = await request();
    await post(`/${id}/grant`, { otp: otp === '00000000' ? '1' : '00000000' });
    await post(`/${id}/grant`, { otp });
    await post(`/${id}/grant`, { otp });
    expect(await audited()).toEqual([ofSession(id, { action: 'session_grant', outcome: 'done' })]);
  });

  test('strangers fill no append-only table: neither requests nor wrong OTPs leave a row', async () => {
    for (let n = 0; n < 5; n++) {
      const { id } = await request();
      for (let tries = 0; tries < 7; tries++) await post(`/${id}/grant`, { otp: 'wrong' });
    }
    expect(await audited()).toEqual([]);
  });

  test('a signed grant names its Astation', async () => {
    const { id, otp } = await request();
    const [astationId, key] = [`st-${randomUUID()}`, new AstationKey()];
    await new AstationStore(database.db).registerOrVerify(astationId, key.publicKeyHex);
    await post(`/${id}/grant`, key.grant({ id, otp, astationId }));
    expect((await audited()).at(-1)).toEqual(
      ofSession(id, { action: 'session_grant', outcome: 'done', work_session_id: astationId }),
    );
  });

  test('a denial', async () => {
    const { id } = await request();
    await post(`/${id}/deny`);
    expect((await audited()).at(-1)).toEqual(ofSession(id, { action: 'session_deny', outcome: 'done' }));
  });

  test('no complete session id, OTP or token', async () => {
    const { id, otp } = await request();
    const granted = await post(`/${id}/grant`, { otp });
    const text = JSON.stringify(await audited());
    for (const secret of [id, otp, (granted.body as unknown as { token: string }).token]) {
      expect(text).not.toContain(secret);
    }
    expect(text).not.toContain(hashSessionId(id).toString('hex'));
  });
});

describe('actions of an Astation and of the operator', () => {
  test('a new binding leaves a row, a refreshed one does not', async () => {
    const bindings = new BindingStore(database.db);
    const [one, two, three] = [randomUUID(), randomUUID(), randomUUID()] as const;
    const [mine, other] = [`st-${randomUUID()}`, `st-${randomUUID()}`];
    const at = (id: string, action: string, outcome = 'done') =>
      row({
        action,
        outcome,
        session: fingerprintOf(id),
        work_session_id: mine,
        request_id: 'the-request',
        address: '192.0.2.7',
      });
    await bindings.bind(mine, one, SOURCE);
    await bindings.bind(mine, one, SOURCE);
    await bindings.unbind(mine, randomUUID(), SOURCE);
    expect(await audited()).toEqual([at(one, 'session_bind')]);
    await bindings.bind(other, three);
    begin = (await database.admin.query('SELECT max(id)::int AS last FROM audit_log')).rows[0].last;

    await bindings.bind(mine, three, SOURCE);
    expect(await bindings.replace(mine, [two, three], SOURCE)).toMatchObject({ skipped: 1 });
    const rows = await audited();
    expect(rows).toHaveLength(4);
    expect(rows[0]).toEqual(at(three, 'session_bind', 'refused'));
    expect(rows.slice(1)).toEqual(
      expect.arrayContaining([
        at(one, 'session_unbind'),
        at(two, 'session_bind'),
        at(three, 'session_bind', 'refused'),
      ]),
    );
    await bindings.unbind(mine, two, SOURCE);
    expect((await audited()).at(-1)).toEqual(at(two, 'session_unbind'));
  });

  test('a repeated set of bindings leaves no row, changes none and costs one statement', async () => {
    const proxy = await TcpProxy.to(database.url);
    const counted = new Database({ url: proxy.url, poolSize: 1, log: silent });
    try {
      await counted.ping();
      const bindings = new BindingStore(counted);
      const [mine, other] = [`st-${randomUUID()}`, `st-${randomUUID()}`];
      const foreign = randomUUID();
      await bindings.bind(other, foreign);
      const set = [foreign, ...Array.from({ length: 50 }, () => randomUUID())];
      expect(await bindings.replace(mine, set, SOURCE)).toEqual({ skipped: 1, dropped: [] });
      const rows = await audited();
      const written = () =>
        database.admin.query('SELECT xmin::text, xmax::text, s.* FROM sessions AS s ORDER BY id_hash');
      const before = (await written()).rows;
      proxy.takeRoundTrips();
      for (const again of [set, set.toReversed(), [...set, ...set]]) {
        expect(await bindings.replace(mine, again, SOURCE)).toEqual({ skipped: 1, dropped: [] });
        expect(proxy.takeRoundTrips()).toBe(1);
      }
      expect(await audited()).toEqual(rows);
      expect((await written()).rows).toEqual(before);
    } finally {
      await counted.close();
      await proxy.stop();
    }
  });

  test('a key that is registered, once its Astation binds a session, and again when it is forgotten', async () => {
    const store = new AstationStore(database.db);
    const bindings = new BindingStore(database.db);
    const id = `st-${randomUUID()}`;
    const key = new AstationKey().publicKeyHex;
    await store.registerOrVerify(id, key);
    await store.registerOrVerify(id, key);
    expect(await audited()).toEqual([]);
    const [session, another] = [randomUUID(), randomUUID()];
    await bindings.replace(id, [session], SOURCE);
    await bindings.bind(id, another, SOURCE);
    await store.forget(id);
    await expect(store.forget(id)).rejects.toThrow('No key');
    const about = { outcome: 'done', work_session_id: id };
    const from = { request_id: 'the-request', address: '192.0.2.7' };
    expect(await audited()).toEqual([
      row({ ...about, action: 'key_register', ...from }),
      row({ ...about, action: 'session_bind', session: fingerprintOf(session), ...from }),
      row({ ...about, action: 'session_bind', session: fingerprintOf(another), ...from }),
      row({ ...about, action: 'key_forget' }),
    ]);
  });

  test('a key whose Astation signs a grant', async () => {
    const { id, otp } = (
      await rest<{ id: string; otp: string }>('POST', `${server.url}/api/sessions`, {
        body: { hostname: 'h' },
      })
    ).body;
    const [astationId, key] = [`st-${randomUUID()}`, new AstationKey()];
    await new AstationStore(database.db).registerOrVerify(astationId, key.publicKeyHex);
    await rest('POST', `${server.url}/api/sessions/${id}/grant`, {
      body: key.grant({ id, otp, astationId }),
    });
    expect((await audited()).map(({ action }) => action).toSorted()).toEqual([
      'key_register',
      'session_grant',
    ]);
  });

  test('sessions that the operator makes and revokes', async () => {
    const session = await server.login('st-op');
    await server.sessions.revoke(session);
    await server.sessions.revoke(session);
    const about = { outcome: 'done', work_session_id: 'st-op', session: fingerprintOf(session) };
    expect(await audited()).toEqual([
      row({ ...about, action: 'session_create' }),
      row({ ...about, action: 'session_revoke' }),
    ]);
  });
});

describe('refusals at the edge', () => {
  test('refusals of a known caller are recorded, on REST and tRPC', async () => {
    const session = await server.login('st-edge');
    const ann = new RestVaults(server.url, { session, clientId: 'ann' });
    const { vault_id } = (await ann.create('')).body;
    begin = (await database.admin.query('SELECT max(id)::int AS last FROM audit_log')).rows[0].last;
    const url = `${server.url}/api/vault/${vault_id}?id=ann`;
    await rest('POST', url, { session, body: { text: 7 } });
    await rest('POST', url, { session, body: '{"broken' });
    await rest('POST', url, { session, body: { text: 'x'.repeat(70_000) } });
    await rest('POST', url, { session, body: 'text', headers: { 'content-type': 'text/plain' } });
    await fetch(`${server.url}/trpc/vault.append?id=ann`, {
      method: 'POST',
      headers: { authorization: `session ${session}`, 'content-type': 'application/json' },
      body: JSON.stringify({ vault_id, text: 7 }),
    });
    const about = {
      work_session_id: 'st-edge',
      client_id: 'ann',
      session: fingerprintOf(session),
      address: '127.0.0.1',
      request_id: expect.any(String),
    };
    expect(await audited()).toEqual([
      row({ ...about, vault_id, action: 'write', outcome: 'bad_request' }),
      row({ ...about, vault_id, action: 'write', outcome: 'bad_request' }),
      row({ ...about, vault_id, action: 'write', outcome: 'payload_too_large' }),
      row({ ...about, vault_id, action: 'write', outcome: 'unsupported_media_type' }),
      row({ ...about, action: 'append', outcome: 'bad_request' }),
    ]);
  });

  test('refusals of unknown callers leave no row, so that a flood fills no table', async () => {
    const url = `${server.url}/api/vault?id=ann`;
    await rest('GET', url, { session: randomUUID() });
    await rest('GET', url);
    await rest('POST', `${server.url}/api/sessions`, { body: {} });
    await rest('POST', `${server.url}/api/sessions/${randomUUID()}/grant`, { body: { otp: '1' } });
    await rest('POST', `${server.url}/api/sessions/${randomUUID()}/deny`, { body: {} });
    expect(await audited()).toEqual([]);
  });
});

describe('an action whose audit row cannot be written fails and changes nothing', () => {
  /** Runs work while the server may not insert into the audit log. */
  async function withoutAudit<T>(work: () => Promise<T>): Promise<T> {
    await database.admin.query('REVOKE INSERT ON audit_log FROM vault_relay_app');
    try {
      return await work();
    } finally {
      await database.admin.query('GRANT INSERT ON audit_log TO vault_relay_app');
    }
  }

  const TABLES = [
    'vaults',
    'vault_entries',
    'vault_write_keys',
    'vault_creation_keys',
    'vault_outside_reads',
    'sessions',
    'astations',
    'audit_log',
  ];
  const everything = async () => {
    const tables: unknown[] = [];
    for (const table of TABLES)
      tables.push((await database.admin.query(`SELECT * FROM ${table} ORDER BY 1`)).rows);
    return JSON.stringify(tables);
  };

  test('neither a write, nor a decision on a session, nor a binding', async () => {
    const session = await server.login('st-mute');
    const ann = new RestVaults(server.url, { session, clientId: 'ann' });
    const { vault_id } = (await ann.create('')).body;
    await ann.append(vault_id, 'one');
    const api = (path: string, body: object) => rest('POST', `${server.url}/api${path}`, { session, body });
    const { id, otp } = (await api('/sessions', { hostname: 'h' })).body as { id: string; otp: string };
    const before = await everything();
    await withoutAudit(async () => {
      const answers = await Promise.all([
        ann.create('another'),
        ann.append(vault_id, 'two'),
        ann.override(vault_id, 1, 'two'),
        ann.setSummary(vault_id, 'two'),
        api(`/sessions/${id}/grant`, { otp }),
        api(`/sessions/${id}/deny`, {}),
      ]);
      for (const { status } of answers) expect(status).toBeGreaterThanOrEqual(500);
      const bindings = new BindingStore(database.db);
      await expect(bindings.bind('st-mute', randomUUID())).rejects.toThrow();
      await expect(bindings.replace('st-mute', [])).rejects.toThrow();
      await expect(bindings.unbind('st-mute', session)).rejects.toThrow();
      await expect(server.sessions.revoke(session)).rejects.toThrow();
    });
    expect(await everything()).toBe(before);
    expect((await ann.append(vault_id, 'two')).status).toBe(200);
  });

  test('nor a read from another work session', async () => {
    const home = { session: await server.login('st-mute'), clientId: 'ann' };
    const away = { session: await server.login('st-mute-away'), clientId: 'ann' };
    const inside = new RestVaults(server.url, home);
    const { vault_id } = (await inside.create('')).body;
    await inside.append(vault_id, 'one');
    const outside = new RestVaults(server.url, away);
    expect(await withoutAudit(async () => (await outside.read(vault_id)).status)).toBeGreaterThanOrEqual(500);
    expect((await outside.read(vault_id)).status).toBe(200);
  });

  test('but a refusal stays one', async () => {
    const session = await server.login('st-mute');
    await withoutAudit(async () => {
      const url = `${server.url}/api/vault?id=ann`;
      expect((await rest('POST', url, { session, body: { summary: 7 } })).status).toBe(400);
    });
  });
});

describe('calls of one request of tRPC that are refused at the edge', () => {
  const CALLS = ['vault.append', 'vault.append', 'vault.setSummary'];
  const BODY = JSON.stringify({ 0: { vault_id: 'v-0', text: 1 }, 1: {}, 2: { text: 'a' } });

  /** Sends a batch. @returns the answer, unread */
  const send = (session: string, headers: Record<string, string>, init: RequestInit = {}) =>
    fetch(`${server.url}/trpc/${CALLS.join(',')}?batch=1&id=ann`, {
      method: 'POST',
      headers: { authorization: `session ${session}`, 'content-type': 'application/json', ...headers },
      body: BODY,
      ...init,
    });

  test.each<[string, Record<string, string>]>([
    ['one answer', {}],
    ['a stream, by trpc-accept', { 'trpc-accept': 'application/jsonl' }],
    ['a stream, by accept', { accept: 'application/json, application/jsonl' }],
  ])('are each kept before the answer ends: %s', async (_, headers) => {
    const session = await server.login('st-stream');
    const text = await (await send(session, headers)).text();
    // The rows are there as soon as the answer has ended.
    const rows = (await audited()).filter(({ client_id }) => client_id === 'ann');
    expect(rows.map(({ action, outcome }) => `${action} ${outcome}`).toSorted()).toEqual([
      'append bad_request',
      'append bad_request',
      'set_summary bad_request',
    ]);
    expect(text).toContain('Field text');
  });

  test('refusals are recorded when the reader of a stream disconnects', async () => {
    const session = await server.login('st-stream');
    const ann = new RestVaults(server.url, { session, clientId: 'ann' });
    const { vault_id } = (await ann.create('')).body;
    begin = (await database.admin.query('SELECT max(id)::int AS last FROM audit_log')).rows[0].last;
    const leaving = new AbortController();
    // The first call waits for something to be written, the second is refused at once.
    const input = { 0: { vault_id, wait: 25 }, 1: {} };
    const answer = await fetch(
      `${server.url}/trpc/vault.read,vault.read?batch=1&id=ann&input=${encodeURIComponent(JSON.stringify(input))}`,
      {
        headers: { authorization: `session ${session}`, 'trpc-accept': 'application/jsonl' },
        signal: leaving.signal,
      },
    );
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('Field vault_id')) text += (await reader?.read())?.value ?? '';
    leaving.abort();
    await expect
      .poll(async () => (await audited()).map(({ action, outcome }) => `${action} ${outcome}`))
      .toEqual(['read bad_request']);
  });

  test('count once for the metrics, a subscription too', async () => {
    const metricsToken = 'a-token-for-prometheus';
    await withRelayServer({ databaseUrl: database.url, config: { metricsToken } }, async ({ url }) => {
      const session = await server.login('st-stream');
      const headers = { authorization: `session ${session}` };
      for (const path of ['vault.watch?id=ann', 'vault.watch,vault.watch?batch=1&id=ann']) {
        await (await fetch(`${url}/trpc/${path}`, { headers })).text();
      }
      await (
        await fetch(`${url}/trpc/vault.read,vault.read?batch=1&id=ann`, {
          headers: { ...headers, 'trpc-accept': 'application/jsonl' },
        })
      ).text();
      const text = await (
        await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${metricsToken}` } })
      ).text();
      expect(readValue(parseExposition(text), 'vault_relay_refusals_total', { cause: 'BAD_REQUEST' })).toBe(
        5,
      );
    });
  });
});
