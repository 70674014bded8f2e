import { TRPCClientError } from '@trpc/client';
import { beforeAll, describe, expect, expectTypeOf, test } from 'vitest';
import { createVaultRelayClient } from '../../src/client/index.ts';
import type { VaultEntry } from '../../src/vault/schema.ts';
import { useDatabase } from '../support/database.ts';
import { checkedFetch } from '../support/document.ts';
import { useServer } from '../support/server.ts';

const database = useDatabase();
const server = useServer(database);

let session: string;
beforeAll(async () => {
  session = await server.login('st-1');
});

/** A client, and the addresses that it asked. */
function makeClient(options: { url?: string; session?: string; clientId?: string } = {}) {
  const asked: string[] = [];
  const client = createVaultRelayClient({
    url: server.url,
    session,
    clientId: 'a',
    ...options,
    fetch: (input, init) => {
      asked.push(String(input));
      return checkedFetch(input, init);
    },
  });
  return { client, asked };
}

test('accepts an address with or without slashes at its end', async () => {
  for (const slashes of ['', '/', '//']) {
    const { client, asked } = makeClient({ url: server.url + slashes });
    expect(await client.vault.list.query()).toEqual([]);
    expect(asked).toEqual([expect.stringContaining(`${server.url}/trpc/vault.list?`)]);
  }
});

test('uses the global fetch by default', async () => {
  const client = createVaultRelayClient({ url: server.url, session, clientId: 'a' });
  expect(await client.vault.list.query()).toEqual([]);
});

test.each(['a b/c', '团队-mac', 'a&b=c?d#e+f%20g', '👩🏽‍💻', ' a '])(
  'sends any client id unchanged: %j',
  async (clientId) => {
    const { vault } = makeClient({ clientId }).client;
    const { vault_id } = await vault.create.mutate({ summary: clientId });
    await vault.append.mutate({ vault_id, text: 'first' });
    const entries = await vault.read.query({ vault_id, since: 0, history: true });
    expectTypeOf(entries).toEqualTypeOf<VaultEntry[]>();
    expect(entries.map((entry) => entry.writer_id)).toEqual([clientId]);
  },
);

test('batches concurrent calls, up to the limit of the server', async () => {
  const { client, asked } = makeClient();
  const created = await Promise.all(
    Array.from({ length: 50 }, (_, i) => client.vault.create.mutate({ summary: String(i) })),
  );
  expect(new Set(created.map(({ vault_id }) => vault_id)).size).toBe(50);
  expect(asked.map((url) => new URL(url).pathname.split(',').length)).toEqual([20, 20, 10]);
});

test.each([10, 40])(
  'C5: sends no batch that the server refuses for its size: %i large writes at once',
  async (count) => {
    const { client } = makeClient();
    const { vault_id } = await client.vault.create.mutate({ summary: 'large' });
    const texts = Array.from({ length: count }, (_, i) => `${i} ${'"'.repeat(59_000)}`);
    await Promise.all(texts.map((text) => client.vault.append.mutate({ vault_id, text })));
    const entries = await client.vault.read.query({ vault_id });
    expect(new Set(entries.map(({ content }) => content))).toEqual(new Set(texts));
  },
);

describe('C5: a server with the smallest limits', () => {
  const small = useServer(database, { limits: { textBytes: 300, summaryBytes: 1, clientIdCharacters: 128 } });

  test.each([20, 100, 190, 250, 300])('takes 40 writes of %i bytes at once', async (bytes) => {
    const client = createVaultRelayClient({ url: small.url, session, clientId: 'a', fetch: checkedFetch });
    const { vault_id } = await client.vault.create.mutate({ summary: '' });
    const write = () => client.vault.append.mutate({ vault_id, text: '"'.repeat(bytes) });
    await Promise.all(Array.from({ length: 40 }, write));
    expect(await client.vault.read.query({ vault_id })).toHaveLength(40);
  });
});

test.each([{ wait: 25 }, { wait: 25, history: true }])(
  'C5: a waiting read delays no concurrent call: %j',
  async (options) => {
    const { client } = makeClient();
    const { vault_id } = await client.vault.create.mutate({ summary: 'waiting' });
    const waiting = client.vault.read.query({ vault_id, ...options });
    const others = await Promise.all([
      client.vault.meta.query({ vault_id }),
      client.vault.readPage.query({ vault_id }),
      client.vault.list.query(),
    ]);
    expect(others).toHaveLength(3);
    // Only now is there something to wait for: the others did not wait for it.
    await client.vault.append.mutate({ vault_id, text: 'at last' });
    expect(await waiting).toMatchObject([{ content: 'at last' }]);
  },
);

test('sends queries whose addresses would grow too long apart', async () => {
  const { client, asked } = makeClient();
  const vault_id = '🦀'.repeat(128);
  const reads = await Promise.allSettled(
    Array.from({ length: 20 }, () => client.vault.read.query({ vault_id })),
  );
  expect(reads.map((read) => read.status === 'rejected' && read.reason.data.code)).toEqual(
    Array(20).fill('NOT_FOUND'),
  );
  expect(asked.length).toBeGreaterThan(1);
});

test('rejects with the sentence and the code of a refusal', async () => {
  const { client } = makeClient({ session: 'unknown' });
  const refused = await client.vault.list.query().catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(TRPCClientError);
  expect(refused).toMatchObject({
    message: 'This session is unknown, expired, denied, revoked, or not bound to an Astation.',
    data: { code: 'UNAUTHORIZED', httpStatus: 401 },
  });
});
