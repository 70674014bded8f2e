import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Scope } from '../../src/access/credential.ts';
import { makeKey } from '../../src/access/key-format.ts';
import { AstationStore } from '../../src/session/astation-store.ts';
import { RestVaults } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { facesOf, inputOf, procedures } from '../support/every-call.ts';
import { useServer } from '../support/server.ts';

const database = useDatabase();
const [READS_ALL, ADMINISTERS] = ['a-token-that-reads-every-vault-here', 'a-token-that-administers-it-all'];
const server = useServer(database, { dashboardToken: READS_ALL, adminToken: ADMINISTERS });

/** What each call needs of a credential, as the documentation says it. A new call must be added here. */
const NEEDS: Record<string, Scope | 'operator' | 'administering operator'> = {
  'vault.create': 'create',
  'vault.write': 'write',
  'vault.append': 'write',
  'vault.override': 'write',
  'vault.setSummary': 'write',
  'vault.removeWriter': 'admin',
  'vault.list': 'read',
  'vault.listPage': 'read',
  'vault.read': 'read',
  'vault.readPage': 'read',
  'vault.meta': 'read',
  'vault.proof': 'read',
  'vault.watch': 'read',
  'vault.changes': 'read',
  'activity.page': 'read',
  'activity.hours': 'read',
  'activity.watch': 'read',
  search: 'read',
  'session.whoami': 'read',
  'key.create': 'admin',
  'key.list': 'admin',
  'key.listPage': 'admin',
  'key.firstUse': 'admin',
  'key.revoke': 'admin',
  'session.list': 'admin',
  'session.revoke': 'admin',
  'person.list': 'admin',
  'person.revoke': 'admin',
  'operator.status': 'operator',
  'operator.banAstation': 'administering operator',
  'operator.unbanAstation': 'administering operator',
};

/** Calls for visitors take no credential from a header (test/http/person-cookie.test.ts). */
const guarded = procedures.filter(([, { meta }]) => meta.who !== 'anybody' && meta.who !== 'visitor');

test('each call with a caller says what it needs', () => {
  expect(guarded.map(([name]) => name).toSorted()).toEqual(Object.keys(NEEDS).toSorted());
});

/** A credential, and what it must be able to do. */
interface Holder {
  title: string;
  authorization?: string;
  ids: string[];
  /** What becomes of each of its calls; undefined: its rights decide. */
  always?: 401 | 403;
  rights: readonly string[];
  /** Calls beyond its rights. */
  also?: readonly string[];
  elsewhere?: true;
  /** It reaches some vaults, but not the one that the calls are about. */
  excluded?: true;
  operator?: true;
}

let [vaultId, otherId, foreignId, victim] = ['', '', '', ''];
let change: () => Promise<unknown>;
let refusedId: string;
const holders: Holder[] = [];

const IN = 'st-matrix';
const ELSEWHERE = 'st-elsewhere';
const SCOPES: Scope[] = ['read', 'write', 'create', 'redact', 'admin'];
const REST_OF_SESSION = ['vault.removeWriter'];

