import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { hashSessionId } from '../../src/access/session-id.ts';
import type { Who } from '../../src/api/operation.ts';
import { readConfig } from '../../src/config.ts';
import { makeAppRouter, type RouterDeps } from '../../src/router.ts';
import { listRestRoutes } from '../../src/surfaces/rest/routes.ts';
import { makeVaultInputs } from '../../src/vault/inputs.ts';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';
import { JSON_BODY } from '../support/surfaces.ts';

const database = useDatabase();
const OPERATOR_TOKEN = 'operator-token-of-the-session-matrix';
const server = useServer(database, { dashboardToken: OPERATOR_TOKEN });

interface Procedure {
  _def: {
    type: 'query' | 'mutation' | 'subscription';
    inputs: readonly z.ZodType[];
  };
  meta: { who: Who };
}

const router = makeAppRouter({ vaultInputs: makeVaultInputs(readConfig({}).limits) } as RouterDeps);
const procedures = Object.entries(router._def.procedures as unknown as Record<string, Procedure>);
const restRoutes = new Map(listRestRoutes(router).map((route) => [route.name, route]));

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
    ...['session', 'Bearer'].flatMap((scheme) =>
      sessions.map(([kind, id, worth]) => ({
        kind: `${scheme}, ${kind}`,
        authorization: `${scheme} ${id}`,
        worth,
      })),
    ),
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
};

function inputOf({ _def: { inputs } }: Procedure): Record<string, unknown> {
  const [schema] = inputs;
  const shape = (schema as { shape?: Record<string, z.ZodType> } | undefined)?.shape ?? {};
  const needed = Object.entries(shape).filter(([, field]) => !field.safeParse(undefined).success);
  return Object.fromEntries(
    needed.map(([name]) => {
      if (name === 'vault_id') return [name, vaultId];
      if (!Object.hasOwn(FIELDS, name)) throw new Error(`Give ${name} a value in FIELDS of this test.`);
      return [name, FIELDS[name]];
    }),
  );
}

interface Answer {
  /** Of a subscription that of its first event. */
  status: number;
  challenge: string | null;
}

type Face = (who: { authorization: string | undefined; ids: string[]; mayBegin: boolean }) => Promise<Answer>;

const queryOf = (ids: string[], more: Record<string, string> = {}) =>
  new URLSearchParams([...ids.map((id): [string, string] => ['id', id]), ...Object.entries(more)]).toString();

const headersOf = (authorization: string | undefined) =>
  authorization === undefined ? {} : { authorization };

async function send(path: string, init: RequestInit): Promise<Answer> {
  const answer = await fetch(`${server.url}${path}`, init);
  await answer.text();
  return { status: answer.status, challenge: answer.headers.get('www-authenticate') };
}

/** Makes a vault in both work sessions, which `vault.changes` tells. */
async function change(): Promise<void> {
  for (const { authorization = '' } of credentials.filter(({ kind }) =>
    /^session, (valid|of another)/.test(kind),
  ))
    await send('/api/vault?id=owner', {
      method: 'POST',
      headers: { authorization, ...JSON_BODY },
      body: '{}',
    });
}

/** Reads a stream until its first event, or the refusal that ends it. */
async function sendSubscription(path: string, init: RequestInit, mayBegin: boolean): Promise<Answer> {
  const leaving = new AbortController();
  const answer = await fetch(`${server.url}${path}`, { ...init, signal: leaving.signal });
  let [text, changed] = ['', false];
  for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    const events = text.split('\n\n').filter((event) => /^\s*data: /.test(event));
    if (events.length > 0) break;
    if (mayBegin && !changed && text.includes('event: connected')) {
      changed = true;
      await change();
    }
  }
  leaving.abort();
  const refusal = /event: serialized-error\ndata: (.*)/.exec(text)?.[1];
  if (refusal === undefined) return { status: answer.status, challenge: null };
  const { data } = JSON.parse(refusal) as { data: { httpStatus: number } };
  // The stream has begun by then, and so carries no challenge.
  return { status: data.httpStatus, challenge: data.httpStatus === 401 ? 'Bearer' : null };
}

