import { expect, test } from 'vitest';
import { RestVaults, trpcClient, trpcRefusal } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { makeLogKeeper } from '../support/log-lines.ts';
import { useServer } from '../support/server.ts';

const database = useDatabase();
const log = makeLogKeeper();
const allowing = useServer(database, {}, log.log);
const denying = useServer(database, { pastWriterReads: false });

/** A vault that `roamer` wrote into from its own work session, and roamer as it comes from another. */
async function roamed() {
  const home = { session: await allowing.login('st-home'), clientId: 'roamer' };
  const away = { session: await allowing.login('st-away'), clientId: 'roamer' };
  const vaults = new RestVaults(allowing.url, home);
  const vaultId = (await vaults.create('roamed')).body.vault_id;
  await vaults.append(vaultId, 'written at home');
  return { home, away, vaultId };
}

test('a past writer reads from another work session by default, and each such read is logged', async () => {
  const { home, away, vaultId } = await roamed();
  await new RestVaults(allowing.url, home).read(vaultId);
  const read = await new RestVaults(allowing.url, away).read(vaultId);
  expect(read.status).toBe(200);
  expect(Object.keys(read.body[0] ?? {})).not.toContain('from_outside');
  await trpcClient(allowing.url, away).vault.read.query({ vault_id: vaultId, since: 0 });
  const noted = log.parsed().filter((line) => line.msg === 'Cross-session read');
  expect(noted.map((line) => line.vault)).toEqual([vaultId, vaultId]);
  expect(noted[0]?.reqId).toBe(read.headers.get('x-request-id'));
});

test('an empty outside read is logged too', async () => {
  const { away, vaultId } = await roamed();
  const before = log.parsed().filter((line) => line.msg === 'Cross-session read').length;
  expect((await new RestVaults(allowing.url, away).read(vaultId, '&since=999999')).body).toEqual([]);
  expect(log.parsed().filter((line) => line.msg === 'Cross-session read')).toHaveLength(before + 1);
});

test('PAST_WRITER_READ=deny turns the rule off, and does not affect the own work session', async () => {
  const { home, away, vaultId } = await roamed();
  const outside = new RestVaults(denying.url, away);
  expect((await outside.read(vaultId)).status).toBe(403);
  expect((await outside.setSummary(vaultId, 'x')).status).toBe(403);
  expect((await outside.append(vaultId, 'x')).status).toBe(403);
  expect((await outside.list()).body).toEqual([]);
  const refusal = await trpcRefusal(trpcClient(denying.url, away).vault.read.query({ vault_id: vaultId }));
  expect(refusal).toMatchObject({ code: 'FORBIDDEN', status: 403 });
  const inside = new RestVaults(denying.url, home);
  expect((await inside.read(vaultId)).body.map((entry) => entry.content)).toEqual(['written at home']);
  expect((await inside.list()).body.map((vault) => vault.vault_id)).toContain(vaultId);
  expect((await inside.append(vaultId, 'more')).status).toBe(200);
});
