import fc from 'fast-check';
import { beforeAll, expect, test, vi } from 'vitest';
import { SCOPES } from '../../src/access/credential.ts';
import { rest } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { findOperation, type Operation, theDocument } from '../support/document.ts';
import { spoiltRequests, validRequests, type World } from '../support/generated-requests.ts';
import { type RawRequest, sendRaw } from '../support/raw-http.ts';
import { makeRequestJudge } from '../support/request-judge.ts';
import { useServer } from '../support/server.ts';

/**
 * `GENERATIVE_SEED` and `GENERATIVE_RUNS` try others, as `npm run soak:generative` does. A failure prints its seed. Each
 * test demands that its requests have met every call or refusal.
 */
const SEED = Number(process.env.GENERATIVE_SEED ?? 20_261_124);
const RUNS = Number(process.env.GENERATIVE_RUNS ?? 30);
vi.setConfig({ testTimeout: 120_000 + 4000 * RUNS });
/** Requests of one run, after which the tables are compared. */
const BATCH = 40;

const database = useDatabase();
const server = useServer(database);

let world: World;

beforeAll(async () => {
  const make = async <Body>(path: string, body: unknown, session?: string) =>
    (await rest<Body>('POST', `${server.url}${path}`, { session, body })).body;
  const session = await server.login('st-1');
  const other = await server.login('st-2');
  const unbound = await make<{ id: string; otp: string }>('/api/sessions', { hostname: 'unbound' });
  await make(`/api/sessions/${unbound.id}/grant`, { otp: unbound.otp });

  const makeVault = async (owner: string) => {
    const { vault_id } = await make<{ vault_id: string }>('/api/vault?id=a', {}, owner);
    await make(`/api/vault/${vault_id}?id=a`, { text: 'first' }, owner);
    return vault_id;
  };
  const vaults = [await makeVault(session), await makeVault(session), await makeVault(other)];
  const pending: World['pending'] = [];
  const codes = ['st-1'];
  for (let i = 0; i < 30; i++) {
    pending.push(await make<{ id: string; otp: string }>('/api/sessions', { hostname: `host-${i}` }));
    codes.push((await make<{ code: string }>('/api/pair', { hostname: `host-${i}` })).code);
  }
  const admin = await server.makeKey('st-1', { scopes: SCOPES });
  const keys: string[] = [];
  for (let i = 0; i < 5; i++) keys.push((await server.makeKey('st-1')).id);
  world = {
    session,
    admin: admin.key,
    keys,
    otherSessions: [other, unbound.id, 'unknown'],
    pending,
    known: {
      vault_id: fc.constantFrom(...vaults),
      entry_id: fc.integer({ min: 1, max: 3 }),
      id: fc.constantFrom(...pending.map(({ id }) => id)),
      code: fc.constantFrom(...codes),
      client_id: fc.constantFrom('a', 'b'),
      work_session_id: fc.constantFrom('st-1', 'st-2'),
      client: fc.constantFrom('a', 'b', 'a b/c', '团队-mac', '🦀'.repeat(128), "'{}"),
    },
  };
});

/**
 * What the server keeps, in short: of each row of the vaults the transaction that wrote it, which costs no look at the
 * texts. That a session was used, or an OTP tried in vain, is no change.
 */
async function fingerprint(): Promise<string> {
  const { rows } = await database.admin.query({
    name: 'fingerprint',
    text: `
      SELECT
        (SELECT row(count(*), sum(xmin::text::bigint)) FROM vaults)::text AS vaults,
        (SELECT row(count(*), sum(xmin::text::bigint)) FROM vault_entries)::text AS entries,
        (SELECT md5(string_agg(concat_ws(',', id_hash, hostname, status, astation_id, otp_hash, token), ';'
          ORDER BY id_hash)) FROM sessions) AS sessions,
        (SELECT count(*) FROM astations) AS astations`,
  });
  return JSON.stringify(rows[0]);
}

const objection = makeRequestJudge(theDocument);
/** How often each call was answered with each status. */
const answered = new Map<string, number>();

async function ask(request: RawRequest): Promise<number> {
  const { status } = await sendRaw(server.url, request);
  const call = findOperation(theDocument, request.method, request.path)?.operation.operationId ?? 'none';
  answered.set(`${call} ${status}`, (answered.get(`${call} ${status}`) ?? 0) + 1);
  return status;
}

/** A wrong OTP is refused, and the fifth ends the session: the one refusal that is meant to change something. */
const mayChange = ({ path }: RawRequest, status: number) =>
  status < 300 || (status === 401 && path.includes('/grant'));

/** Sends a batch, and sees that nothing was changed by what was refused. Shrinking finds the request that did it. */
async function sendBatch(
  batch: RawRequest[],
  judge: (status: number, request: RawRequest) => void,
): Promise<void> {
  let before = await fingerprint();
  for (const request of batch) {
    const status = await ask(request);
    expect(status, 'no failure of the server').toBeLessThan(500);
    judge(status, request);
    if (!mayChange(request, status)) continue;
    if (request.method === 'GET' && !request.path.includes('/status')) continue;
    before = await fingerprint();
  }
  expect(await fingerprint(), 'what was refused has changed nothing').toBe(before);
}

const settings = { seed: SEED, numRuns: RUNS };
const batchOf = (requests: fc.Arbitrary<RawRequest>) =>
  fc.array(requests, { minLength: 1, maxLength: BATCH, size: 'max' });

test('what the document allows is never called malformed', async () => {
  const property = fc.asyncProperty(batchOf(validRequests(theDocument, world)), (batch) =>
    sendBatch(batch, (status) => expect([400, 405, 415, 429]).not.toContain(status)),
  );
  await fc.assert(property, settings);
  const isDone = ({ operationId, responses }: Operation) =>
    Object.keys(responses).some((status) => status < '300' && answered.has(`${operationId} ${status}`));
  const calls = Object.values(theDocument.paths).flatMap((methods) => Object.values(methods));
  const left = calls.filter((call) => !isDone(call)).map(({ operationId }) => operationId);
  expect(left, 'every call was done at least once').toEqual([]);
});

test('what the document does not allow is refused as it says, and changes nothing', async () => {
  answered.clear();
  const property = fc.asyncProperty(batchOf(spoiltRequests(theDocument, world)), (batch) =>
    sendBatch(batch, (status, request) => {
      if (status < 300 && request.method !== 'OPTIONS') expect(objection(request)).toBeUndefined();
    }),
  );
  await fc.assert(property, settings);
  const statuses = new Set([...answered.keys()].map((call) => Number(call.split(' ')[1])));
  expect([400, 401, 403, 404, 405, 409, 413, 415].filter((status) => !statuses.has(status))).toEqual([]);
});
