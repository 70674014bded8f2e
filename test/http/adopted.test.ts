import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { buildApp } from '../../src/app.ts';
import { createVaultRelayClient } from '../../src/client/index.ts';
import { readProof, verifyProof } from '../../src/client/proof.ts';
import { readConfig } from '../../src/config.ts';
import { migrate } from '../../src/db/migrate.ts';
import { openServices } from '../../src/services.ts';
import { rest } from '../support/client.ts';
import { silent, withClient, withEmptyDatabase } from '../support/database.ts';
import { TEST_SETTINGS } from '../support/relay-server.ts';

const DUMP = await readFile('test/fixtures/relay-of-2026-05-29.sql', 'utf8');

/** Entries that nobody appended, 0 among them, and a version that follows a higher one. */
const ODD_ROWS = `
  INSERT INTO public.vaults (vault_id, summary, work_session_id, created_by) VALUES ('v-odd', 'made', 'st', 'ann');
  INSERT INTO public.vault_entries (vault_id, entry_no, version, kind, writer_id, content) VALUES
    ('v-odd', 3, 1, 'content', 'ann', 'ghost'), ('v-odd', 0, 1, 'content', 'ann', 'zero'),
    ('v-odd', 1, 2, 'content', 'ann', 'second'),
    ('v-odd', 1, 1, 'content', 'ann', 'first'), ('v-odd', 2147483647, 1, 'content', 'ann', 'last');`;

const SESSION = 'a-session-that-the-other-server-bound';
const BINDING = `
  CREATE TABLE public.session_bindings (
    session_id TEXT PRIMARY KEY, astation_id TEXT NOT NULL, created_at BIGINT NOT NULL, last_used_at BIGINT NOT NULL);
  INSERT INTO public.session_bindings VALUES ('${SESSION}', 'st', extract(epoch FROM now()), extract(epoch FROM now()));`;

test('E2, E6: an adopted session reads every adopted entry on each surface, proves them, and writes on', async () => {
  await withEmptyDatabase(async (databaseUrl) => {
    await withClient(databaseUrl, (client) => client.query(`${DUMP}${ODD_ROWS}${BINDING}`));
    await migrate(databaseUrl);
    const config = readConfig(TEST_SETTINGS);
    const services = await openServices({ config, databaseUrl, log: silent });
    const app = await buildApp({ config, services, log: silent, version: 'test' });
    try {
      const url = await app.listen({ host: '127.0.0.1', port: 0 });
      const client = createVaultRelayClient({ url, session: SESSION, clientId: 'ann' });
      const vault = { vault_id: 'v-odd' };
      const get = (query: string) =>
        rest<{ entry_no: number; version: number }[]>('GET', `${url}/api/vault/v-odd?id=ann${query}`, {
          session: SESSION,
        });
      const current = await get('');
      expect(current).toMatchObject({ status: 200 });
      expect(current.body.map(({ entry_no, version }) => [entry_no, version])).toEqual([
        [0, 1],
        [1, 2],
        [3, 1],
        [2_147_483_647, 1],
      ]);
      expect((await get('&history=true&kind=all')).body).toHaveLength(6);
      // By `seq`, also where a version follows a higher one; entry 0 has versions of both kinds.
      for (const [query, versions] of [
        ['entry_id=1&history=true', [2, 1]],
        ['entry_id=1', [2]],
        ['entry_id=2147483647&history=true', [1]],
        ['entry_id=2&history=true', []],
        ['entry_id=4294967295', []],
        ['entry_id=0', [1]],
        ['entry_id=0&history=true', [1]],
        ['entry_id=0&history=true&kind=all', [1, 2]],
      ] as const) {
        expect({ query, versions: (await get(`&${query}`)).body.map(({ version }) => version) }).toEqual({
          query,
          versions,
        });
      }
      const first = await client.vault.readPage.query({ ...vault, entry_id: 1, history: true, limit: 1 });
      const second = await client.vault.readPage.query({
        ...vault,
        entry_id: 1,
        history: true,
        limit: 1,
        cursor: first.next_cursor ?? '',
      });
      expect([...first.entries, ...second.entries].map(({ version }) => version)).toEqual([2, 1]);
      const entries = await client.vault.read.query(vault);
      expect(entries).toEqual(current.body);
      const page = await client.vault.readPage.query({ ...vault, limit: 3 });
      const rest_ = await client.vault.readPage.query({ ...vault, limit: 3, cursor: page.next_cursor ?? '' });
      expect([...page.entries, ...rest_.entries]).toEqual(entries);
      const proof = await client.vault.proof.query(vault);
      const pages = readProof((since) => client.vault.proof.query({ ...vault, since }));
      await verifyProof({ pages, head: proof.head, entries });
      await expect(
        verifyProof({
          pages: proof,
          head: proof.head,
          entries: entries.filter(({ entry_no }) => entry_no !== 1),
        }),
      ).rejects.toThrow('The entries do not contain row');
      expect(await client.vault.append.mutate({ ...vault, text: 'on' })).toMatchObject({ entry_no: 4 });
    } finally {
      await app.close();
      await services.close();
    }
  });
});
