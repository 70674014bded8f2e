import { beforeAll, describe, expect, test } from 'vitest';
import { fingerprint, hashSessionId } from '../../src/access/session-id.ts';
import { RestVaults } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { callAsPage, type PageCall, signIn } from '../support/person.ts';
import { useServer } from '../support/server.ts';

const ADMIN_TOKEN = 'admin-token-of-the-tests-0123456789abcdef';
const READING_TOKEN = 'reading-token-of-the-tests-0123456789abc';
const database = useDatabase();
const server = useServer(database, { adminToken: ADMIN_TOKEN, dashboardToken: READING_TOKEN });

const byToken = (token: string) => ({ headers: { authorization: `dashboard ${token}` } });
const get = (procedure: string, input: unknown, as: PageCall) =>
  callAsPage(server.url, ['GET', procedure, input], as);
const post = (procedure: string, input: unknown, as: PageCall) =>
  callAsPage(server.url, ['POST', procedure, input], as);

/** Makes a vault with an entry. @returns its id */
async function makeVault(as: PageCall): Promise<string> {
  const made = await post('vault.create', { summary: 'made' }, as);
  expect(made).toMatchObject({ status: 200 });
  const { vault_id } = made.data as { vault_id: string };
  expect(await post('vault.append', { vault_id, text: 'hello' }, as)).toMatchObject({ status: 200 });
  return vault_id;
}

/** Who wrote the rows of a vault. */
async function writersOf(vaultId: string): Promise<unknown[]> {
  const { rows } = await database.admin.query(
    'SELECT DISTINCT writer_id, author FROM vault_entries WHERE vault_id = $1',
    [vaultId],
  );
  return rows;
}

const auditOf = async (action: string) => {
  const { rows } = await database.admin.query(
    'SELECT outcome, work_session_id, client_id, session FROM audit_log WHERE action = $1 ORDER BY id DESC LIMIT 1',
    [action],
  );
  return rows[0];
};

const outsiders = async () => {
  const { rows } = await database.admin.query(
    "SELECT client_id FROM vault_writers WHERE client_id <> 'agent'",
  );
  return rows;
};

