import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { hashSessionId } from '../../src/access/session-id.ts';
import type { Who } from '../../src/api/operation.ts';
import { useDatabase } from '../support/database.ts';
import { facesOf, inputOf, type Procedure, procedures } from '../support/every-call.ts';
import { useServer } from '../support/server.ts';
import { JSON_BODY } from '../support/surfaces.ts';

const database = useDatabase();
const OPERATOR_TOKEN = 'operator-token-of-the-session-matrix';
const server = useServer(database, { dashboardToken: OPERATOR_TOKEN });

/** Calls that are for anybody. Whoever adds one says so here, and so cannot forget to ask who calls. */
const FOR_ANYBODY = [
  'pairing.close',
  'pairing.create',
  'pairing.status',
  'session.create',
  'session.deny',
  'session.grant',
  'session.status',
];

test('only the listed calls work without a session', () => {
  const open = procedures.filter(([, procedure]) => procedure.meta.who === 'anybody').map(([name]) => name);
  expect(open.toSorted()).toEqual(FOR_ANYBODY);
});

/** Whose credentials they are, and what the contract says that they are worth. */
type Worth = 'nothing' | 'another work session' | 'the operator' | 'the work session';

interface Credentials {
  kind: string;
  authorization: string | undefined;
  worth: Worth;
}

let vaultId: string;
const credentials: Credentials[] = [];

/** A session as it may have become. @returns its id */
async function insert(values: {
  status?: string;
  astation?: string | null;
  expires?: string;
}): Promise<string> {
  const id = randomUUID();
  const { status = 'granted', astation = 'st-matrix', expires = `now() + interval '1 day'` } = values;
  await database.admin.query(
    `INSERT INTO sessions (id_hash, hostname, status, astation_id, last_used_at, expires_at)
     VALUES ($1, 'h', $2, $3, now() - interval '1 hour', ${expires})`,
    [hashSessionId(id), status, astation],
  );
  return id;
}

beforeAll(async () => {
  const sessions: [kind: string, id: string, worth: Worth][] = [
    ['unknown', randomUUID(), 'nothing'],
    ['pending', await insert({ status: 'pending', astation: null }), 'nothing'],
    ['expired', await insert({ expires: `now() - interval '1 second'` }), 'nothing'],
    ['denied', await insert({ status: 'denied' }), 'nothing'],
    ['revoked', await insert({ status: 'revoked' }), 'nothing'],
    ['granted, not bound', await insert({ astation: null }), 'nothing'],
    ['of another work session', await insert({ astation: 'st-other' }), 'another work session'],
    ['valid', await insert({}), 'the work session'],
  ];
  credentials.push(
    { kind: 'none', authorization: undefined, worth: 'nothing' },
    { kind: 'another scheme', authorization: 'Basic YTpi', worth: 'nothing' },
    { kind: 'empty', authorization: '', worth: 'nothing' },
    { kind: 'a wrong operator token', authorization: `dashboard ${OPERATOR_TOKEN}x`, worth: 'nothing' },
    { kind: 'the operator token', authorization: `dashboard ${OPERATOR_TOKEN}`, worth: 'the operator' },
    ...sessions.map(([kind, id, worth]) => ({
      kind: `session, ${kind}`,
      authorization: `session ${id}`,
      worth,
    })),
    // The other scheme leads to the same look-up.
    ...sessions
      .filter(([kind]) => kind === 'expired' || kind === 'valid')
      .map(([kind, id, worth]) => ({ kind: `Bearer, ${kind}`, authorization: `Bearer ${id}`, worth })),
    { kind: 'the operator token as a session', authorization: `Bearer ${OPERATOR_TOKEN}`, worth: 'nothing' },
  );
  const valid = credentials.find(({ kind }) => kind === 'session, valid')?.authorization ?? '';
  const post = async (path: string, body: object) =>
    (
      await fetch(`${server.url}${path}`, {
        method: 'POST',
        headers: { authorization: valid, ...JSON_BODY },
        body: JSON.stringify(body),
      })
    ).json();
  vaultId = ((await post('/api/vault?id=owner', {})) as { vault_id: string }).vault_id;
  await post(`/api/vault/${vaultId}?id=owner`, { text: 'one' });
});

/** What a call needs beside a vault to be done; a field that is missing here is asked for by the test. */
const FIELDS: Readonly<Record<string, unknown>> = {
  text: 'two',
  entry_id: 1,
  client_id: 'nobody',
  hostname: 'h',
  otp: '00000000',
  id: '8a8f6c90-ba18-4178-9711-e20df7d81f84',
  code: 'WVZG-72CA',
  name: 'a key',
  session: 'ab'.repeat(6),
  astation_id: 'st-of-nobody',
};

const fieldsOf = (procedure: Procedure) => inputOf(procedure, { ...FIELDS, vault_id: vaultId });

/** Makes a vault in both work sessions, which `vault.changes` tells. */
async function change(): Promise<void> {
  for (const { authorization = '' } of credentials.filter(({ kind }) =>
    /^session, (valid|of another)/.test(kind),
  ))
    await fetch(`${server.url}/api/vault?id=owner`, {
      method: 'POST',
      headers: { authorization, ...JSON_BODY },
      body: '{}',
    });
}

