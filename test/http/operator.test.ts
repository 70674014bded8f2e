import { createTRPCClient, httpBatchLink, httpSubscriptionLink, splitLink } from '@trpc/client';
import { EventSource } from 'eventsource';
import { describe, expect, test } from 'vitest';
import { createVaultRelayClient } from '../../src/client/index.ts';
import type { AppRouter } from '../../src/router.ts';
import { trpcRefusal } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';
import { openAstation, openAtem } from '../support/sockets.ts';

const TOKEN = 'operator-token-of-the-tests-0123456789';

/** A client that sends what it is told, as the dashboard does. */
function clientWith(url: string, authorization: string) {
  const fetchAs = (input: string | URL | Request, init?: RequestInit) =>
    fetch(input, { ...init, headers: { ...init?.headers, authorization } });
  return createTRPCClient<AppRouter>({
    links: [
      splitLink({
        condition: ({ type }) => type === 'subscription',
        true: httpSubscriptionLink({
          url: `${url}/trpc`,
          EventSource,
          eventSourceOptions: { fetch: fetchAs as never },
        }),
        false: httpBatchLink({ url: `${url}/trpc`, headers: { authorization } }),
      }),
    ],
  });
}

describe('an operator', () => {
  const database = useDatabase();
  const server = useServer(database, { dashboardToken: TOKEN });
  const operator = () => clientWith(server.url, `dashboard ${TOKEN}`);
  const get = async (path: string) => {
    const response = await fetch(`${server.url}${path}`, {
      headers: { authorization: `Dashboard ${TOKEN}` },
    });
    return { status: response.status, body: (await response.json()) as unknown };
  };

  /** A vault of a work session of its own, with an entry. */
  const makeVault = async (astationId: string) => {
    const session = await server.login(astationId);
    const client = createVaultRelayClient({ url: server.url, session, clientId: 'agent-a' });
    const { vault_id } = await client.vault.create.mutate({ summary: `of ${astationId}` });
    await client.vault.append.mutate({ vault_id, text: 'hello' });
    return { client, vault_id, session };
  };

  test('reads the vaults of all work sessions, on both surfaces', async () => {
    const [one, two] = [await makeVault('ast-one'), await makeVault('ast-two')];
    const { vault } = operator();
    const ids = (vaults: { vault_id: string }[]) => vaults.map(({ vault_id }) => vault_id);
    const both = expect.arrayContaining([one.vault_id, two.vault_id]);
    expect(ids(await vault.list.query())).toEqual(both);
    expect(ids((await get('/api/vault')).body as { vault_id: string }[])).toEqual(both);
    expect(ids((await vault.listPage.query({ details: true, limit: 100 })).vaults)).toEqual(both);
    expect(ids(await vault.list.query({ q: 'of ast-two' }))).toEqual([two.vault_id]);

    for (const { vault_id, client } of [one, two]) {
      const entries = await client.vault.read.query({ vault_id });
      expect(await vault.read.query({ vault_id })).toEqual(entries);
      expect((await get(`/api/vault/${vault_id}`)).body).toEqual(entries);
      const history = { vault_id, history: true, kind: 'all' } as const;
      expect(await vault.readPage.query(history)).toEqual(await client.vault.readPage.query(history));
      const since = { vault_id, since: 1 };
      expect(await vault.read.query(since)).toEqual(await client.vault.read.query(since));
      expect(await vault.proof.query({ vault_id })).toEqual(await client.vault.proof.query({ vault_id }));
      expect((await get(`/api/vault/${vault_id}/meta`)).body).toEqual(
        await client.vault.meta.query({ vault_id }),
      );
      // Nothing of it counts as a read of a past writer; the audit log has each.
      expect((await vault.meta.query({ vault_id })).outside_reads).toEqual([]);
      const { rows } = await database.admin.query(
        `SELECT action, outcome, work_session_id, client_id, session, address FROM audit_log
         WHERE vault_id = $1 AND outcome = 'operator' ORDER BY id`,
        [vault_id],
      );
      const actions = ['read', 'read', 'read', 'read', 'proof', 'meta', 'meta'];
      const nobody = { work_session_id: null, client_id: null, session: null };
      expect(rows).toEqual(
        actions.map((action) => ({ action, outcome: 'operator', ...nobody, address: '127.0.0.1' })),
      );
    }
    expect(await trpcRefusal(vault.read.query({ vault_id: 'v-none' }))).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('follows all of them', async () => {
    const [one, two] = [await makeVault('ast-one'), await makeVault('ast-two')];
    const { vault } = operator();
    const changed: string[] = [];
    const seen: string[] = [];
    let changes: { unsubscribe: () => void } | undefined;
    await new Promise<void>((resolve) => {
      const onData = ({ vault_id }: { vault_id: string }) => changed.push(vault_id);
      changes = vault.changes.subscribe(undefined, { onStarted: () => resolve(), onData });
    });
    const watch = vault.watch.subscribe(
      { vault_id: two.vault_id },
      { onData: ({ data }) => seen.push(data.content) },
    );
    await one.client.vault.append.mutate({ vault_id: one.vault_id, text: 'more' });
    await two.client.vault.append.mutate({ vault_id: two.vault_id, text: 'more' });
    await expect.poll(() => seen).toEqual(['hello', 'more']);
    await expect.poll(() => new Set(changed)).toEqual(new Set([one.vault_id, two.vault_id]));
    changes?.unsubscribe();
    watch.unsubscribe();
  });

  test('changes nothing, on either surface', async () => {
    const { vault_id, client } = await makeVault('ast-one');
    const before = await client.vault.meta.query({ vault_id });
    const { vault } = operator();
    const message =
      'An operator reads every vault and changes none; call with a session to write or to search.';
    for (const write of [
      () => vault.create.mutate({ summary: 'x' }),
      () => vault.write.mutate({ vault_id, text: 'x' }),
      () => vault.append.mutate({ vault_id, text: 'x' }),
      () => vault.override.mutate({ vault_id, entry_id: 1, text: 'x' }),
      () => vault.setSummary.mutate({ vault_id, text: 'x' }),
      () => vault.removeWriter.mutate({ vault_id, client_id: 'agent-a' }),
    ]) {
      expect(await trpcRefusal(write())).toEqual({ code: 'FORBIDDEN', status: 403, message });
    }
    for (const [method, path, body] of [
      ['POST', '/api/vault', {}],
      ['POST', `/api/vault/${vault_id}`, { text: 'x' }],
      ['POST', `/api/vault/${vault_id}/summary`, { text: 'x' }],
      ['DELETE', `/api/vault/${vault_id}/writers/agent-a`, undefined],
    ] as const) {
      // With a client id as well: it makes nobody of an operator.
      const response = await fetch(`${server.url}${path}?id=agent-a`, {
        method,
        headers: {
          authorization: `dashboard ${TOKEN}`,
          ...(body && { 'content-type': 'application/json' }),
        },
        ...(body && { body: JSON.stringify(body) }),
      });
      expect(response.status).toBe(403);
      expect(await response.json()).toEqual({ error: message, code: 'FORBIDDEN' });
    }
    expect(await client.vault.meta.query({ vault_id })).toEqual(before);
  });

  test('sees how the server is', async () => {
    await makeVault('ast-status');
    await server.login('ast-status');
    await server.sessions.revoke(await server.login('ast-status'));
    const astation = await openAstation(server.url, 'ast-room');
    const atem = await openAtem(server.url, 'ast-room', 'build-mac');
    const { operator: procedures } = operator();
    await expect.poll(async () => (await procedures.status.query()).sockets.atems).toBe(1);
    const status = await procedures.status.query();
    expect(status).toMatchObject({ version: 'test' });
    expect(status.sockets).toEqual({ atems: 1, astations: 1 });
    expect(status.uptime_seconds).toBeGreaterThan(0);
    // A server indexes when there are 2,048 rows; the tables have pages of PostgreSQL before that.
    expect(status.search_index).toEqual({ waiting: 0, lag_seconds: 0, bytes: expect.any(Number) });
    expect(status.work_sessions).toContainEqual({ work_session_id: 'ast-status', sessions: 2 });
    await atem.leave();
    await astation.leave();
  });

  test('a session is not an operator: it cannot read the server status', async () => {
    const { session } = await makeVault('ast-one');
    const call = clientWith(server.url, `session ${session}`).operator.status.query();
    // A client id is missing, which is found out first.
    expect(await trpcRefusal(call)).toMatchObject({ code: 'BAD_REQUEST' });
    const withId = createTRPCClient<AppRouter>({
      links: [
        httpBatchLink({
          url: `${server.url}/trpc?id=agent-a`,
          headers: { authorization: `session ${session}` },
        }),
      ],
    });
    expect(await trpcRefusal(withId.operator.status.query())).toMatchObject({ code: 'FORBIDDEN' });
  });

  test('is refused with another token', async () => {
    for (const token of [`${TOKEN}x`, TOKEN.slice(1), 'x']) {
      const call = clientWith(server.url, `dashboard ${token}`).vault.list.query();
      expect(await trpcRefusal(call)).toMatchObject({
        code: 'UNAUTHORIZED',
        message: 'This operator token is not accepted.',
      });
    }
  });
});

describe('without DASHBOARD_TOKEN', () => {
  const server = useServer(useDatabase());

  test('without a token there is not any operator', async () => {
    for (const token of [TOKEN, 'undefined', 'null']) {
      const call = clientWith(server.url, `dashboard ${token}`).vault.list.query();
      expect(await trpcRefusal(call)).toMatchObject({ code: 'UNAUTHORIZED' });
    }
  });
});