beforeAll(async () => {
  const session = await server.login(IN);
  const vaults = new RestVaults(server.url, { session, clientId: 'owner' });
  const foreign = new RestVaults(server.url, { session: await server.login(ELSEWHERE), clientId: 'owner' });
  vaultId = (await vaults.create('the vault')).body.vault_id;
  otherId = (await vaults.create('the other vault')).body.vault_id;
  foreignId = (await foreign.create('a vault of another work session')).body.vault_id;
  // The client of the keys elsewhere wrote into the vault once, which must open it to no key.
  await new RestVaults(server.url, { session, clientId: 'ci' }).append(vaultId, 'one');
  change = () =>
    Promise.all([
      vaults.append(vaultId, 'changed'),
      vaults.append(otherId, 'changed'),
      foreign.append(foreignId, 'changed'),
    ]);
  const used = await server.makeKey(IN);
  // So that a stream of its first use has an event.
  await server.keys.use(used.key);
  victim = used.id;
  refusedId = randomUUID();

  const bearer = async (wanted: Parameters<typeof server.makeKey>[1], workSession = IN) =>
    `Bearer ${(await server.makeKey(workSession, wanted)).key}`;
  const dead = (title: string, authorization?: string): Holder => ({
    title,
    ...(authorization && { authorization }),
    ids: ['ci'],
    always: 401,
    rights: [],
  });
  holders.push(dead('nothing'), dead('a session that is unknown', `Bearer ${randomUUID()}`));

  const revoked = await server.makeKey(IN, { scopes: SCOPES });
  await server.keys.revoke(revoked.id, IN, { author: 'operator' });
  const expired = await server.makeKey(IN, { scopes: SCOPES, expiresIn: 60 });
  await database.admin.query('UPDATE api_keys SET expires_at = now() WHERE id = $1', [expired.id]);
  const banned = await server.makeKey('st-banned', { scopes: SCOPES });
  await new AstationStore(database.db).ban('st-banned');
  const live = (await server.makeKey(IN, { scopes: SCOPES })).key;
  holders.push(
    dead('a key that is unknown', `Bearer ${makeKey().key}`),
    dead('a key with a wrong checksum', `Bearer ${live.slice(0, -1)}${live.endsWith('0') ? '1' : '0'}`),
    dead('a key that was revoked', `Bearer ${revoked.key}`),
    dead('a key that has expired', `session ${expired.key}`),
    dead('a key of a banned Astation', `Bearer ${banned.key}`),
    dead('a key as the token of an operator', `dashboard ${live}`),
    dead('a key under another scheme', `Basic ${live}`),
    dead('the secret of a person', 'Bearer vrp_000000000000000000000000000000000'),
  );

  for (const scheme of ['session', 'Bearer']) {
    for (const scope of SCOPES) {
      const authorization = (await bearer({ scopes: [scope] })).replace('Bearer', scheme);
      holders.push({
        title: `${scheme}: a key with ${scope} alone`,
        authorization,
        ids: [],
        rights: [scope],
      });
    }
  }
  const all = { authorization: await bearer({ scopes: SCOPES }), rights: SCOPES };
  holders.push(
    { title: 'a key with every scope', ids: [], ...all },
    { title: 'a key that sends its own client id', ids: ['ci'], ...all },
    { title: 'a key that sends another client id', ids: ['other'], always: 403, ...all },
    { title: 'a key that sends an empty client id', ids: [''], always: 403, ...all },
    { title: 'a key that sends two client ids', ids: ['ci', 'other'], always: 403, ...all },
    {
      title: 'a key with the scopes that a key has unless it names others',
      authorization: await bearer({}),
      ids: [],
      rights: ['read', 'write'],
    },
    {
      title: 'a key for the vault',
      authorization: await bearer({ vaults: [otherId, vaultId] }),
      ids: [],
      rights: ['read', 'write'],
    },
    {
      title: 'a key for the other vault',
      authorization: await bearer({ vaults: [otherId], scopes: ['read', 'write', 'redact'] }),
      ids: ['ci'],
      rights: ['read', 'write', 'redact'],
      excluded: true,
    },
    {
      title: 'a key of another work session',
      authorization: await bearer({ scopes: SCOPES }, ELSEWHERE),
      ids: [],
      rights: SCOPES,
      elsewhere: true,
    },
    {
      title: 'a session',
      authorization: `session ${session}`,
      ids: ['agent'],
      rights: ['read', 'write', 'create'],
      also: REST_OF_SESSION,
    },
    {
      title: 'a session of another work session',
      authorization: `Bearer ${await server.login(ELSEWHERE)}`,
      ids: ['stranger'],
      rights: ['read', 'write', 'create'],
      also: REST_OF_SESSION,
      elsewhere: true,
    },
    {
      title: 'the token of an operator who reads',
      authorization: `dashboard ${READS_ALL}`,
      ids: [],
      rights: ['read', 'operator'],
      operator: true,
    },
    {
      title: 'the token of an operator who administers',
      authorization: `dashboard ${ADMINISTERS}`,
      ids: [],
      rights: ['read', 'operator', 'administering operator'],
      also: Object.keys(NEEDS).filter((name) => NEEDS[name] === 'admin' && !name.startsWith('vault.')),
      operator: true,
    },
  );
});

/** Of a call that is done, by its name. */
const DONE: Record<string, number> = { 'key.create': 201 };

function expected(name: string, holder: Holder, hasVault: boolean): number {
  if (holder.always) return holder.always;
  // A search is about one work session, and an operator has none.
  if (name === 'search' && holder.operator) return 403;
  const need = NEEDS[name] ?? 'operator';
  if (!holder.rights.includes(need) && !holder.also?.includes(name)) return 403;
  if (hasVault && (holder.elsewhere || holder.excluded)) return 403;
  if ((name === 'key.revoke' || name === 'key.firstUse') && holder.elsewhere) return 404;
  // No session has the fingerprint of the test.
  if (name === 'session.revoke' || name === 'person.revoke') return 404;
  // The Astation of the test is not banned.
  if (name === 'operator.unbanAstation') return 404;
  return DONE[name] ?? 200;
}

