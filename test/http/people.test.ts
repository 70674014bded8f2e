import { describe, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { callAsPage, cookieOf, signIn } from '../support/person.ts';
import { useServer } from '../support/server.ts';

const database = useDatabase();
const server = useServer(database);

describe('sign-in by a link', () => {
  test('a member signs in once by a code, and the cookie says who it is', async () => {
    const code = await server.people.invite({ workSessionId: 'st-link', name: 'Maria' });
    const first = await callAsPage(server.url, ['POST', 'person.signIn', { code }]);
    expect(first).toMatchObject({
      status: 200,
      data: { name: 'Maria', role: 'member', work_session_id: 'st-link' },
    });
    expect(first.setCookie).toMatch(
      /^vault_relay=vrp_[\w-]{43}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Strict$/,
    );
    const cookie = cookieOf(first);
    expect(await callAsPage(server.url, ['GET', 'person.me'], { cookie })).toMatchObject({
      data: first.data,
    });
    const second = await callAsPage(server.url, ['POST', 'person.signIn', { code }]);
    expect(second).toMatchObject({ status: 401, setCookie: undefined });
    expect(await callAsPage(server.url, ['GET', 'person.me'])).toMatchObject({ status: 200, data: null });
  });

  test('50 parallel tries of one code: exactly one signs in', async () => {
    const code = await server.people.invite({});
    const tries = Array.from({ length: 50 }, () =>
      callAsPage(server.url, ['POST', 'person.signIn', { code }]),
    );
    const statuses = (await Promise.all(tries)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 401)).toHaveLength(49);
  });

  test('an expired code signs nobody in', async () => {
    const code = await server.people.invite({});
    await database.admin.query("UPDATE sign_in_codes SET expires_at = now() - interval '1 second'");
    expect(await callAsPage(server.url, ['POST', 'person.signIn', { code }])).toMatchObject({ status: 401 });
  });
});

describe('what people may do', () => {
  test('a member writes under its name, and the chain names the person as author', async () => {
    const { cookie, personId } = await signIn(server, { workSessionId: 'st-write', name: 'Maria' });
    const made = await callAsPage(server.url, ['POST', 'vault.create', { summary: 's' }], { cookie });
    expect(made.status).toBe(200);
    const { vault_id } = made.data as { vault_id: string };
    const wrote = await callAsPage(server.url, ['POST', 'vault.append', { vault_id, text: 'hello' }], {
      cookie,
    });
    expect(wrote.status).toBe(200);
    const { rows } = await database.admin.query(
      'SELECT writer_id, author FROM vault_entries WHERE vault_id = $1 ORDER BY seq',
      [vault_id],
    );
    const row = { writer_id: 'Maria', author: `person:${personId}` };
    expect(rows).toEqual([row, row]);
    const writers = await database.admin.query('SELECT FROM vault_writers WHERE vault_id = $1', [vault_id]);
    expect(writers.rowCount).toBe(0);
  });

  test('an operator lists and revokes sessions and people', async () => {
    const { cookie } = await signIn(server);
    const session = await server.login('st-list');
    const member = await signIn(server, { workSessionId: 'st-list' });
    const listed = await callAsPage(server.url, ['GET', 'session.list', { work_session_id: 'st-list' }], {
      cookie,
    });
    expect(listed.data).toMatchObject({
      sessions: [{ kind: 'person' }, { kind: 'session', live: true }],
      next: null,
    });
    const { sessions } = listed.data as { sessions: { fingerprint: string; kind: string }[] };
    for (const { fingerprint } of sessions) {
      expect(
        await callAsPage(server.url, ['POST', 'session.revoke', { session: fingerprint }], { cookie }),
      ).toMatchObject({ status: 200, data: { fingerprint } });
    }
    expect(await callAsPage(server.url, ['GET', 'person.me'], { cookie: member.cookie })).toMatchObject({
      data: null,
    });
    expect(await server.cache.resolve(session)).toBeUndefined();
  });
});