/** No credentials, and one of each worth. */
const ONE_OF_EACH = /^none$|^the operator token$|^session, (?:unknown|of another work session|valid)$/;
const NO_ID: string[] = [];
const TWO_IDS = ['a', 'b'];
const WRONG_IDS = [NO_ID, [''], TWO_IDS, ['a', 'a'], ['', 'a']];

/** A batch and a HEAD resolve their caller in the functions of the single call and of GET. */
const isVariant = (face: string) => face === 'tRPC in a batch' || face === 'REST by HEAD';

/**
 * The pairs that are tried. Every kind of credentials meets tRPC and REST, and one of each worth meets their variants.
 * A valid session meets every wrong list of ids, since the server reads ids only after it has found the session. The other
 * credentials meet no id and two ids, and on variants no id.
 */
const credentialsFor = (face: string) =>
  isVariant(face) ? credentials.filter(({ kind }) => ONE_OF_EACH.test(kind)) : credentials;
function idsFor(face: string, { kind }: Credentials): string[][] {
  if (isVariant(face)) return kind === 'session, valid' ? [NO_ID, TWO_IDS] : [NO_ID];
  return kind === 'session, valid' ? WRONG_IDS : [NO_ID, TWO_IDS];
}

/** Statuses that the contract allows. */
function allowed(who: Who, worth: Worth, hasVault: boolean): number[] {
  if (who === 'anybody') return [200, 201, 401, 404];
  // The dashboard sends a header, which none of these requests has.
  if (who === 'visitor') return [403];
  if (worth === 'nothing') return [401];
  // A session lacks the scope, and DASHBOARD_TOKEN only reads.
  if (who === 'administrator' || who === 'administeringOperator') return [403];
  if (who === 'operator') return worth === 'the operator' ? [200] : [403];
  if (worth === 'the operator') return who === 'reader' ? [200] : [403];
  if (worth === 'another work session' && hasVault) return [403];
  return [200];
}

const TABLES = [
  'vaults',
  'vault_entries',
  'vault_write_keys',
  'vault_creation_keys',
  'astations',
  'audit_log',
];

/** Everything that a refused call must leave as it is. */
async function everything(): Promise<string[]> {
  const tables = TABLES.map(
    (table) => `(SELECT json_agg(t ORDER BY t::text) FROM ${table} AS t) AS ${table}`,
  );
  // Use extends the life of a session that may act, and of no other.
  const sessions = `(SELECT json_agg((id_hash, status, astation_id, token, otp_tries,
    CASE WHEN status = 'granted' AND astation_id IS NOT NULL AND expires_at > now() THEN NULL ELSE expires_at END) ORDER BY id_hash) FROM sessions)`;
  const { rows } = await database.admin.query(`SELECT ${tables.join(', ')}, ${sessions} AS sessions`);
  return Object.entries(rows[0]).map(([table, content]) => `${table} ${JSON.stringify(content)}`);
}

describe.each(procedures)('%s', (name, procedure) => {
  const { who } = procedure.meta;

  test.each(facesOf(name, procedure))(
    'every kind of credentials gets its rights: %s',
    async (title, face) => {
      const input = fieldsOf(procedure);
      const hasVault = 'vault_id' in input;
      const before = await everything();
      const tried = credentialsFor(title);
      for (const { kind, authorization, worth } of tried.filter((one) => one.worth === 'nothing')) {
        const { status, challenge } = await face(server.url, { authorization, ids: ['agent'], input });
        expect(allowed(who, worth, hasVault), `${kind}: ${status}`).toContain(status);
        expect(challenge, kind).toBe(status === 401 ? 'Bearer' : null);
      }
      if (who !== 'anybody') expect(await everything(), 'nothing was written').toEqual(before);
      for (const { kind, authorization, worth } of tried.filter((one) => one.worth !== 'nothing')) {
        const { status, challenge } = await face(server.url, {
          authorization,
          ids: [worth === 'the work session' ? 'agent' : 'stranger'],
          input,
          change,
        });
        expect(allowed(who, worth, hasVault), `${kind}: ${status}`).toContain(status);
        expect(challenge, kind).toBe(status === 401 ? 'Bearer' : null);
      }
    },
  );

  test.each(facesOf(name, procedure))(
    'a client id is asked for after the session: %s',
    async (title, face) => {
      const input = fieldsOf(procedure);
      const before = await everything();
      for (const one of credentials.filter(({ kind }) => ONE_OF_EACH.test(kind))) {
        const { kind, authorization, worth } = one;
        for (const ids of idsFor(title, one)) {
          const mayBegin = worth === 'the operator';
          const { status } = await face(server.url, {
            authorization,
            ids,
            input,
            ...(mayBegin && { change }),
          });
          const withoutId = worth === 'the operator' || who === 'anybody' || who === 'visitor';
          const expected =
            worth === 'nothing' || withoutId ? allowed(who, worth, 'vault_id' in input) : [400];
          expect(expected, `${kind}, ${JSON.stringify(ids)}: ${status}`).toContain(status);
        }
      }
      if (who === 'caller') expect(await everything(), 'nothing was written').toEqual(before);
    },
  );
});
