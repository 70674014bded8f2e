import { expect, test } from 'vitest';
import { AstationStore } from '../../src/session/astation-store.ts';
import { SessionStore } from '../../src/session/store.ts';
import { AstationKey } from '../support/astation-key.ts';
import { RestVaults, rest } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { useRelayServer } from '../support/relay-server.ts';
import { open, openAstation, wsUrl } from '../support/sockets.ts';

const database = useDatabase();
const open_ = useRelayServer(database);
const closed = useRelayServer(database, { config: { enrollmentOpen: false } });
/** What the operator's command line works with. */
const operator = () => new AstationStore(database.db);

let sessions = 0;
async function makeSession(astationId: string): Promise<string> {
  const session = `session-for-enrolment-${++sessions}`;
  await new SessionStore(database.db).createGranted(session, { hostname: 'host', astationId });
  return session;
}

const auditOf = async (astationId: string) => {
  const { rows } = await database.admin.query(
    `SELECT action FROM audit_log WHERE work_session_id = $1 AND action LIKE ANY ('{key_%,astation_%}') ORDER BY id`,
    [astationId],
  );
  return rows.map(({ action }) => action);
};

test('any stranger may enrol: not where enrolment is closed, until the operator adds the key', async () => {
  const key = new AstationKey();
  const stranger = await openAstation(closed.url, 'st-closed');
  // It does not own the room, so that an atem finds none.
  await expect(open(wsUrl(closed.url, { role: 'atem', code: 'st-closed', atem_id: 'a' }))).rejects.toThrow(
    '404',
  );
  expect(await stranger.prove(key)).toEqual({
    type: 'relayAuthResult',
    status: 'rejected',
    message: 'this server takes no new Astations; ask its operator to add the public key of this one',
  });
  expect((await stranger.closed()).code).toBe(1008);
  await operator().add('st-closed', key.publicKeyHex);
  await operator().add('st-closed', key.publicKeyHex);
  const added = await openAstation(closed.url, 'st-closed');
  expect(await added.prove(key)).toMatchObject({ status: 'verified' });
  expect(await added.ask({ type: 'relayBind', session_id: 'a-session-of-16-and-more' })).toMatchObject({
    ok: true,
  });
  await expect(operator().add('st-closed', new AstationKey().publicKeyHex)).rejects.toMatchObject({
    code: 'CONFLICT',
  });
  expect(await auditOf('st-closed')).toEqual(['key_register', 'key_register']);
});

test('enrolment that is closed leaves pairing rooms to Astations without a key', async () => {
  const { code } = (
    await rest<{ code: string }>('POST', `${closed.url}/api/pair`, { body: { hostname: 'h' } })
  ).body;
  const app = await openAstation(closed.url, code);
  await expect
    .poll(async () => (await rest('GET', `${closed.url}/api/pair/${code}`)).body)
    .toMatchObject({ astation_connected: true });
  await app.leave();
});

test('a banned Astation: its sockets and sessions end at once on every server, and its sessions work again after the ban', async () => {
  const key = new AstationKey();
  const id = 'st-banned';
  const astation = await openAstation(open_.url, id);
  expect(await astation.prove(key)).toMatchObject({ status: 'registered' });
  const session = await makeSession(id);
  const vaults = new RestVaults(open_.url, { session, clientId: 'ann' });
  const { vault_id: vaultId } = (await vaults.create('kept')).body;
  const atem = await open(wsUrl(open_.url, { role: 'atem', session, atem_id: 'a' }));
  const waiting = vaults.read(vaultId, '&wait=25');
  expect(await operator().ban(id)).toBe(true);
  expect(await operator().ban(id)).toBe(false);
  expect((await astation.closed()).code).toBe(1008);
  expect((await atem.closed()).code).toBe(1008);
  expect((await waiting).status).toBe(401);
  for (const url of [open_.url, closed.url]) {
    const there = new RestVaults(url, { session, clientId: 'ann' });
    expect((await there.read(vaultId)).status).toBe(401);
    const again = await openAstation(url, id);
    expect(await again.prove(key)).toMatchObject({
      status: 'rejected',
      message: 'the operator of this server has banned this Astation',
    });
  }
  const asked = (
    await rest<{ id: string; otp: string }>('POST', `${open_.url}/api/sessions`, { body: { hostname: 'h' } })
  ).body;
  const grant = key.grant({ ...asked, astationId: id });
  const granted = await rest('POST', `${open_.url}/api/sessions/${asked.id}/grant`, { body: grant });
  expect(granted.status).toBe(401);
  await operator().unban(id);
  await expect.poll(async () => (await vaults.read(vaultId)).status).toBe(200);
  const back = await openAstation(open_.url, id);
  expect(await back.prove(key)).toMatchObject({ status: 'verified' });
  await expect(operator().unban(id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect(await auditOf(id)).toEqual(['astation_ban', 'astation_unban']);
});

test('a banned Astation without a key loses its room, and gets no new one', async () => {
  const id = 'st-banned-legacy';
  const legacy = await openAstation(open_.url, id);
  await expect
    .poll(async () => (await rest('GET', `${open_.url}/api/pair/${id}`)).body)
    .toMatchObject({ astation_connected: true });
  await operator().ban(id);
  await expect.poll(async () => (await rest('GET', `${open_.url}/api/pair/${id}`)).status).toBe(404);
  expect(await legacy.prove(new AstationKey())).toMatchObject({ status: 'rejected' });
  await openAstation(open_.url, id);
  expect((await rest('GET', `${open_.url}/api/pair/${id}`)).status).toBe(404);
});
