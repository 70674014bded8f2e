import { describe, expect, test } from 'vitest';
import { hashSessionId } from '../../src/access/session-id.ts';
import { AstationStore } from '../../src/session/astation-store.ts';
import { BindingStore } from '../../src/session/binding-store.ts';
import { useDatabase } from '../support/database.ts';
import { EventStream } from '../support/event-stream.ts';
import { callAsPage, cookieOf, signIn } from '../support/person.ts';
import { useServer } from '../support/server.ts';

const database = useDatabase();
const server = useServer(database);
const bindings = () => new BindingStore(database.db);

const hashOf = (cookie: string) => hashSessionId(cookie.replace(/^[^=]*=/, ''));
const me = (cookie: string) => callAsPage(server.url, ['GET', 'person.me'], { cookie });
const isIn = async (cookie: string) => (await me(cookie)).data !== null;

/** Moves the times of a session into the past, by the database's clock. */
async function age(idHash: Buffer, time: string): Promise<void> {
  await database.admin.query(
    'UPDATE sessions SET last_used_at = last_used_at - $2::interval, expires_at = expires_at - $2::interval WHERE id_hash = $1',
    [idHash, time],
  );
  server.cache.setListening(true); // forgets what is cached
}

/** How many days a session lives from now on. */
async function daysLeft(idHash: Buffer): Promise<number> {
  const { rows } = await database.admin.query(
    'SELECT round(extract(epoch FROM expires_at - now()) / 86400)::int AS days FROM sessions WHERE id_hash = $1',
    [idHash],
  );
  return rows[0]?.days;
}

/** Signs a person in by a session of an Astation. */
async function signInWith(session: string): Promise<string> {
  const answer = await callAsPage(server.url, ['POST', 'person.signInWithSession', { session }]);
  expect(answer).toMatchObject({ status: 200, data: { role: 'member' } });
  return cookieOf(answer);
}

/** A stream of a person, once it waits. */
async function follow(cookie: string): Promise<EventStream> {
  const before = server.vaults.followers.waiters.size;
  const stream = await EventStream.open(`${server.url}/trpc/vault.changes`, {
    'x-vault-relay-client': 'dashboard',
    cookie,
  });
  await expect.poll(() => server.vaults.followers.waiters.size).toBe(before + 1);
  return stream;
}

const ended = (stream: EventStream) => expect(stream.next('the end')).rejects.toThrow('the stream has ended');

describe('the life of a sign-in', () => {
  test('use extends it to 30 days and sends the cookie again, at most once a minute', async () => {
    const { cookie } = await signIn(server, { workSessionId: 'st-slide' });
    await age(hashOf(cookie), '20 days');
    expect(await daysLeft(hashOf(cookie))).toBe(10);
    const slid = await me(cookie);
    expect(slid.setCookie).toMatch(
      /^vault_relay=vrp_[\w-]+; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Strict$/,
    );
    expect(cookieOf(slid)).toBe(cookie);
    expect(await daysLeft(hashOf(cookie))).toBe(30);
    server.cache.setListening(true);
    expect((await me(cookie)).setCookie).toBeUndefined();
  });

  test('it ends after 30 days without use, and the sweep removes it but not the person', async () => {
    const { cookie, personId } = await signIn(server, { workSessionId: 'st-late' });
    await age(hashOf(cookie), '30 days 1 second');
    const read = await callAsPage(server.url, ['GET', 'vault.list'], { cookie });
    expect(read).toMatchObject({ status: 401, message: 'You are signed out; sign in again.' });
    await age(hashOf(cookie), '1 day');
    await server.people.invite({ name: 'old' });
    await database.admin.query("UPDATE sign_in_codes SET expires_at = now() WHERE name = 'old'");
    await server.people.sweep();
    const { rows } = await database.admin.query(
      `SELECT (SELECT count(*)::int FROM sessions WHERE person_id = $1) AS sessions,
        (SELECT count(*)::int FROM people WHERE id = $1) AS people,
        (SELECT count(*)::int FROM sign_in_codes WHERE name = 'old') AS codes`,
      [personId],
    );
    expect(rows).toEqual([{ sessions: 0, people: 1, codes: 0 }]);
  });

  test('sign-out deletes the cookie and ends the session, its streams too', async () => {
    const { cookie } = await signIn(server, { workSessionId: 'st-out' });
    const stream = await follow(cookie);
    const answer = await callAsPage(server.url, ['POST', 'person.signOut', {}], { cookie });
    expect(answer).toMatchObject({ status: 200, data: { ended: 1 } });
    expect(answer.setCookie).toBe('vault_relay=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict');
    await ended(stream);
    expect(await isIn(cookie)).toBe(false);
    expect(await callAsPage(server.url, ['POST', 'person.signOut', {}], { cookie })).toMatchObject({
      status: 401,
    });
  });

  test('a second sign-in in the same browser keeps the person and replaces the session', async () => {
    const first = await signIn(server, { workSessionId: 'st-again', name: 'Maria' });
    const code = await server.people.invite({});
    const again = await callAsPage(server.url, ['POST', 'person.signIn', { code }], { cookie: first.cookie });
    expect(again).toMatchObject({ data: { person_id: first.personId, name: 'Maria', role: 'operator' } });
    expect(await isIn(first.cookie)).toBe(false);
    expect(await isIn(cookieOf(again))).toBe(true);
  });

  test('sign-out everywhere ends all sessions of the person and their streams, and nobody else', async () => {
    const here = await signIn(server, { workSessionId: 'st-all' });
    const other = await signIn(server, { workSessionId: 'st-all' });
    const there = await signIn(server, { workSessionId: 'st-all' });
    // As if the person had signed in on another machine.
    await database.admin.query('UPDATE sessions SET person_id = $2 WHERE id_hash = $1', [
      hashOf(there.cookie),
      here.personId,
    ]);
    server.cache.setListening(true);
    const [one, two] = [await follow(here.cookie), await follow(there.cookie)];
    const answer = await callAsPage(server.url, ['POST', 'person.signOut', { everywhere: true }], {
      cookie: here.cookie,
    });
    expect(answer.data).toEqual({ ended: 2 });
    await ended(one);
    await ended(two);
    expect(await isIn(there.cookie)).toBe(false);
    expect(await isIn(other.cookie)).toBe(true);
  });
});

