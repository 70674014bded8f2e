import { createHash, randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { text as readText } from 'node:stream/consumers';
import { TRPCClientError } from '@trpc/client';
import { describe, expect, test } from 'vitest';
import { hashSessionId } from '../../src/access/session-id.ts';
import { ERROR_FACES, type ErrorCode } from '../../src/errors.ts';
import { AstationStore } from '../../src/session/astation-store.ts';
import { BindingStore } from '../../src/session/binding-store.ts';
import { AstationKey } from '../support/astation-key.ts';
import { rest, trpcClient } from '../support/client.ts';
import { useDatabase } from '../support/database.ts';
import { useRelayServer, withRelayServer } from '../support/relay-server.ts';

const database = useDatabase();
const server = useRelayServer(database);

interface Created {
  id: string;
  otp: string;
  hostname: string;
  status: string;
  created_at: string;
  expires_at: string;
}
interface Grant {
  otp: string;
  astation_id?: string;
  signature?: string;
}

/** What a call came to, in terms that both surfaces share. */
type Outcome = { ok: Record<string, unknown> } | { code: ErrorCode; error: string };

async function overRest(method: string, path: string, body?: unknown): Promise<Outcome> {
  const answer = await rest<Record<string, unknown>>(method, `${server.url}/api/sessions${path}`, { body });
  if (answer.status < 300) {
    expect(answer.status).toBe(path === '' ? 201 : 200);
    return { ok: answer.body };
  }
  const { error, code, ...more } = answer.body as { error: string; code: ErrorCode };
  expect([more, answer.status]).toEqual([{}, ERROR_FACES[code].status]);
  return { code, error };
}

async function overTrpc(call: Promise<object>): Promise<Outcome> {
  try {
    return { ok: { ...(await call) } };
  } catch (error) {
    if (!(error instanceof TRPCClientError) || !error.data) throw error;
    const codes = Object.entries(ERROR_FACES) as [ErrorCode, { trpc: string }][];
    const face = codes.find(([, { trpc }]) => trpc === error.data.code);
    if (!face) throw error;
    return { code: face[0], error: error.message };
  }
}

const client = () => trpcClient(server.url, { session: 'none', clientId: 'x' }).session;
const at = (id: string, call: string) => `/${encodeURIComponent(id)}/${call}`;

const SURFACES = {
  rest: {
    create: (hostname: unknown) => overRest('POST', '', { hostname }),
    status: (id: string) => overRest('GET', at(id, 'status')),
    grant: (id: string, grant: Grant) => overRest('POST', at(id, 'grant'), grant),
    deny: (id: string) => overRest('POST', at(id, 'deny')),
  },
  trpc: {
    create: (hostname: unknown) => overTrpc(client().create.mutate({ hostname: hostname as string })),
    status: (id: string) => overTrpc(client().status.query({ id })),
    grant: (id: string, grant: Grant) => overTrpc(client().grant.mutate({ id, ...grant })),
    deny: (id: string) => overTrpc(client().deny.mutate({ id })),
  },
};

const sql = (statement: string, id: string) => database.admin.query(statement, [hashSessionId(id)]);
const row = async (id: string) => (await sql('SELECT * FROM sessions WHERE id_hash = $1', id)).rows[0];
const expire = (id: string) => sql(`UPDATE sessions SET expires_at = now() WHERE id_hash = $1`, id);
const list = async (session: string) =>
  (await rest('GET', `${server.url}/api/vault?id=a`, { session })).status;

const create = async (): Promise<Created> => {
  const outcome = await SURFACES.rest.create('host');
  if (!('ok' in outcome)) throw new Error(outcome.error);
  return outcome.ok as unknown as Created;
};
/** An OTP that is surely another one. */
const wrong = (otp: string, n = 1) => String((Number(otp) + n) % 100_000_000).padStart(8, '0');
const TOKEN = /^[0-9a-f]{64}$/;

describe.each(['rest', 'trpc'] as const)('over %s', (surface) => {
  const calls = SURFACES[surface];

  test('a request: its answer, and its lifetime', async () => {
    const began = Date.now();
    const outcome = await calls.create('团队的 mac');
    expect(outcome).toEqual({
      ok: {
        id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
        otp: expect.stringMatching(/^\d{8}$/),
        hostname: '团队的 mac',
        status: 'pending',
        created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/),
        expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/),
      },
    });
    const { id, created_at, expires_at } = (outcome as { ok: Record<string, string> })
      .ok as unknown as Created;
    expect(Date.parse(expires_at) - Date.parse(created_at)).toBe(300_000);
    expect(Date.parse(created_at)).toBeGreaterThanOrEqual(began - 1);
    expect(Date.parse(created_at)).toBeLessThanOrEqual(Date.now() + 1);
    expect(await calls.status(id)).toEqual({ ok: { id, status: 'pending' } });
  });

  test.each([
    ['one character', 'x'],
    ['255 characters', 'x'.repeat(255)],
    ['255 characters beyond the basic plane', '🚀'.repeat(255)],
  ])('a hostname of %s is accepted', async (_name, hostname) => {
    expect(await calls.create(hostname)).toMatchObject({ ok: { hostname } });
  });

  test.each([
    ['nothing', ''],
    ['256 characters', 'x'.repeat(256)],
    ['NUL', 'a\0b'],
    ['a lone surrogate', 'a\ud800'],
    ['ESC', 'mac\u001b[2J'],
    ['a line break', 'mac\nevil'],
    ['DEL', 'mac\u007f'],
    ['a C1 control', 'mac\u009b31m'],
    ['U+0085', 'mac\u0085'],
    ['a mark that reorders', 'mac\u202egpj'],
    ['an isolate', '\u2066mac\u2069'],
    ['a left-to-right mark', 'mac\u200e'],
    ['a right-to-left mark', 'mac\u200f'],
    ['an Arabic letter mark', '\u061cmac'],
    ['a line separator', 'mac\u2028'],
    ['a paragraph separator', 'mac\u2029'],
    ['a number', 7],
    ['null', null],
    ['undefined', undefined],
  ])('a hostname of %s is not', async (_name, hostname) => {
    expect(await calls.create(hostname)).toMatchObject({
      code: 'BAD_REQUEST',
      error: expect.stringMatching(/^Field hostname /),
    });
  });

  test('E5, lost answer: a grant by OTP: the token goes to the granter, and for five minutes to the requester', async () => {
    const { id, otp } = await create();
    const granted = await calls.grant(id, { otp });
    expect(granted).toEqual({ ok: { id, status: 'granted', token: expect.stringMatching(TOKEN) } });
    const { token } = (granted as { ok: { token: string } }).ok;
    // A lost answer does not end the login: the token can be read again.
    for (let n = 0; n < 3; n++) {
      expect(await calls.status(id)).toEqual({ ok: { id, status: 'granted', token } });
    }
    expect(await list(id)).toBe(401);
    expect(await list(token)).toBe(401);
  });

  test('login fixation: a grant by OTP alone leaves no binding from before', async () => {
    const { id, otp } = await create();
    await sql(`UPDATE sessions SET astation_id = 'st-thief' WHERE id_hash = $1`, id);
    expect(await calls.grant(id, { otp })).toMatchObject({ ok: { id } });
    expect(await row(id)).toMatchObject({ status: 'granted', astation_id: null });
    expect(await list(id)).toBe(401);
  });

  test('E5: a token can no longer be read after five minutes', async () => {
    const { id, otp } = await create();
    await calls.grant(id, { otp });
    const { rows } = await sql(
      'SELECT extract(epoch FROM token_until - now())::float8 AS left FROM sessions WHERE id_hash = $1',
      id,
    );
    expect(rows[0].left).toBeGreaterThan(290);
    expect(rows[0].left).toBeLessThanOrEqual(300);
    await sql('UPDATE sessions SET token_until = now() WHERE id_hash = $1', id);
    expect(await calls.status(id)).toEqual({ ok: { id, status: 'granted' } });
  });

  test('a wrong OTP is refused, four times; the right one then still grants', async () => {
    const { id, otp } = await create();
    for (let n = 1; n <= 4; n++) {
      expect(await calls.grant(id, { otp: wrong(otp, n) })).toEqual({
        code: 'UNAUTHORIZED',
        error: 'Wrong OTP.',
      });
    }
    expect(await calls.status(id)).toEqual({ ok: { id, status: 'pending' } });
    expect(await calls.grant(id, { otp })).toMatchObject({ ok: { status: 'granted' } });
  });

  test('the fifth wrong OTP ends the request, and the right OTP is refused afterwards', async () => {
    const { id, otp } = await create();
    for (let n = 1; n <= 4; n++) await calls.grant(id, { otp: wrong(otp, n) });
    expect(await calls.grant(id, { otp: wrong(otp, 5) })).toEqual({
      code: 'UNAUTHORIZED',
      error: 'Too many wrong OTPs: this session has ended.',
    });
    expect(await calls.grant(id, { otp })).toEqual({
      code: 'CONFLICT',
      error: 'This session is already denied.',
    });
    expect(await calls.status(id)).toEqual({ ok: { id, status: 'denied' } });
  });

  test.each(['', '1234567', '123456789', ' 12345678', '١٢٣٤٥٦٧٨', 'x'.repeat(64)])(
    'an OTP of %j is a wrong one',
    async (otp) => {
      const { id } = await create();
      expect(await calls.grant(id, { otp })).toEqual({ code: 'UNAUTHORIZED', error: 'Wrong OTP.' });
      expect((await row(id)).otp_tries).toBe(1);
    },
  );

  test('a decided request cannot be decided again', async () => {
    const [granted, denied] = [await create(), await create()];
    await calls.grant(granted.id, { otp: granted.otp });
    expect(await calls.deny(denied.id)).toEqual({ ok: { id: denied.id, status: 'denied' } });
    for (const [{ id, otp }, status] of [
      [granted, 'granted'],
      [denied, 'denied'],
    ] as const) {
      const conflict = { code: 'CONFLICT', error: `This session is already ${status}.` };
      expect(await calls.grant(id, { otp })).toEqual(conflict);
      expect(await calls.grant(id, { otp: wrong(otp) })).toEqual(conflict);
      expect(await calls.deny(id)).toEqual(conflict);
      expect(await calls.status(id)).toMatchObject({ ok: { status } });
    }
    expect(await calls.status(denied.id)).toEqual({ ok: { id: denied.id, status: 'denied' } });
  });

  test('five minutes later it has expired', async () => {
    const { id, otp } = await create();
    await expire(id);
    const gone = { code: 'GONE', error: 'This session has expired; request a new one.' };
    expect(await calls.status(id)).toEqual({ ok: { id, status: 'expired' } });
    expect(await calls.grant(id, { otp })).toEqual(gone);
    expect(await calls.deny(id)).toEqual(gone);
    expect((await row(id)).status).toBe('pending');
  });

  test('a granted session expires after seven days without use', async () => {
    const { id, otp } = await create();
    await calls.grant(id, { otp });
    await expire(id);
    expect(await calls.status(id)).toMatchObject({ ok: { id, status: 'expired' } });
  });

  test.each([randomUUID(), 'x', '团队', 'a/b', '...', '%', '%2F', ' ', "'; --", '\0', 'x'.repeat(512)])(
    'a session %j is unknown',
    async (id) => {
      const unknown = { code: 'NOT_FOUND', error: 'There is no such session.' };
      expect(await calls.grant(id, { otp: '12345678' })).toEqual(unknown);
      expect(await calls.status(id)).toEqual(unknown);
      expect(await calls.deny(id)).toEqual(unknown);
    },
  );

  test('a session that an Astation bound under an unusual id is found by that id', async () => {
    const id = 'a/b?c=d&e#f%20+%2F';
    await new BindingStore(database.db).bind('st-odd', id);
    expect(await calls.status(id)).toEqual({ ok: { id, status: 'granted' } });
    expect(await list(id)).toBe(200);
  });

  test('two right grants race: one succeeds, the other gets 409', async () => {
    for (let round = 0; round < 20; round++) {
      const { id, otp } = await create();
      const outcomes = await Promise.all([calls.grant(id, { otp }), calls.grant(id, { otp })]);
      expect(outcomes.filter((outcome) => 'ok' in outcome)).toHaveLength(1);
      expect(outcomes).toContainEqual({ code: 'CONFLICT', error: 'This session is already granted.' });
    }
  });

  test('twenty concurrent wrong OTPs: five are counted, fifteen find the request ended', async () => {
    const { id, otp } = await create();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, n) => calls.grant(id, { otp: wrong(otp, n + 1) })),
    );
    const codes = outcomes.map((outcome) => ('code' in outcome ? outcome.code : 'granted'));
    expect(codes.filter((code) => code === 'UNAUTHORIZED')).toHaveLength(5);
    expect(codes.filter((code) => code === 'CONFLICT')).toHaveLength(15);
    expect(await row(id)).toMatchObject({ status: 'denied', otp_tries: 5, token: null });
  });

  test('a right guess among many wrong ones either came in time or did not', async () => {
    for (let round = 0; round < 10; round++) {
      const { id, otp } = await create();
      const guesses = Array.from({ length: 12 }, (_, n) => (n === 6 ? otp : wrong(otp, n + 1)));
      const outcomes = await Promise.all(guesses.map((guess) => calls.grant(id, { otp: guess })));
      const refused = outcomes.filter((outcome) => 'code' in outcome && outcome.code === 'UNAUTHORIZED');
      const right = outcomes[6] as Outcome;
      if ('ok' in right) {
        expect(refused.length).toBeLessThan(5);
        expect(await row(id)).toMatchObject({ status: 'granted', token: right.ok.token });
      } else {
        expect(right).toEqual({ code: 'CONFLICT', error: 'This session is already denied.' });
        expect(refused).toHaveLength(5);
        expect(await row(id)).toMatchObject({ status: 'denied', token: null });
      }
    }
  });

  describe('a signed grant', () => {
    /** A request, and an Astation with a registered key. */
    async function prepare() {
      const astationId = `st-${randomUUID()}`;
      const key = new AstationKey();
      await new AstationStore(database.db).registerOrVerify(astationId, key.publicKeyHex);
      return { ...(await create()), astationId, key };
    }
    const badSignature = {
      code: 'UNAUTHORIZED',
      error: 'The signature does not match the key of this Astation.',
    };

    test('grants and binds', async () => {
      const { id, otp, astationId, key } = await prepare();
      expect(await calls.grant(id, key.grant({ id, otp, astationId }))).toEqual({
        ok: { id, status: 'granted', token: expect.stringMatching(TOKEN) },
      });
      expect(await row(id)).toMatchObject({ astation_id: astationId });
      expect(await list(id)).toBe(200);
    });

    test('grants a session that this Astation requested before', async () => {
      const { id, otp, astationId, key } = await prepare();
      await new BindingStore(database.db).bind(astationId, id);
      expect(await calls.grant(id, key.grant({ id, otp, astationId }))).toMatchObject({ ok: { id } });
      expect(await list(id)).toBe(200);
    });

    test('is refused with a signature over anything else, and no OTP is counted', async () => {
      const { id, otp, astationId, key } = await prepare();
      const other = await prepare();
      const good = key.grant({ id, otp, astationId });
      for (const signature of [
        key.grant({ id, otp: wrong(otp), astationId }).signature,
        key.grant({ id: other.id, otp, astationId }).signature,
        key.grant({ id, otp, astationId: other.astationId }).signature,
        other.key.grant({ id, otp, astationId }).signature,
        key.answer(`${id}\n${otp}`, astationId).signature,
        key.sign(`${id}\n${otp}\n${astationId}`),
        good.signature.slice(2),
        `${good.signature}00`,
        '',
        'no hex',
      ]) {
        expect(await calls.grant(id, { ...good, signature })).toEqual(badSignature);
      }
      expect(await calls.grant(id, { ...good, astation_id: other.astationId })).toEqual(badSignature);
      expect(await row(id)).toMatchObject({ status: 'pending', otp_tries: 0, astation_id: null });
      expect(await calls.grant(id, good)).toMatchObject({ ok: { status: 'granted' } });
    });

    test('is refused for an Astation without a key, or whose key was forgotten', async () => {
      const { id, otp, astationId, key } = await prepare();
      const noKey = { code: 'UNAUTHORIZED', error: 'No key is registered for this Astation.' };
      const unknown = `st-${randomUUID()}`;
      expect(await calls.grant(id, key.grant({ id, otp, astationId: unknown }))).toEqual(noKey);
      await new AstationStore(database.db).forget(astationId);
      expect(await calls.grant(id, key.grant({ id, otp, astationId }))).toEqual(noKey);
      expect(await row(id)).toMatchObject({ status: 'pending', astation_id: null });
    });

    test('counts a wrong OTP, however well it is signed', async () => {
      const { id, otp, astationId, key } = await prepare();
      expect(await calls.grant(id, key.grant({ id, otp: wrong(otp), astationId }))).toEqual({
        code: 'UNAUTHORIZED',
        error: 'Wrong OTP.',
      });
      expect(await row(id)).toMatchObject({ status: 'pending', otp_tries: 1, astation_id: null });
    });

    test('needs both its fields', async () => {
      const { id, otp, astationId, key } = await prepare();
      const { signature } = key.grant({ id, otp, astationId });
      const error = 'A signed grant has both astation_id and signature.';
      expect(await calls.grant(id, { otp, signature })).toEqual({ code: 'BAD_REQUEST', error });
      expect(await calls.grant(id, { otp, astation_id: astationId })).toEqual({ code: 'BAD_REQUEST', error });
      expect(await row(id)).toMatchObject({ status: 'pending', otp_tries: 0 });
    });

    test('login fixation: a bind from while the session was pending has no effect', async () => {
      const { id, otp, astationId, key } = await prepare();
      const bindings = new BindingStore(database.db);
      expect(await bindings.bind('st-thief', id)).toBe('pending');
      expect(await bindings.replace('st-thief', [id])).toEqual({ skipped: 1, dropped: [] });
      expect(await row(id)).toMatchObject({ status: 'pending', astation_id: null });
      // As an earlier version may have left it.
      await sql(`UPDATE sessions SET astation_id = 'st-thief' WHERE id_hash = $1`, id);
      expect(await calls.grant(id, key.grant({ id, otp, astationId }))).toMatchObject({ ok: { id } });
      expect(await row(id)).toMatchObject({ status: 'granted', astation_id: astationId });
    });

    test('is refused when the Astation has 1,000 sessions, and the request stays', async () => {
      const { id, otp, astationId, key } = await prepare();
      const bindings = new BindingStore(database.db);
      const held = Array.from({ length: 1000 }, () => randomUUID());
      await bindings.replace(astationId, held);
      expect(await calls.grant(id, key.grant({ id, otp, astationId }))).toEqual({
        code: 'CONFLICT',
        error: 'This Astation holds 1000 sessions already; unbind one, then grant again.',
      });
      expect(await row(id)).toMatchObject({ status: 'pending', otp_tries: 0 });
      await bindings.unbind(astationId, held[0] as string);
      expect(await calls.grant(id, key.grant({ id, otp, astationId }))).toMatchObject({ ok: { id } });
      expect(await list(id)).toBe(200);
    });

    test('meets the same ends as any other', async () => {
      const { id, otp, astationId, key } = await prepare();
      const unknown = randomUUID();
      expect(await calls.grant(unknown, key.grant({ id: unknown, otp, astationId }))).toMatchObject({
        code: 'NOT_FOUND',
      });
      await expire(id);
      expect(await calls.grant(id, key.grant({ id, otp, astationId }))).toMatchObject({ code: 'GONE' });
    });
  });
});

