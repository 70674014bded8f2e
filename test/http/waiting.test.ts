import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createVaultRelayClient } from '../../src/client/index.ts';
import type { VaultEntry } from '../../src/vault/schema.ts';
import { RestVaults, rest } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { withRelayServer } from '../support/relay-server.ts';
import { useServer } from '../support/server.ts';
import { useProxiedDatabase } from '../support/tcp-proxy.ts';

const database = useDatabase();
const proxied = useProxiedDatabase(database);
const server = useServer(database, { databasePoolSize: 2, maxConnectionsPerAddress: 10_000 });

let session: string;
let vaults: RestVaults;
let vaultId: string;
let head: number;

beforeAll(async () => {
  session = await server.login('st-1');
  vaults = new RestVaults(server.url, { session, clientId: 'ann' });
});

afterEach(() => expect.poll(() => server.vaults.followers.waiters.size).toBe(0));

/** Each test has a vault with one entry. */
beforeEach(async () => {
  vaultId = (await vaults.create('waiting')).body.vault_id;
  head = (await vaults.append(vaultId, 'first')).body.seq;
});

const waiting = (n: number) =>
  expect.poll(() => server.vaults.followers.waiters.size, { timeout: 30_000 }).toBe(n);

/** Reads with `wait`, and says how long that took. */
async function wait(query: string, as = vaults) {
  const began = performance.now();
  const answer = await as.read(vaultId, query);
  return { ...answer, ms: performance.now() - began };
}
const contents = ({ body }: { body: VaultEntry[] }) => body.map((entry) => entry.content);

/** Less than the wait of a read, so that one that sleeps through its news fails. */
const SOONER = { timeout: 20_000 };