/** What the calls are about. An operator must say which work session a key is of. */
function inputFor([name, procedure]: (typeof guarded)[number], { operator }: Holder) {
  const known = {
    text: 'two',
    entry_id: 1,
    client_id: 'nobody',
    name: 'made by a call',
    session: '0123456789ab',
    astation_id: name === 'operator.banAstation' ? 'st-to-ban' : 'st-never-banned',
  };
  const input = inputOf(procedure, { ...known, vault_id: vaultId, id: victim });
  if (name === 'key.create') Object.assign(input, { scopes: ['admin'] });
  if (operator && /^key\.(create|list)/.test(name)) Object.assign(input, { work_session_id: IN });
  return input;
}

const rowsOf = async () => {
  const { rows } = await database.admin.query(
    `SELECT (SELECT count(*) FROM vaults) AS vaults, (SELECT count(*) FROM vault_entries) AS entries,
       (SELECT count(*) FROM api_keys) AS keys, (SELECT count(*) FROM api_keys WHERE revoked_at IS NOT NULL) AS revoked`,
  );
  return rows[0];
};

describe.each(guarded)('%s', (name, procedure) => {
  test.each(facesOf(name, procedure))(
    'each credential has its rights and no others: %s',
    async (face, send) => {
      for (const holder of holders) {
        const { title, authorization, ids } = holder;
        const input = inputFor([name, procedure], holder);
        const status = expected(name, holder, 'vault_id' in input);
        const before = status >= 400 ? await rowsOf() : undefined;
        const mayBegin = status < 400 && { change };
        const answer = await send(server.url, { authorization, ids, input, ...mayBegin });
        // tRPC answers each success with 200.
        const wanted = status === 201 && face !== 'REST' ? 200 : status;
        expect([title, answer.status, wanted === answer.status ? '' : answer.text]).toEqual([
          title,
          wanted,
          '',
        ]);
        expect(answer.challenge, title).toBe(status === 401 ? 'Bearer' : null);
        if (before) expect(await rowsOf(), title).toEqual(before);
      }
    },
  );
});

describe('a refusal', () => {
  const asked = (path: string, authorization: string, init: RequestInit = {}) =>
    fetch(`${server.url}${path}`, {
      ...init,
      headers: { authorization, 'x-request-id': refusedId, 'content-type': 'application/json' },
    });
  const audited = async () =>
    (
      await database.admin.query(
        `SELECT action, outcome, session, work_session_id, client_id FROM audit_log WHERE request_id = $1 ORDER BY id`,
        [refusedId],
      )
    ).rows;

  test('names the scope that is missing, and is in the audit log', async () => {
    const { key, id } = await server.makeKey(IN, { scopes: ['read'], clientId: 'reader' });
    const response = await asked(`/api/vault/${vaultId}`, `Bearer ${key}`, {
      method: 'POST',
      body: JSON.stringify({ text: 'x' }),
    });
    expect([response.status, await response.json()]).toEqual([
      403,
      {
        error: 'This call needs the scope write, which this key lacks. Create a key with it.',
        code: 'FORBIDDEN',
      },
    ]);
    expect((await asked('/trpc/key.list', `Bearer ${key}`)).status).toBe(403);
    const common = { session: `key:${id}`, work_session_id: IN, client_id: 'reader' };
    expect(await audited()).toEqual([
      { action: 'write', outcome: 'missing_scope', ...common },
      { action: 'key_list', outcome: 'missing_scope', ...common },
    ]);
  });

  test('names the vault that a key does not reach, and is in the audit log', async () => {
    refusedId = randomUUID();
    const { key, id } = await server.makeKey(IN, { vaults: [otherId] });
    const response = await asked(`/api/vault/${vaultId}`, `session ${key}`);
    expect([response.status, await response.json()]).toEqual([
      403,
      { error: `This key is not for vault ${vaultId}.`, code: 'FORBIDDEN' },
    ]);
    const common = { session: `key:${id}`, work_session_id: IN, client_id: 'ci' };
    expect(await audited()).toEqual([{ action: 'read', outcome: 'other_vault', ...common }]);
  });
});
