import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { makeKey } from '../../src/access/key-format.ts';
import type { Secret } from '../../src/secrets/scan.ts';
import { useDatabase } from '../support/database.ts';
import { makeLogKeeper } from '../support/log-lines.ts';
import { callTool, connect } from '../support/mcp.ts';
import { type TestServer, useServer } from '../support/server.ts';
import { callOn, SURFACE_NAMES } from '../support/surfaces.ts';
import { BASE62, makeRandom } from '../unit/secrets/random.ts';

const database = useDatabase();
const keeper = makeLogKeeper();
const servers = {
  off: useServer(database, { secretScan: 'off' }, keeper.log),
  warn: useServer(database, {}, keeper.log),
  refuse: useServer(database, { secretScan: 'refuse' }, keeper.log),
};

/** What no answer, log line or audit row may hold. */
const values = new Set<string>();
/** What the callers received. */
const received: string[] = [];

/** @returns a key of the right form that no server knows */
function drawKey(): string {
  const { key } = makeKey();
  values.add(key);
  return key;
}

/** How a write ended, on any surface. */
interface Ended {
  /** The answer without what looks like a secret; undefined: refused. */
  answer?: Record<string, unknown>;
  code?: string;
  message?: string;
  secrets?: Secret[];
}

type Input = Record<string, unknown>;
type Writes = (call: 'create' | 'write' | 'setSummary', input: Input) => Promise<Ended>;

const TOOLS = { create: 'vault_create', write: 'vault_write', setSummary: 'vault_set_summary' };

const asEnded = (result: Input): Ended => {
  const { secrets, replayed: _, ...answer } = result;
  return { answer, ...(secrets !== undefined && { secrets: secrets as Secret[] }) };
};

async function writesOn(surface: string, server: TestServer): Promise<Writes> {
  const session = await server.login('st-1');
  if (surface !== 'mcp')
    return async (call, { vault_id, idempotency_key, ...input }) => {
      const { answer, ...outcome } = await callOn(surface as 'rest', server.url, {
        procedure: `vault.${call}`,
        json: JSON.stringify(input),
        ...(vault_id === undefined ? {} : { vaultId: String(vault_id) }),
        credentials: { session, clientId: 'ann' },
      });
      received.push(answer.text);
      return 'result' in outcome ? asEnded(outcome.result as Input) : outcome;
    };
  const client = await connect({ url: server.url, secret: session, clientId: 'ann' });
  return async (call, input) => {
    const result = await callTool(client, TOOLS[call], input);
    received.push(JSON.stringify(result));
    if (result.structured && !result.isError) return asEnded(result.structured as Input);
    return result.error as Ended;
  };
}

const ALL = [...SURFACE_NAMES, 'mcp'];

test.each(ALL)('SECRET_SCAN=warn: every write succeeds and says kind, line and mask: %s', async (surface) => {
  const write = await writesOn(surface, servers.warn);
  const found = (line: number) => [{ kind: 'vault-relay-key', line, masked: 'vr_…' }];
  const made = await write('create', { summary: `for ${drawKey()}` });
  expect(made).toEqual({ answer: { vault_id: expect.any(String) }, secrets: found(1) });
  const { vault_id } = made.answer as { vault_id: string };
  const text = `one\ntwo ${drawKey()}`;
  expect(await write('write', { vault_id, text })).toEqual({
    answer: { entry_no: 1, version: 1, seq: 2 },
    secrets: found(2),
  });
  expect(await write('write', { vault_id, text, tags: ['ok'], entry_id: 1 })).toMatchObject({
    secrets: found(2),
  });
  const tag = `AK${'IA'}QWERTYUIOP234567`;
  values.add(tag);
  expect(await write('write', { vault_id, text: 'harmless', tags: [tag] })).toEqual({
    answer: { entry_no: 2, version: 1, seq: 4 },
    secrets: [{ kind: 'aws-access-key', line: 0, masked: `AK${'IA'}…` }],
  });
  expect(await write('setSummary', { vault_id, text: drawKey() })).toEqual({ answer: {}, secrets: found(1) });
  expect(await write('write', { vault_id, text: `commit ${randomUUID()}, e3 v4` })).toEqual({
    answer: { entry_no: 3, version: 1, seq: 6 },
  });
});