describe('a read that waits', () => {
  test('may be each call of a batch, without a warning of too many listeners', async () => {
    const warnings: string[] = [];
    const keep = ({ message }: Error) => void warnings.push(message);
    process.on('warning', keep);
    const input = Object.fromEntries(
      Array.from({ length: 20 }, (_, n) => [n, { vault_id: vaultId, since: head, wait: 1 }]),
    );
    const calls = Array.from({ length: 20 }, () => 'vault.read').join(',');
    const url = `${server.url}/trpc/${calls}?batch=1&id=ann&input=${encodeURIComponent(JSON.stringify(input))}`;
    const answer = await fetch(url, { headers: { authorization: `session ${session}` } });
    process.off('warning', keep);
    expect(answer.status).toBe(200);
    expect(warnings).toEqual([]);
  });

  test('answers at once when there are rows', SOONER, async () => {
    const answer = await wait('&since=0&wait=25');
    expect(contents(answer)).toEqual(['first']);
  });

  test('answers without rows after the time-out, with a valid next since', async () => {
    const answer = await wait(`&since=${head}&wait=1`);
    expect(answer.body).toEqual([]);
    expect(answer.headers.get('x-vault-head')).toBe(String(head));
    expect(answer.ms).toBeGreaterThanOrEqual(1000);
  });

  test.each(['0', '26', '-1', '1.5', 'x', ''])('is refused for wait=%s', async (seconds) => {
    expect(await vaults.read(vaultId, `&wait=${seconds}`)).toMatchObject({ status: 400 });
  });

  test('answers as soon as there is a row, on tRPC too', SOONER, async () => {
    const { vault } = createVaultRelayClient({ url: server.url, session, clientId: 'ann' });
    const both = Promise.all([
      wait(`&since=${head}&wait=25`),
      vault.readPage.query({ vault_id: vaultId, since: head, wait: 25 }),
    ]);
    await waiting(2);
    const { seq } = (await vaults.append(vaultId, 'second')).body;
    const [onRest, onTrpc] = await both;
    expect(contents(onRest)).toEqual(['second']);
    expect(onRest.headers.get('x-vault-head')).toBe(String(seq));
    expect(onTrpc).toMatchObject({ entries: [{ content: 'second' }], head: seq });
  });

  test('keeps waiting for rows that it may not show', async () => {
    const queries = {
      content: '',
      history: '&history=true',
      summary: '&kind=summary',
      text: '&q=NEEDLE',
      writer: '&writer=bob',
      tag: '&tag=plan',
      entry: '&entry_id=1&history=true',
    };
    const answers = Object.fromEntries(
      Object.entries(queries).map(([name, query]) => [name, wait(`&since=${head}&wait=25${query}`)]),
    );
    await waiting(7);
    await vaults.setSummary(vaultId, 'described');
    expect(contents(await (answers.summary as ReturnType<typeof wait>))).toEqual(['described']);
    await waiting(6);
    await vaults.append(vaultId, 'hay');
    expect(contents(await (answers.content as ReturnType<typeof wait>))).toEqual(['hay']);
    expect(contents(await (answers.history as ReturnType<typeof wait>))).toEqual(['hay']);
    await waiting(4);
    await new RestVaults(server.url, { session, clientId: 'bob' }).append(vaultId, 'more hay');
    expect(contents(await (answers.writer as ReturnType<typeof wait>))).toEqual(['more hay']);
    await waiting(3);
    await vaults.append(vaultId, 'a needle');
    expect(contents(await (answers.text as ReturnType<typeof wait>))).toEqual(['a needle']);
    await waiting(2);
    const body = { text: 'tagged', tags: ['plan'] };
    await rest('POST', `${server.url}/api/vault/${vaultId}?id=ann`, { session, body });
    expect(contents(await (answers.tag as ReturnType<typeof wait>))).toEqual(['tagged']);
    await waiting(1);
    await vaults.override(vaultId, 1, 'of the entry');
    expect(contents(await (answers.entry as ReturnType<typeof wait>))).toEqual(['of the entry']);
  });

  test('is not woken by another vault', async () => {
    const { seq } = (await vaults.append(vaultId, 'the last')).body;
    const answer = wait(`&since=${seq}&wait=1`);
    await waiting(1);
    const other = (await vaults.create('another')).body.vault_id;
    await vaults.append(other, 'elsewhere');
    expect((await answer).body).toEqual([]);
  });

  test('answers HEAD in the same way, without a body', async () => {
    const { seq } = (await vaults.append(vaultId, 'before')).body;
    const address = `${server.url}/api/vault/${vaultId}?id=ann&since=${seq}&wait=25`;
    const answer = fetch(address, { method: 'HEAD', headers: { authorization: `session ${session}` } });
    await waiting(1);
    const written = (await vaults.append(vaultId, 'after')).body;
    const { status, headers } = await answer;
    expect(status).toBe(200);
    expect(headers.get('x-vault-head')).toBe(String(written.seq));
    expect(await (await answer).text()).toBe('');
  });

  test('is forgotten when its client leaves', async () => {
    const { seq } = (await vaults.append(vaultId, 'before')).body;
    const leaving = new AbortController();
    const answer = fetch(`${server.url}/api/vault/${vaultId}?id=ann&since=${seq}&wait=25`, {
      headers: { authorization: `session ${session}` },
      signal: leaving.signal,
    });
    await waiting(1);
    leaving.abort();
    await expect(answer).rejects.toThrow();
    await waiting(0);
  });
});

