import { beforeAll, describe, expect, test } from 'vitest';
import { router as makeRouter } from '../../src/api/trpc.ts';
import { readConfig } from '../../src/config.ts';
import { ERROR_FACES, type ErrorCode } from '../../src/errors.ts';
import { makeVaultRouter } from '../../src/router.ts';
import { listRestRoutes } from '../../src/surfaces/rest/routes.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { makeVaultInputs } from '../../src/vault/inputs.ts';
import { makeSearchProcedure } from '../../src/vault/search/operations.ts';
import { VaultStore } from '../../src/vault/store.ts';
import { dump, useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';
import { type Call, type Credentials, callOn, REST_FACES, SURFACE_NAMES } from '../support/surfaces.ts';
import { useProxiedDatabase } from '../support/tcp-proxy.ts';

const database = useDatabase();
const server = useServer(database);
const proxied = useProxiedDatabase(database);
const cutOff = useServer(proxied);
const limited = useServer(database, { rateLimitPerMinute: 1 });

/** Every procedure on vaults: one that is new fails here until it says what it takes. */
const [store, inputs] = [
  new VaultStore(database.db, new VaultFeed()),
  makeVaultInputs(readConfig({}).limits),
];
const router = makeRouter({
  vault: makeVaultRouter(store, inputs),
  search: makeSearchProcedure(store, inputs),
});
const ALL = Object.keys(router._def.procedures as object).sort();
/** These say in their answers, or as a stream, what REST says in headers or by a long wait; they have tests of their own. */
const TRPC_ONLY = ['vault.changes', 'vault.listPage', 'vault.readPage', 'vault.watch'];
const PROCEDURES = ALL.filter((name) => !TRPC_ONLY.includes(name));

interface Sample {
  /** An input that is accepted. */
  json: string;
  /** What a success looks like; `undefined` where the procedure is not about one vault. */
  result: unknown;
  needsVault: boolean;
  /** Inputs that are refused, with the code. */
  refused: [json: string, code: ErrorCode][];
  /** Whether a past writer from another work session is refused. */
  forPastWriters: 'allowed' | 'refused' | 'not about a vault';
}

const TOO_LONG = (field: string, bytes: number) => JSON.stringify({ [field]: 'a'.repeat(bytes + 1) });
const written = (entry_no: number, version: number) => ({ entry_no, version, seq: expect.any(Number) });
const entry = (entry_no: number, version: number, content: string) => ({
  seq: expect.any(Number),
  entry_no,
  version,
  kind: 'content',
  writer_id: 'atem-a',
  content,
  created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
});

/** Each is called on a vault of its own, which holds `first` (overridden once, to `second`) and `third`. */
const SAMPLES: Record<string, Sample> = {
  search: {
    json: '{"q":"parity","limit":1}',
    result: {
      hits: [
        {
          ...{ vault_id: expect.any(String), summary: 'parity', entry_no: 0, version: 1, current: true },
          ...{ kind: 'summary', seq: 1, writer_id: 'atem-a', author: expect.any(String), tags: [] },
          ...{ created_at: expect.any(String), snippet: 'parity', matches: [[0, 6]] },
        },
      ],
      next_cursor: expect.toSatisfy((next) => next === null || typeof next === 'string'),
    },
    needsVault: false,
    refused: [
      ['{"q":"a"}', 'BAD_REQUEST'],
      ['{"limit":0}', 'BAD_REQUEST'],
      ['{"since":"yesterday"}', 'BAD_REQUEST'],
      ['{"cursor":"a"}', 'BAD_REQUEST'],
    ],
    forPastWriters: 'not about a vault',
  },
  'vault.create': {
    json: '{"summary":"团队"}',
    result: { vault_id: expect.stringMatching(/^v-[0-9A-Za-z]{10}$/) },
    needsVault: false,
    refused: [
      ['{"summary":1}', 'BAD_REQUEST'],
      [TOO_LONG('summary', 2048), 'PAYLOAD_TOO_LARGE'],
    ],
    forPastWriters: 'not about a vault',
  },
  'vault.list': {
    json: '{}',
    result: expect.arrayContaining([{ vault_id: expect.any(String), summary: 'parity' }]),
    needsVault: false,
    refused: [['{"a":1}', 'BAD_REQUEST']],
    forPastWriters: 'not about a vault',
  },
  'vault.read': {
    json: '{}',
    result: [entry(1, 2, 'second'), entry(2, 1, 'third')],
    needsVault: true,
    refused: [
      ['{"since":-1}', 'BAD_REQUEST'],
      ['{"history":2}', 'BAD_REQUEST'],
      ['{"entry_id":-1}', 'BAD_REQUEST'],
      ['{"entry_id":1.5}', 'BAD_REQUEST'],
      ['{"entry_id":4294967296}', 'BAD_REQUEST'],
    ],
    forPastWriters: 'allowed',
  },
  'vault.write': {
    json: '{"text":"fourth"}',
    result: written(3, 1),
    needsVault: true,
    refused: [
      ['{}', 'BAD_REQUEST'],
      [TOO_LONG('text', 65_536), 'PAYLOAD_TOO_LARGE'],
      ['{"text":"a","entry_id":3}', 'NOT_FOUND'],
    ],
    forPastWriters: 'refused',
  },
  'vault.append': {
    json: '{"text":"fourth"}',
    result: written(3, 1),
    needsVault: true,
    refused: [
      ['{"text":null}', 'BAD_REQUEST'],
      [TOO_LONG('text', 65_536), 'PAYLOAD_TOO_LARGE'],
    ],
    forPastWriters: 'refused',
  },
  'vault.override': {
    json: '{"text":"fourth","entry_id":1}',
    result: written(1, 3),
    needsVault: true,
    refused: [
      ['{"text":"a","entry_id":"1"}', 'BAD_REQUEST'],
      [`{"entry_id":1,${TOO_LONG('text', 65_536).slice(1)}`, 'PAYLOAD_TOO_LARGE'],
      ['{"text":"a","entry_id":3}', 'NOT_FOUND'],
    ],
    forPastWriters: 'refused',
  },
  'vault.meta': {
    json: '{}',
    result: expect.objectContaining({ summary: 'parity', entries: 2, versions: 3, created_by: 'atem-a' }),
    needsVault: true,
    refused: [['{"a":1}', 'BAD_REQUEST']],
    forPastWriters: 'allowed',
  },
  'vault.proof': {
    json: '{"limit":2}',
    result: expect.objectContaining({
      algorithm: 'vault-relay/1',
      previous_hash: '0'.repeat(64),
      rows: [expect.objectContaining({ kind: 'summary' }), expect.objectContaining({ entry_no: 1 })],
    }),
    needsVault: true,
    refused: [
      ['{"limit":0}', 'BAD_REQUEST'],
      ['{"since":-1}', 'BAD_REQUEST'],
    ],
    forPastWriters: 'allowed',
  },
  'vault.removeWriter': {
    json: '{"client_id":"atem-a"}',
    result: { removed: true },
    needsVault: true,
    refused: [[JSON.stringify({ client_id: 'a'.repeat(129) }), 'BAD_REQUEST']],
    forPastWriters: 'refused',
  },
  'vault.setSummary': {
    json: '{"text":"parity"}',
    result: {},
    needsVault: true,
    refused: [
      ['{"text":1}', 'BAD_REQUEST'],
      [TOO_LONG('text', 2048), 'PAYLOAD_TOO_LARGE'],
    ],
    forPastWriters: 'allowed',
  },
};

let credentials: Credentials;
let elsewhere: Credentials;

beforeAll(async () => {
  credentials = { session: await server.login('st-1'), clientId: 'atem-a' };
  elsewhere = { session: await server.login('st-2'), clientId: 'atem-a' };
});

async function makeVault(): Promise<string> {
  const call = async (procedure: string, json: string, vaultId?: string) => {
    const about = vaultId === undefined ? {} : { vaultId };
    const outcome = await callOn('rest', server.url, { procedure, json, credentials, ...about });
    if (!('result' in outcome)) throw new Error(outcome.message);
    return outcome.result;
  };
  const { vault_id } = (await call('vault.create', '{"summary":"parity"}')) as { vault_id: string };
  await call('vault.write', '{"text":"first"}', vault_id);
  await call('vault.write', '{"text":"second","entry_id":1}', vault_id);
  await call('vault.write', '{"text":"third"}', vault_id);
  return vault_id;
}

/** Makes the call on both surfaces and compares how it ends. */
async function expectAgreement(
  call: Call,
  { by, at = server.url, code }: { by: Credentials; at?: string; code: ErrorCode },
): Promise<void> {
  const outcomes = [];
  for (const surface of SURFACE_NAMES) {
    const { answer, ...outcome } = await callOn(surface, at, { ...call, credentials: by });
    outcomes.push({ ...outcome, retryAfter: answer.headers['retry-after'] });
  }
  const [onRest, onTrpc] = outcomes;
  expect(onRest).toMatchObject({
    status: ERROR_FACES[code].status,
    code,
    message: expect.stringMatching(/\S.*\.$/),
  });
  expect(onTrpc).toEqual(onRest);
}

test('every procedure has a sample and a place on REST, and nothing else has', () => {
  expect(Object.keys(SAMPLES).sort()).toEqual(PROCEDURES);
  expect(ALL).toEqual(expect.arrayContaining(TRPC_ONLY));
  expect(Object.keys(REST_FACES).sort()).toEqual(PROCEDURES);
});

test('the places on REST are the ones that are mounted', () => {
  const mounted = listRestRoutes(router).map(({ name, openapi, url }) => [
    name,
    `${openapi.method} ${url.replace(':vault_id', 'v').replace(':client_id', 'c')}`,
  ]);
  const stated = mounted.map(([name = '']) => [
    name,
    `${REST_FACES[name]?.method} ${REST_FACES[name]?.path('v', { client_id: 'c' })}`,
  ]);
  expect(mounted).toEqual(stated);
  // Released clients append and override through the one address that `write` serves.
  const unmounted = PROCEDURES.filter((name) => !mounted.some(([mountedName]) => mountedName === name));
  expect(unmounted).toEqual(['vault.append', 'vault.override']);
});

describe.each(PROCEDURES)('%s on both surfaces', (procedure) => {
  const sample = SAMPLES[procedure];
  if (!sample) return test.fails('has a sample', () => expect(sample).toBeDefined());
  const { json, result, needsVault, refused, forPastWriters } = sample;
  const on = (vaultId: string, input = json): Call => ({
    procedure,
    json: input,
    ...(needsVault ? { vaultId } : {}),
  });

  test('succeeds alike', async () => {
    for (const surface of SURFACE_NAMES) {
      const { answer: _, ...outcome } = await callOn(surface, server.url, {
        ...on(await makeVault()),
        credentials,
      });
      expect(outcome, surface).toEqual({ status: 200, result });
    }
  });

  const inputs = refused.map(([input, code]) => ({ input, code, shown: input.slice(0, 40) }));
  test.each(inputs)('refuses alike: $shown', async ({ input, code }) => {
    const vaultId = await makeVault();
    const before = await dump(database.admin);
    await expectAgreement(on(vaultId, input), { by: credentials, code });
    expect(await dump(database.admin)).toBe(before);
  });

  test('tells alike who may not call', async () => {
    const vaultId = await makeVault();
    const before = await dump(database.admin);
    for (const by of [{}, { clientId: 'a' }, { session: 'x', clientId: 'a' }, { session: 'x' }]) {
      await expectAgreement(on(vaultId), { by, code: 'UNAUTHORIZED' });
    }
    await expectAgreement(on(vaultId), { by: { session: credentials.session }, code: 'BAD_REQUEST' });
    await expectAgreement(on(vaultId), {
      by: { session: credentials.session, clientId: '' },
      code: 'BAD_REQUEST',
    });
    // Who calls comes first, then what is sent.
    await expectAgreement(on(vaultId, '{"nonsense":1}'), { by: {}, code: 'UNAUTHORIZED' });
    expect(await dump(database.admin)).toBe(before);
  });

  if (!needsVault) return;

  test('tells alike that a vault is not there or not for the caller', async () => {
    const vaultId = await makeVault();
    const before = await dump(database.admin);
    await expectAgreement(on('v-0000000000'), { by: credentials, code: 'NOT_FOUND' });
    await expectAgreement(on(vaultId), { by: { ...elsewhere, clientId: 'atem-c' }, code: 'FORBIDDEN' });
    expect(await dump(database.admin)).toBe(before);
  });

  test('treats a past writer of another work session alike', async () => {
    const vaultId = await makeVault();
    if (forPastWriters === 'refused') {
      await expectAgreement(on(vaultId), { by: elsewhere, code: 'FORBIDDEN' });
      return;
    }
    for (const surface of SURFACE_NAMES) {
      const { answer: _, ...outcome } = await callOn(surface, server.url, {
        ...on(vaultId),
        credentials: elsewhere,
      });
      expect(outcome, surface).toEqual({ status: 200, result });
    }
  });

  test('fails alike', async () => {
    const vaultId = await makeVault();
    const before = await dump(database.admin);
    await database.admin.query('REVOKE SELECT ON vaults FROM vault_relay_app');
    try {
      await expectAgreement(on(vaultId), { by: credentials, code: 'INTERNAL_SERVER_ERROR' });
    } finally {
      await database.admin.query('GRANT SELECT ON vaults TO vault_relay_app');
    }
    expect(await dump(database.admin)).toBe(before);
  });

  test('tells alike that the database is away', async () => {
    const vaultId = await makeVault();
    const before = await dump(database.admin);
    proxied.proxy.refuse();
    try {
      await expectAgreement(on(vaultId), { by: credentials, at: cutOff.url, code: 'SERVICE_UNAVAILABLE' });
    } finally {
      proxied.proxy.heal();
    }
    expect(await dump(database.admin)).toBe(before);
  });

  test('tells alike that there were too many requests', async () => {
    const by = { session: await server.login('st-1'), clientId: 'atem-a' };
    const vaultId = await makeVault();
    await callOn('rest', limited.url, { procedure: 'vault.list', credentials: by });
    const before = await dump(database.admin);
    await expectAgreement(on(vaultId), { by, at: limited.url, code: 'TOO_MANY_REQUESTS' });
    expect(await dump(database.admin)).toBe(before);
  });
});