test.each(ALL)(
  'SECRET_SCAN=refuse: a write is refused, and made with a reason that is audited: %s',
  async (surface) => {
    const write = await writesOn(surface, servers.refuse);
    const { vault_id } = (await write('create', {})).answer as { vault_id: string };
    const text = `one\n\n${drawKey()}`;
    const refused = {
      code: 'POSSIBLE_SECRET',
      message: expect.stringMatching(/^Line 3 looks like a secret \(vault-relay-key, vr_…\), .*allow_secret/),
      secrets: [{ kind: 'vault-relay-key', line: 3, masked: 'vr_…' }],
    };
    expect(await write('write', { vault_id, text })).toMatchObject(refused);
    expect(await write('setSummary', { vault_id, text })).toMatchObject(refused);
    expect(await write('create', { summary: text })).toMatchObject(refused);
    expect(await write('write', { vault_id, text, allow_secret: `it is ${drawKey()}` })).toMatchObject({
      code: 'BAD_REQUEST',
      message: expect.stringContaining('allow_secret'),
    });
    expect(await write('write', { vault_id, text, allow_secret: 'revoked on Monday' })).toEqual({
      answer: { entry_no: 1, version: 1, seq: 2 },
      secrets: refused.secrets,
    });
    const { rows } = await database.admin.query(
      'SELECT action, outcome FROM audit_log WHERE vault_id = $1 ORDER BY id',
      [vault_id],
    );
    expect(rows).toEqual([
      { action: 'create', outcome: 'written' },
      { action: 'append', outcome: 'possible_secret' },
      { action: 'summary', outcome: 'possible_secret' },
      ...(rows.length > 5 ? [{ action: expect.stringMatching(/write|append/), outcome: 'bad_request' }] : []),
      { action: 'append', outcome: 'written' },
      { action: 'allow_secret', outcome: 'allowed: revoked on Monday' },
    ]);
  },
);

test.each(ALL)(
  'a live key or session id is found wherever it stands, and refused without override: %s',
  async (surface) => {
    const ownSession = await servers.warn.login('st-2');
    const { key, id } = await servers.warn.makeKey('st-2');
    values.add(ownSession).add(key);
    const warned = await writesOn(surface, servers.warn);
    const { vault_id } = (await warned('create', {})).answer as { vault_id: string };
    const bare = `${randomUUID()}\nrequest ${ownSession.toUpperCase()} failed`;
    const secrets = [{ kind: 'session-id', line: 2, masked: '…' }];
    expect(await warned('write', { vault_id, text: bare })).toMatchObject({ secrets });
    const write = await writesOn(surface, servers.refuse);
    for (const text of [bare, key, `${drawKey()} ${key}`])
      expect(await write('write', { vault_id, text, allow_secret: 'for a test' })).toMatchObject({
        code: 'POSSIBLE_SECRET',
        message: expect.stringMatching(/^The text holds a live key or session id/),
      });
    await servers.warn.keys.revoke(id, 'st-2', { author: 'operator' });
    expect(await write('write', { vault_id, text: key, allow_secret: 'revoked' })).toMatchObject({
      secrets: [{ kind: 'vault-relay-key', line: 1 }],
    });
    await servers.warn.sessions.revoke(ownSession);
    expect(await write('write', { vault_id, text: bare })).not.toHaveProperty('secrets');
    const { rows } = await database.admin.query(
      "SELECT count(*)::int AS refused FROM audit_log WHERE vault_id = $1 AND outcome = 'live_credential'",
      [vault_id],
    );
    expect(rows).toEqual([{ refused: 3 }]);
  },
);

test('a live key inside another secret, or a live session id behind 2,000 tokens, is found and refused', async () => {
  const session = await servers.warn.login('st-3');
  const { key } = await servers.warn.makeKey('st-3');
  values.add(session).add(key);
  const [warned, write] = [await writesOn('rest', servers.warn), await writesOn('rest', servers.refuse)];
  const { vault_id } = (await warned('create', {})).answer as { vault_id: string };
  const random = makeRandom(11);
  const tokens = Array.from({ length: 2100 }, () => `AK${'IA'}${random.of('ABCDEFGH234567', 16)}`);
  const holders = [`https://u:a-${key}@h`, `glp${'at-'}${random.of(BASE62, 20)}-${key}`];
  const allow_secret = 'for a test';
  for (const text of [...holders, `${tokens.join(' ')} ${session}`])
    expect(await write('write', { vault_id, text, allow_secret })).toMatchObject({
      message: expect.stringMatching(/^The text holds a live key or session id/),
    });
  for (const text of holders)
    expect(await warned('write', { vault_id, text })).toMatchObject({
      secrets: [{ kind: 'vault-relay-key', line: 1, masked: 'vr_…' }],
    });
});