describe('on REST', () => {
  test('deny needs no body, with any content type', async () => {
    for (const headers of [undefined, { 'content-type': 'application/json' }]) {
      const { id } = await create();
      const response = await fetch(`${server.url}/api/sessions/${id}/deny`, {
        method: 'POST',
        ...(headers ? { headers } : {}),
      });
      expect([response.status, await response.json()]).toEqual([200, { id, status: 'denied' }]);
    }
    const { id } = await create();
    expect((await rest('POST', `${server.url}/api/sessions/${id}/deny`, { body: {} })).status).toBe(200);
  });

  test.each([
    ['no OTP', {}],
    ['an OTP that is a number', { otp: 12345678 }],
    ['an unknown field', { otp: '12345678', token: 'x' }],
    ['an id beside the one in the path', { otp: '12345678', id: 'x' }],
    ['an OTP of 65 characters', { otp: '1'.repeat(65) }],
    ['an array', []],
    ['broken JSON', '{'],
  ])('a grant with %s is 400 and counts as no try', async (_name, body) => {
    const { id } = await create();
    const answer = await rest('POST', `${server.url}/api/sessions/${id}/grant`, { body });
    expect(answer).toMatchObject({ status: 400, body: { code: 'BAD_REQUEST' } });
    expect(await row(id)).toMatchObject({ status: 'pending', otp_tries: 0 });
  });

  test.each(['mac\u001b[2J', 'mac\u202egpj', 'mac\u2028'])(
    'B10: a pairing room for %j is refused too, and a page whose address names it',
    async (hostname) => {
      const refusal = (field: string) => ({
        status: 400,
        body: {
          error: `Field ${field} must not contain control characters, marks that reorder text, or line separators.`,
          code: 'BAD_REQUEST',
        },
      });
      expect(await rest('POST', `${server.url}/api/pair`, { body: { hostname } })).toMatchObject(
        refusal('hostname'),
      );
      const { id } = await create();
      const page = `${server.url}/auth?id=${id}&tag=`;
      expect(await rest('GET', page + encodeURIComponent(hostname))).toMatchObject(refusal('tag'));
      expect((await fetch(`${page}mac`)).status).toBe(200);
    },
  );

  test('an id that is longer than any can be is refused', async () => {
    const answer = await rest('GET', `${server.url}/api/sessions/${'x'.repeat(513)}/status`);
    expect([answer.status, answer.body]).toEqual([
      400,
      { error: 'Field id must be at most 512 characters long.', code: 'BAD_REQUEST' },
    ]);
  });

  test('HEAD of a status is answered as GET is, without its body', async () => {
    const { id, otp } = await create();
    const granted = await SURFACES.rest.grant(id, { otp });
    const head = await fetch(`${server.url}/api/sessions/${id}/status`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect(await SURFACES.rest.status(id)).toEqual(granted);
  });
});

describe('60 grants a minute of one address', () => {
  const limited = () => ({ databaseUrl: database.url, config: { grantLimitPerMinute: 60 } });
  const tooMany = { error: 'Too many grants were tried from this address.', code: 'TOO_MANY_REQUESTS' };
  const tryOne = (url: string) =>
    rest('POST', `${url}/api/sessions/${randomUUID()}/grant`, { body: { otp: '12345678' } });

  test('grants of all sessions count together; other calls and other addresses are not affected', async () => {
    await withRelayServer(limited(), async ({ url }) => {
      const first = await Promise.all(Array.from({ length: 60 }, () => tryOne(url)));
      expect(new Set(first.map(({ status }) => status))).toEqual(new Set([404]));
      const more = await tryOne(url);
      expect([more.status, more.body]).toEqual([429, tooMany]);
      const wait = Number(more.headers.get('retry-after'));
      expect(wait).toBeGreaterThan(0);
      expect(wait).toBeLessThanOrEqual(60);

      const { id, otp } = (await rest<Created>('POST', `${url}/api/sessions`, { body: { hostname: 'h' } }))
        .body;
      expect((await rest('GET', `${url}/api/sessions/${id}/status`)).status).toBe(200);
      expect((await rest('POST', `${url}/api/sessions/${id}/grant`, { body: { otp } })).status).toBe(429);
      expect(await grantFrom('127.0.0.2', url, { id, otp })).toBe(200);
    });
  });

  test('each call of a tRPC batch counts; calls over the limit carry Retry-After', async () => {
    await withRelayServer(limited(), async ({ url }) => {
      for (let n = 0; n < 50; n++) expect((await tryOne(url)).status).toBe(404);
      const answer = await fetch(`${url}/trpc/${Array(20).fill('session.grant').join(',')}?batch=1`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(
          Object.fromEntries(
            Array.from({ length: 20 }, (_, n) => [n, { id: randomUUID(), otp: '12345678' }]),
          ),
        ),
      });
      const outcomes = (await answer.json()) as {
        error: { message: string; data: { httpStatus: number } };
      }[];
      const statuses = outcomes.map(({ error }) => error.data.httpStatus);
      expect(statuses.filter((status) => status === 404)).toHaveLength(10);
      expect(statuses.filter((status) => status === 429)).toHaveLength(10);
      expect(outcomes.find(({ error }) => error.data.httpStatus === 429)?.error.message).toBe(tooMany.error);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await tryOne(url)).status).toBe(429);
    });
  });
});