describe('sign-in by a session of an Astation', () => {
  test.each([
    ['revoked', (session: string) => server.sessions.revoke(session)],
    ['unbound by the Astation', (session: string) => bindings().unbind('st-parent', session)],
    ['left out of the bindings of the Astation', () => bindings().replace('st-parent', [])],
  ])('it ends, with its streams, once the session is %s', async (_, end) => {
    const session = await server.login('st-parent');
    const cookie = await signInWith(session);
    const stream = await follow(cookie);
    await end(session);
    await ended(stream);
    expect(await isIn(cookie)).toBe(false);
    await expect(signInWith(session)).rejects.toThrow();
  });

  test('use of the sign-in extends the session that it came from', async () => {
    const session = await server.login('st-parent');
    const cookie = await signInWith(session);
    await age(hashSessionId(session), '5 days');
    await age(hashOf(cookie), '5 days');
    expect(await isIn(cookie)).toBe(true);
    expect([await daysLeft(hashSessionId(session)), await daysLeft(hashOf(cookie))]).toEqual([7, 30]);
  });

  test.each(['unknown', 'vrp_unknown', 'vr_unknown'])(
    'a session that is not one signs nobody in: %s',
    async (session) => {
      const answer = await callAsPage(server.url, ['POST', 'person.signInWithSession', { session }]);
      expect(answer).toMatchObject({ status: 401, setCookie: undefined });
    },
  );

  test('100 people may be signed in by one session, also when they come at once', async () => {
    const session = await server.login('st-crowd');
    const tries = Array.from({ length: 110 }, () =>
      callAsPage(server.url, ['POST', 'person.signInWithSession', { session }]),
    );
    const statuses = (await Promise.all(tries)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(100);
  });

  test('a revocation at the same time leaves nobody signed in', async () => {
    for (let i = 0; i < 10; i++) {
      const session = await server.login('st-race');
      const [answer] = await Promise.all([
        callAsPage(server.url, ['POST', 'person.signInWithSession', { session }]),
        server.sessions.revoke(session),
      ]);
      if (answer.status === 200) expect(await isIn(cookieOf(answer))).toBe(false);
    }
  });

  test('a ban of the Astation ends it', async () => {
    const cookie = await signInWith(await server.login('st-banned'));
    const stream = await follow(cookie);
    await new AstationStore(database.db).ban('st-banned');
    await ended(stream);
    expect(await isIn(cookie)).toBe(false);
  });
});