function facesOf(name: string, procedure: Procedure): [face: string, face: Face][] {
  const { type } = procedure._def;
  const trpc =
    (path: string, spell: (input: unknown) => unknown, more: Record<string, string> = {}): Face =>
    ({ authorization, ids, mayBegin }) => {
      const input = JSON.stringify(spell(inputOf(procedure)));
      const headers = headersOf(authorization);
      if (type === 'mutation')
        return send(`/trpc/${path}?${queryOf(ids, more)}`, {
          method: 'POST',
          headers: { ...headers, ...JSON_BODY },
          body: input,
        });
      const address = `/trpc/${path}?${queryOf(ids, { ...more, input })}`;
      return type === 'query' ? send(address, { headers }) : sendSubscription(address, { headers }, mayBegin);
    };
  const faces: [string, Face][] = [['tRPC', trpc(name, (input) => input)]];
  if (type !== 'subscription')
    faces.push([
      'tRPC in a batch',
      trpc(`${name},${name}`, (input) => ({ 0: input, 1: input }), { batch: '1' }),
    ]);
  const route = restRoutes.get(name);
  if (!route) return faces;
  const rest =
    (method: string): Face =>
    ({ authorization, ids }) => {
      const { ...fields } = inputOf(procedure);
      const path = route.url.replace(/:(\w+)/g, (_, field) => {
        const value = String(fields[field]);
        delete fields[field];
        return encodeURIComponent(value);
      });
      const body = method === 'GET' || method === 'HEAD' ? {} : { body: JSON.stringify(fields) };
      return send(`${path}?${queryOf(ids)}`, {
        method,
        headers: { ...headersOf(authorization), ...('body' in body ? JSON_BODY : {}) },
        ...body,
      });
    };
  faces.push(['REST', rest(route.openapi.method)]);
  if (route.head) faces.push(['REST by HEAD', rest('HEAD')]);
  return faces;
}

/** Credentials that a client id is tried with: none, and one of each worth. */
const ID_KINDS = /^none$|^the operator token$|^session, (?:unknown|of another work session|valid)$/;

/** Statuses that the contract allows. */
function allowed(who: Who, worth: Worth, hasVault: boolean): number[] {
  if (who === 'anybody') return [200, 201, 401, 404];
  if (worth === 'nothing') return [401];
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

  test.each(facesOf(name, procedure))('every kind of credentials gets its rights: %s', async (_, face) => {
    const hasVault = 'vault_id' in inputOf(procedure);
    const before = await everything();
    for (const { kind, authorization, worth } of credentials.filter((one) => one.worth === 'nothing')) {
      const { status, challenge } = await face({ authorization, ids: ['agent'], mayBegin: false });
      expect(allowed(who, worth, hasVault), `${kind}: ${status}`).toContain(status);
      expect(challenge, kind).toBe(status === 401 ? 'Bearer' : null);
    }
    if (who !== 'anybody') expect(await everything(), 'nothing was written').toEqual(before);
    for (const { kind, authorization, worth } of credentials.filter((one) => one.worth !== 'nothing')) {
      const { status, challenge } = await face({
        authorization,
        ids: [worth === 'the work session' ? 'agent' : 'stranger'],
        mayBegin: true,
      });
      expect(allowed(who, worth, hasVault), `${kind}: ${status}`).toContain(status);
      expect(challenge, kind).toBe(status === 401 ? 'Bearer' : null);
    }
  });

  test.each(facesOf(name, procedure))('a client id is asked for after the session: %s', async (_, face) => {
    const before = await everything();
    for (const ids of [[], [''], ['a', 'b'], ['a', 'a'], ['', 'a']]) {
      for (const { kind, authorization, worth } of credentials.filter((one) => ID_KINDS.test(one.kind))) {
        const { status } = await face({ authorization, ids, mayBegin: worth === 'the operator' });
        const withoutId = worth === 'the operator' || who === 'anybody';
        const expected =
          worth === 'nothing' || withoutId ? allowed(who, worth, 'vault_id' in inputOf(procedure)) : [400];
        expect(expected, `${kind}, ${JSON.stringify(ids)}: ${status}`).toContain(status);
      }
    }
    if (who === 'caller') expect(await everything(), 'nothing was written').toEqual(before);
  });
});
