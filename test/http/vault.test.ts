import { expect, test } from 'vitest';
import { RestVaults, rest } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';

const database = useDatabase();
const server = useServer(database);

test('two atems of one Astation hand over, a third of another is refused', async () => {
  const a = new RestVaults(server.url, { session: await server.login('st-1'), clientId: 'atem a/1' });
  const b = new RestVaults(server.url, { session: await server.login('st-1'), clientId: 'atem-b' });
  const c = new RestVaults(server.url, { session: await server.login('st-2'), clientId: 'atem-c' });

  const created = await a.create('auth refactor');
  expect(created.status).toBe(200);
  const vaultId = created.body.vault_id;
  expect(vaultId).toMatch(/^v-[0-9A-Za-z]{10}$/);

  const first = await a.append(vaultId, 'decided: JWT in a cookie');
  expect(first.body).toEqual({ entry_no: 1, version: 1, seq: expect.any(Number) });
  expect((await b.read(vaultId)).body).toEqual([
    {
      seq: first.body.seq,
      entry_no: 1,
      version: 1,
      kind: 'content',
      writer_id: 'atem a/1',
      content: 'decided: JWT in a cookie',
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
    },
  ]);
  await a.override(vaultId, 1, 'JWT, 15 minutes');
  const history = await b.read(vaultId, '&history=true');
  expect(history.body.map((e) => `e${e.entry_no} v${e.version} ${e.content}`)).toEqual([
    'e1 v1 decided: JWT in a cookie',
    'e1 v2 JWT, 15 minutes',
  ]);
  expect((await c.read(vaultId)).status).toBe(403);
  expect((await c.list()).body).toEqual([]);
});

test('a session that another process revoked is refused on the next request', async () => {
  const session = await server.login('st-1');
  const list = () => rest('GET', `${server.url}/api/vault?id=a`, { session });
  expect((await list()).status).toBe(200);
  await server.sessions.revoke(session);
  await expect.poll(async () => (await list()).status).toBe(401);
});
