import { expect, test } from 'vitest';
import { createVaultRelayClient } from '../../src/client/index.ts';
import { useDatabase } from '../support/database.ts';
import { runHere } from '../support/process.ts';
import { useServer } from '../support/server.ts';

const database = useDatabase();
const server = useServer(database);
const vr = (...args: string[]) => runHere(args, { DATABASE_URL: database.url });
const indexed = async () => {
  const { rows } = await database.admin.query(
    'SELECT coalesce(sum(rows), 0)::int AS rows FROM search_segments',
  );
  return rows[0]?.rows;
};

test('reindex removes the index, searches stay exact, and a server builds it again', async () => {
  const made = await vr(
    'key',
    'create',
    '--astation',
    'st',
    '--name',
    'a',
    '--client-id',
    'ci',
    '--scope',
    'read,create,write',
    '--json',
  );
  const { key } = JSON.parse(made.stdout);
  const { search, vault } = createVaultRelayClient({ url: server.url, session: key });
  const { vault_id: id } = await vault.create.mutate({ summary: 'large' });
  // Enough bytes for a segment. The indexer looks at a work session after 256 writes.
  const padding = 'x'.repeat(2100);
  const append = (count: number) =>
    Promise.all(
      Array.from({ length: count }, (_, n) =>
        vault.append.mutate({ vault_id: id, text: `needle ${n} ${padding}` }),
      ),
    );
  const found = async () => (await search.query({ q: 'needle', limit: 100 })).hits.length;
  await append(256);
  // Two segments of 125 rows, so that none follows.
  await expect.poll(indexed, { timeout: 10_000 }).toBeGreaterThan(200);
  const before = await indexed();

  const { stdout, stderr, code } = await vr('search', 'reindex', '--json');
  expect({ code, stderr, stdout }).toEqual({ code: 0, stderr: '', stdout: `{"rows":${before}}\n` });
  expect(await found()).toBe(100);

  await append(256);
  await expect.poll(indexed, { timeout: 10_000 }).toBeGreaterThan(before);
  expect(await found()).toBe(100);
});