describe('a member', () => {
  let member: { cookie: string; personId: string };
  beforeAll(async () => {
    member = await signIn(server, { workSessionId: 'st-own', name: 'Maria' });
  });

  test('writes under the name, and may send that name as id but no other', async () => {
    const vault_id = await makeVault({ cookie: member.cookie, query: { id: 'Maria' } });
    expect(await writersOf(vault_id)).toEqual([{ writer_id: 'Maria', author: `person:${member.personId}` }]);
    for (const id of ['maria', 'agent', '']) {
      const foreign = { cookie: member.cookie, query: { id } };
      expect(await get('vault.read', { vault_id }, foreign)).toMatchObject({ status: 403 });
      expect(await post('vault.append', { vault_id, text: 'x' }, foreign)).toMatchObject({ status: 403 });
    }
  });

  test('its name opens no vault, neither to an agent of that name nor to a person of the name of an agent', async () => {
    const vault_id = await makeVault({ cookie: member.cookie });
    expect(await outsiders()).toEqual([]);
    const session = await server.login('st-elsewhere');
    const agent = new RestVaults(server.url, { session, clientId: 'Maria' });
    expect((await agent.read(vault_id)).status).toBe(403);
    const owner = new RestVaults(server.url, { session: await server.login('st-owner'), clientId: 'agent' });
    const { vault_id: owned } = (await owner.create('s')).body;
    await owner.append(owned, 'by an agent');
    const named = await signIn(server, { workSessionId: 'st-elsewhere', name: 'agent' });
    expect(await get('vault.read', { vault_id: owned }, named)).toMatchObject({ status: 403 });
    expect(await get('vault.list', {}, named)).toMatchObject({ data: [] });
  });

  test('a new name holds from the next call on, in rows that are written from then on', async () => {
    const { cookie, personId } = await signIn(server, { workSessionId: 'st-own' });
    const vault_id = await makeVault({ cookie });
    expect(await post('person.rename', { name: 'Ann' }, { cookie })).toMatchObject({ data: { name: 'Ann' } });
    expect(await post('vault.append', { vault_id, text: 'as Ann' }, { cookie })).toMatchObject({
      status: 200,
    });
    expect(await writersOf(vault_id)).toEqual(
      expect.arrayContaining([
        { writer_id: `person-${personId}`, author: `person:${personId}` },
        { writer_id: 'Ann', author: `person:${personId}` },
      ]),
    );
    expect(await auditOf('person_rename')).toMatchObject({ session: `person:${personId}` });
    for (const name of ['', 'a'.repeat(101), 'a\nb', '\u202e'])
      expect(await post('person.rename', { name }, { cookie })).toMatchObject({ status: 400 });
  });

  test('acts in its own work session only', async () => {
    const own = { cookie: member.cookie, query: { work_session: 'st-own' } };
    expect(await get('session.whoami', {}, own)).toMatchObject({ data: { work_session_id: 'st-own' } });
    const other = { cookie: member.cookie, query: { work_session: 'st-elsewhere' } };
    expect(await get('session.whoami', {}, other)).toMatchObject({ status: 403 });
    expect(await get('operator.status', undefined, member)).toMatchObject({ status: 403 });
  });

  test('lists and revokes sessions of its own work session only', async () => {
    const agent = await server.login('st-own');
    const elsewhere = await server.login('st-elsewhere');
    const listed = await get('session.list', { live: true }, member);
    const { sessions } = listed.data as { sessions: { work_session_id: string }[] };
    expect(new Set(sessions.map(({ work_session_id }) => work_session_id))).toEqual(new Set(['st-own']));
    expect(await get('session.list', { work_session_id: 'st-elsewhere' }, member)).toMatchObject({
      status: 403,
    });
    const print = (session: string) => fingerprint(hashSessionId(session));
    const revoke = (session: string) => post('session.revoke', { session: print(session) }, member);
    expect(await revoke(elsewhere)).toMatchObject({ status: 404 });
    expect(await post('person.revoke', { session: print(agent) }, member)).toMatchObject({ status: 404 });
    expect(await revoke(agent)).toMatchObject({ status: 200, data: { fingerprint: print(agent) } });
    expect(await auditOf('session_revoke')).toEqual({
      outcome: 'done',
      work_session_id: 'st-own',
      client_id: `person:${member.personId}`,
      session: print(agent),
    });
    expect(await revoke(agent)).toMatchObject({ status: 200 });
  });

  test('a list comes in pages', async () => {
    for (let i = 0; i < 4; i++) await server.login('st-pages');
    const { cookie } = await signIn(server, { workSessionId: 'st-pages' });
    const found: string[] = [];
    let cursor: string | null | undefined;
    do {
      const page = await get('session.list', { limit: 2, ...(cursor && { cursor }) }, { cookie });
      const { sessions, next } = page.data as { sessions: { fingerprint: string }[]; next: string | null };
      found.push(...sessions.map(({ fingerprint }) => fingerprint));
      cursor = next;
    } while (cursor !== null);
    expect([found.length, new Set(found).size]).toEqual([5, 5]);
    expect(await get('session.list', { cursor: 'x' }, { cookie })).toMatchObject({ status: 400 });
  });
});