describe('while a read waits', () => {
  test('its session is revoked: 401, at once', async () => {
    const mine = await server.login('st-1');
    const answer = wait(
      `&since=${head}&wait=25`,
      new RestVaults(server.url, { session: mine, clientId: 'ann' }),
    );
    await waiting(1);
    await server.sessions.revoke(mine);
    expect(await answer).toMatchObject({
      status: 401,
      body: {
        code: 'UNAUTHORIZED',
        error: 'This session, key or sign-in ended while the request was waiting.',
      },
    });
  });

  test('a past writer is removed while it waits: 403 instead of the new rows', async () => {
    await new RestVaults(server.url, { session, clientId: 'roamer' }).append(vaultId, 'by roamer');
    const away = new RestVaults(server.url, { session: await server.login('st-2'), clientId: 'roamer' });
    const answer = wait('&since=999999&wait=25', away);
    await waiting(1);
    const removed = await rest('DELETE', `${server.url}/api/vault/${vaultId}/writers/roamer?id=ann`, {
      session,
    });
    expect(removed.body).toEqual({ removed: true });
    await vaults.append(vaultId, 'not for roamer');
    expect(await answer).toMatchObject({ status: 403 });
  });

  test('the server stops: an empty answer', async () => {
    const took = await withRelayServer({ databaseUrl: database.url, replicas: 1 }, async ({ one }) => {
      const { url, services, stop } = one;
      const answer = wait(`&since=${head}&wait=25`, new RestVaults(url, { session, clientId: 'ann' }));
      await expect.poll(() => services.vaults.followers.waiters.size).toBe(1);
      await Promise.all([stop(), answer]);
      return answer;
    });
    expect(took).toMatchObject({ status: 200, body: [] });
  });

  test('the database is unreachable for a while and another server writes: the wait reads again', async () => {
    const options = { databaseUrl: proxied.url, replicas: 1, config: { databasePoolSize: 1 } };
    await withRelayServer(options, async ({ one: { url, services } }) => {
      const ann = new RestVaults(url, { session, clientId: 'ann' });
      const answer = wait(`&since=${head}&wait=25`, ann);
      await expect.poll(() => services.vaults.followers.waiters.size).toBe(1);
      // It has looked once, because heads are asked for one statement after the other.
      await ann.read(vaultId, `&since=${head}`);
      proxied.proxy.refuse();
      await proxied.proxy.nextConnection();
      // By another server, which this one cannot hear of.
      await vaults.append(vaultId, 'meanwhile');
      proxied.proxy.heal();
      expect(contents(await answer)).toEqual(['meanwhile']);
    });
  });
});

describe('on one server', () => {
  const sockets: Socket[] = [];
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  /** Asks over a socket of its own. @returns what is answered, once it has the text */
  async function ask(path: string, text: string): Promise<string> {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    sockets.push(socket);
    socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: session ${session}\r\n\r\n`);
    let answer = '';
    for (;;) {
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      answer += chunk;
      if (answer.includes(text)) return answer;
    }
  }

  // A read waits 25 seconds at most, in which a busy machine cannot even be asked by thousands.
  test.each([
    ['200 reads that wait', 200, () => `/api/vault/${vaultId}?id=ann&since=${head}&wait=25`],
    [
      '200 followers',
      200,
      () =>
        `/trpc/vault.watch?id=ann&input=${encodeURIComponent(JSON.stringify({ vault_id: vaultId, since: head }))}`,
    ],
  ])(
    '%s hold no connection of the database, and one commit answers all',
    { timeout: 240_000 },
    async (_, count, path) => {
      const answers: Promise<string>[] = [];
      while (answers.length < count) {
        // As many as the listening socket queues.
        answers.push(...Array.from({ length: 250 }, () => ask(path(), '"for all"')));
        await waiting(answers.length);
      }
      const { rows } = await database.admin.query(
        `SELECT count(*)::int AS connections, count(*) FILTER (WHERE state <> 'idle')::int AS busy
       FROM pg_stat_activity WHERE application_name = 'vault-relay' AND datname = current_database()`,
      );
      expect(rows[0].busy).toBe(0);
      // Those of the server and of the tests' own look at the database.
      expect(rows[0].connections).toBeLessThanOrEqual(2 + 10);
      const { seq } = (await vaults.append(vaultId, 'for all')).body;
      for (const answer of await Promise.all(answers)) {
        expect(answer.startsWith('HTTP/1.1 200 OK\r\n')).toBe(true);
        expect(answer).toMatch(new RegExp(`\\{"seq" ?: ?${seq}, ?"entry_no" ?: ?2,`));
      }
    },
  );
});