test('a reason that repeats a found value or holds a live session id is refused, and not audited', async () => {
  const session = await servers.warn.login('st-5');
  const write = await writesOn('rest', servers.refuse);
  const { vault_id } = (await write('create', {})).answer as { vault_id: string };
  const random = makeRandom(13);
  const [password, hidden] = [`Xk93jf${random.of(BASE62, 4)}Tw8`, random.of(BASE62, 24)];
  values.add(password).add(hidden).add(session);
  const text = `password: ${password}\nkey sk${'_live_'}${hidden}`;
  for (const allow_secret of [
    `${password} is the test account`,
    `for x${password.toUpperCase()}`,
    `the one with ${hidden}`,
    `session of ${session}`,
    session.toUpperCase(),
  ])
    expect(await write('write', { vault_id, text, allow_secret }), allow_secret).toMatchObject({
      code: 'BAD_REQUEST',
      message: expect.stringContaining('allow_secret'),
    });
  expect(await write('write', { vault_id, text, allow_secret: `see ${randomUUID()}` })).toHaveProperty(
    'answer.entry_no',
    1,
  );
});

test('a reason is audited with the write or vault that was made, and not for one that was refused or repeated', async () => {
  const write = await writesOn('rest', servers.refuse);
  const session = await servers.refuse.login('st-6');
  const send = (vault: string, body: object, key: string) =>
    fetch(`${servers.refuse.url}/api/vault${vault}?id=ann`, {
      method: 'POST',
      headers: {
        authorization: `session ${session}`,
        'content-type': 'application/json',
        'idempotency-key': key,
      },
      body: JSON.stringify({ ...body, allow_secret: 'revoked in May' }),
    });
  const { vault_id: foreign } = (await write('create', {})).answer as { vault_id: string };
  const text = drawKey();
  const [made, repeated] = [await send('', { summary: text }, 'a'), await send('', { summary: text }, 'a')];
  const { vault_id: own } = (await made.json()) as { vault_id: string };
  const statuses = [
    ...[made.status, repeated.status],
    ...(await Promise.all(['b', 'b'].map((key) => send(`/${own}`, { text }, key)))).map(
      ({ status }) => status,
    ),
    (await send(`/${foreign}`, { text }, 'c')).status,
    (await send('/v-none', { text }, 'd')).status,
    (await send(`/${own}`, { text, entry_id: 1, expected_version: 7 }, 'e')).status,
    (await send(`/${own}`, { text, entry_id: 1, expected_version: 1 }, 'f')).status,
  ];
  expect(statuses.map((status) => (status < 300 ? 'made' : status))).toEqual([
    ...['made', 'made', 'made', 'made', 403, 404, 409],
    'made',
  ]);
  const { rows } = await database.admin.query(
    "SELECT vault_id, seq::int, client_id FROM audit_log WHERE outcome = 'allowed: revoked in May' ORDER BY id",
  );
  expect(rows).toEqual([1, 2, 3].map((seq) => ({ vault_id: own, seq, client_id: 'ann' })));
});

test('SECRET_SCAN=off: nothing is scanned, and the answers stay as they were', async () => {
  const write = await writesOn('rest', servers.off);
  const { vault_id } = (await write('create', { summary: drawKey() })).answer as { vault_id: string };
  expect(await write('write', { vault_id, text: drawKey() })).toEqual({
    answer: { entry_no: 1, version: 1, seq: 2 },
  });
});

test('a repeated write with the same key has the same answer', async () => {
  const session = await servers.warn.login('st-1');
  const { vault_id } = (await (await writesOn('rest', servers.warn))('create', {})).answer as {
    vault_id: string;
  };
  const send = () =>
    fetch(`${servers.warn.url}/api/vault/${vault_id}?id=ann`, {
      method: 'POST',
      headers: {
        authorization: `session ${session}`,
        'content-type': 'application/json',
        'idempotency-key': 'once',
      },
      body: JSON.stringify({ text: `vr${'_'}0 password: Zq8${'#'}kPl20_xY` }),
    });
  const [first, second] = [await send(), await send()];
  expect(second.headers.get('idempotent-replayed')).toBe('true');
  const body = await first.json();
  expect(body).toMatchObject({ secrets: [{ kind: 'password', line: 1 }] });
  expect(await second.json()).toEqual(body);
});

afterAll(async () => {
  const { rows } = await database.admin.query('SELECT audit_log::text AS line FROM audit_log');
  const audit = rows.map(({ line }) => line).join('\n');
  const log = keeper.lines.join('\n');
  expect(Math.min(values.size, keeper.lines.length, received.length)).toBeGreaterThan(0);
  for (const value of values)
    for (const [where, text] of Object.entries({ audit, log, answers: received.join('\n') }))
      expect(text.includes(value), where).toBe(false);
});