describe('an operator', () => {
  test.each<[string, () => Promise<PageCall>, (as: PageCall) => Promise<object>]>([
    ['by a link', async () => signIn(server, { name: 'Root' }), async () => ({ writer_id: 'Root' })],
    [
      'by ADMIN_TOKEN',
      async () => byToken(ADMIN_TOKEN),
      async () => ({ writer_id: 'operator', author: 'person:operator' }),
    ],
  ])('%s reads all, and acts in a work session that the address names', async (_, sign, expected) => {
    const as = await sign();
    expect(await get('session.whoami', undefined, as)).toMatchObject({ data: { work_session_id: null } });
    expect(await post('vault.create', {}, as)).toMatchObject({ status: 403 });
    const acting = { ...as, query: { work_session: 'a new work session' } };
    expect(await get('session.whoami', undefined, acting)).toMatchObject({
      data: { work_session_id: 'a new work session' },
    });
    const vault_id = await makeVault(acting);
    expect(await writersOf(vault_id)).toEqual([expect.objectContaining(await expected(as))]);
    expect(await outsiders()).toEqual([]);
    expect(await get('vault.read', { vault_id }, as)).toMatchObject({ status: 200 });
    const elsewhere = { ...as, query: { work_session: 'another' } };
    expect(await post('vault.append', { vault_id, text: 'x' }, elsewhere)).toMatchObject({ status: 403 });
    expect(await post('vault.removeWriter', { vault_id, client_id: 'x' }, acting)).toMatchObject({
      status: 200,
    });
    const foreign = { ...acting, query: { ...acting.query, id: 'somebody' } };
    expect(await get('vault.read', { vault_id }, foreign)).toMatchObject({ status: 403 });
  });

  test.each([
    ['empty', ''],
    ['too long', 'a'.repeat(256)],
    ['with NUL', 'a\0b'],
  ])('a work session must be a name: %s', async (_, work_session) => {
    const acting = { ...byToken(ADMIN_TOKEN), query: { work_session } };
    expect(await get('session.whoami', undefined, acting)).toMatchObject({ status: 400 });
  });

  test('an operator who only reads does not act, list or revoke', async () => {
    const as = byToken(READING_TOKEN);
    expect(await get('vault.list', {}, as)).toMatchObject({ status: 200 });
    expect(await get('vault.list', {}, { ...as, query: { work_session: 'st-own' } })).toMatchObject({
      status: 403,
    });
    expect(await get('session.list', {}, as)).toMatchObject({ status: 403 });
    expect(await get('person.list', {}, as)).toMatchObject({ status: 403 });
    expect(await post('session.revoke', { session: 'ab'.repeat(6) }, as)).toMatchObject({ status: 403 });
  });

  test('an agent does not list or revoke', async () => {
    const session = await server.login('st-own');
    const as = { headers: { authorization: `session ${session}` }, query: { id: 'agent' } };
    expect(await get('session.list', {}, as)).toMatchObject({ status: 403 });
    expect(await post('person.revoke', { session: 'ab'.repeat(6) }, as)).toMatchObject({ status: 403 });
  });

  test('work_session means nothing on REST', async () => {
    const answer = await fetch(`${server.url}/api/vault?work_session=st-own`, {
      method: 'POST',
      headers: { authorization: `dashboard ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      body: '{}',
    });
    expect(answer.status).toBe(403);
  });

  test('bans an Astation, which ends its sessions, and lifts the ban', async () => {
    const session = await server.login('st-to-ban');
    const asked = () =>
      get(
        'session.whoami',
        {},
        {
          headers: { authorization: `session ${session}` },
          query: { id: 'agent' },
        },
      );
    expect(await asked()).toMatchObject({ status: 200 });
    const { cookie, personId } = await signIn(server, {});
    const ban = (as: { cookie: string }) => post('operator.banAstation', { astation_id: 'st-to-ban' }, as);
    expect(await ban({ cookie })).toMatchObject({ data: { banned: true } });
    expect(await auditOf('astation_ban')).toMatchObject({
      work_session_id: 'st-to-ban',
      client_id: `person:${personId}`,
    });
    await expect.poll(async () => (await asked()).status).toBe(401);
    expect(await ban({ cookie })).toMatchObject({ data: { banned: false } });
    const unban = () => post('operator.unbanAstation', { astation_id: 'st-to-ban' }, byToken(ADMIN_TOKEN));
    expect(await unban()).toMatchObject({ status: 200 });
    expect(await unban()).toMatchObject({ status: 404 });
    await expect.poll(async () => (await asked()).status).toBe(200);
  });

  test('lists and revokes people, and each change has its row in the audit log', async () => {
    const { cookie, personId } = await signIn(server, { workSessionId: 'st-people', name: 'Eve' });
    expect(await auditOf('sign_in')).toMatchObject({
      work_session_id: 'st-people',
      session: `person:${personId}`,
    });
    await server.login('st-people');
    const listed = await get('person.list', { work_session_id: 'st-people' }, byToken(ADMIN_TOKEN));
    expect(listed.data).toMatchObject({
      sessions: [{ kind: 'person', person_id: personId, name: 'Eve', role: 'member', live: true }],
      next: null,
    });
    const [row] = (listed.data as { sessions: { fingerprint: string }[] }).sessions;
    expect(await post('person.revoke', { session: row?.fingerprint }, byToken(ADMIN_TOKEN))).toMatchObject({
      status: 200,
    });
    expect(await get('person.me', undefined, { cookie })).toMatchObject({ data: null });
    expect(await auditOf('person_revoke')).toMatchObject({
      client_id: 'operator',
      session: row?.fingerprint,
    });
    const { cookie: leaving } = await signIn(server, { workSessionId: 'st-people' });
    await post('person.signOut', {}, { cookie: leaving });
    expect(await auditOf('sign_out')).toMatchObject({ work_session_id: 'st-people', outcome: 'done' });
  });
});