/** Grants from another address of this machine. */
function grantFrom(
  localAddress: string,
  url: string,
  { id, otp }: { id: string; otp: string },
): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      `${url}/api/sessions/${id}/grant`,
      { method: 'POST', localAddress, agent: false, headers: { 'content-type': 'application/json' } },
      (response) => void readText(response).then(() => resolve(response.statusCode ?? 0), reject),
    );
    request.once('error', reject);
    request.end(JSON.stringify({ otp }));
  });
}

describe('the contents of the tables', () => {
  /** All rows of all tables, as text. */
  async function everything(): Promise<string> {
    const { rows } = await database.admin.query(
      `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`,
    );
    const dumps = await Promise.all(
      rows.map(({ table_name }) => database.admin.query(`SELECT t::text AS line FROM "${table_name}" AS t`)),
    );
    return dumps.flatMap((dump) => dump.rows.map(({ line }) => line as string)).join('\n');
  }
  const digest = (value: string) => createHash('sha256').update(value).digest('hex');

  test('never an OTP or an id, nor anything that an OTP could be found by; a token for five minutes', async () => {
    const { id, otp } = await create();
    const absent = [otp, Buffer.from(otp).toString('hex'), digest(otp), id, Buffer.from(id).toString('hex')];
    const holdsNone = async () => {
      const dump = await everything();
      for (const secret of absent) expect(dump.includes(secret)).toBe(false);
      return dump;
    };
    await holdsNone();
    const granted = await SURFACES.rest.grant(id, { otp });
    const { token } = (granted as { ok: { token: string } }).ok;
    expect(await holdsNone()).toContain(token);
    await sql('UPDATE sessions SET token_until = now() WHERE id_hash = $1', id);
    await server.one.services.logins.sweep();
    expect(await holdsNone()).not.toContain(token);
  });

  test('no unread expired token, and no request that ended long ago', async () => {
    const [unfetched, waiting, pending] = [await create(), await create(), await create()];
    for (const { id, otp } of [unfetched, waiting]) await SURFACES.rest.grant(id, { otp });
    await sql('UPDATE sessions SET token_until = now() WHERE id_hash = $1', unfetched.id);
    const aged: Record<string, { id: string; kept: boolean }> = {};
    for (const [status, age, kept] of [
      ['pending', '25 hours', false],
      ['pending', '23 hours', true],
      ['denied', '29 days', true],
      ['denied', '31 days', false],
      // Without its row, an Astation that still lists it would begin it anew.
      ['revoked', '900 days', true],
      ['granted', '31 days', false],
      ['granted', '29 days', true],
    ] as const) {
      const { id } = await create();
      aged[`${status} ${age}`] = { id, kept };
      await sql(
        `UPDATE sessions SET status = '${status}', expires_at = now() - interval '${age}' WHERE id_hash = $1`,
        id,
      );
    }
    await server.one.services.logins.sweep();
    expect(await row(unfetched.id)).toMatchObject({ status: 'granted', token: null, token_until: null });
    expect(await row(waiting.id)).toMatchObject({ status: 'granted', token: expect.stringMatching(TOKEN) });
    expect(await row(pending.id)).toMatchObject({ status: 'pending' });
    for (const [name, { id, kept }] of Object.entries(aged)) {
      expect([name, (await row(id)) !== undefined]).toEqual([name, kept]);
    }
  });
});
