import { describe, expect, test } from 'vitest';
import {
  type Credentials,
  makeOperatorTokenCheck,
  readSessionId,
  resolveReader,
} from '../../src/access/caller.ts';
import { SESSION_SCOPES } from '../../src/access/credential.ts';
import { databaseUnavailable } from '../../src/errors.ts';

describe('the session of an Authorization header', () => {
  test.each([
    ['session abc', 'abc'],
    ['Session abc', 'abc'],
    ['SESSION abc', 'abc'],
    ['sEsSiOn abc', 'abc'],
    ['session   abc', 'abc'],
    ['  session abc  ', 'abc'],
    ['session 0b7c7b38-3b0c-4a3e-9c39-6a3f6c0a5b11', '0b7c7b38-3b0c-4a3e-9c39-6a3f6c0a5b11'],
    ['session !"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~', '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'],
    ['session session', 'session'],
    ['Bearer abc', 'abc'],
    ['bearer   abc', 'abc'],
    ['BEARER session', 'session'],
    [`session ${'x'.repeat(512)}`, 'x'.repeat(512)],
  ])('%j is %s', (header, sessionId) => {
    expect(readSessionId(header)).toBe(sessionId);
  });

  test.each([
    undefined,
    '',
    'session',
    'session ',
    'sessionabc',
    'session\tabc',
    'session a b',
    'session: abc',
    'sessions abc',
    'my session abc',
    'Bearer',
    'Bearer ',
    'Bearerabc',
    'Bearer a b',
    'Bearer session abc',
    'Basic abc',
    'abc',
    'session caf\u00e9',
    'session a\u0000b',
    'session a\nb',
    `session ${'x'.repeat(513)}`,
  ])('%j is none', (header) => {
    expect(readSessionId(header)).toBeUndefined();
  });
});

const TOKEN = 'operator-token-of-the-tests-0123456789';

const ADMIN_TOKEN = 'admin-token-of-the-tests-0123456789';

const SESSION = {
  kind: 'session',
  workSessionId: 'st-1',
  remainingMs: 1000,
  author: 'session:ab',
  scopes: SESSION_SCOPES,
  idHash: 'ab',
} as const;
const PINNED = { ...SESSION, kind: 'key', author: 'key:1', clientId: 'ci', vaults: ['v-1'] } as const;
const OPERATOR = { ...SESSION, kind: 'person', author: 'person:1', workSessionId: null } as const;

const callerOf = (clientId: string) => ({
  workSessionId: 'st-1',
  clientId,
  kind: 'session',
  author: 'session:ab',
  scopes: SESSION_SCOPES,
});

const asked: string[] = [];
const rules = {
  maxClientIdCharacters: 4,
  findCredential: async (secret: string) => {
    asked.push(secret);
    return { known: SESSION, pinned: PINNED, operator: OPERATOR }[secret];
  },
  operatorOf: makeOperatorTokenCheck({ dashboard: TOKEN, admin: ADMIN_TOKEN }),
};
const resolve = async (credentials: Partial<Credentials>) =>
  resolveReader({ authorization: 'session known', readIds: () => ['a'], ...credentials }, rules);

describe('the caller', () => {
  test.each(['a', 'a b', ' ', '0', '团队', '🦀🦀🦀🦀', 'e\u0301e\u0301', '\ufeff'])(
    'may call itself %j',
    async (id) => {
      expect(await resolve({ readIds: () => [id] })).toEqual(callerOf(id));
    },
  );

  test.each<[string, string[], string]>([
    ['nothing', [], 'The query parameter id (your client id) is missing or empty.'],
    ['the empty text', [''], 'The query parameter id (your client id) is missing or empty.'],
    ['two names', ['a', 'b'], 'The query parameter id is given more than once.'],
    ['a name and nothing', ['a', ''], 'The query parameter id is given more than once.'],
    ['NUL', ['a\0'], 'The query parameter id must not contain the NUL character or a lone surrogate.'],
    [
      'a lone surrogate',
      ['\ud83e'],
      'The query parameter id must not contain the NUL character or a lone surrogate.',
    ],
    ['5 characters', ['abcde'], 'The query parameter id is longer than 4 characters.'],
    ['5 emoji', ['🦀'.repeat(5)], 'The query parameter id is longer than 4 characters.'],
  ])('may not call itself %s', async (_, ids, message) => {
    await expect(resolve({ readIds: () => ids })).rejects.toMatchObject({ code: 'BAD_REQUEST', message });
  });

  test('is judged by the session first', async () => {
    await expect(resolve({ authorization: 'session other', readIds: () => [] })).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      message: 'This session is unknown, expired, denied, revoked, or not bound to an Astation.',
    });
    asked.length = 0;
    await expect(resolve({ authorization: 'Basic known', readIds: () => [] })).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      message:
        'Send the header "Authorization: Bearer <session_id>" or "Authorization: session <session_id>".',
    });
    expect(asked).toEqual([]);
  });

  test('is unknown while the session look-up fails', async () => {
    const away = databaseUnavailable(new Error('refused'));
    const failing = { ...rules, findCredential: () => Promise.reject(away) };
    await expect(
      resolveReader({ authorization: 'session known', readIds: () => ['a'] }, failing),
    ).rejects.toBe(away);
  });
});

describe('readers', () => {
  const resolveReaderLater = async (credentials: Credentials) => resolveReader(credentials, rules);
  const read = async (authorization: string | undefined, others = rules) =>
    resolveReader({ authorization, readIds: () => [] }, others);

  test.each([`dashboard ${TOKEN}`, `Dashboard   ${TOKEN}`, ` DASHBOARD ${TOKEN} `])(
    'is an operator with %j, without a client id',
    async (authorization) => {
      expect(await read(authorization)).toEqual({ operator: true, administers: false });
    },
  );

  test.each([`${TOKEN}x`, TOKEN.slice(1), TOKEN.toUpperCase(), 'x'])(
    'is unknown with the token %j',
    async (token) => {
      await expect(read(`dashboard ${token}`)).rejects.toMatchObject({
        code: 'UNAUTHORIZED',
        message: 'This operator token is not accepted.',
      });
    },
  );

  test('administers with the other token', async () => {
    expect(await read(`dashboard ${ADMIN_TOKEN}`)).toEqual({ operator: true, administers: true });
  });

  test('is a person who is an operator, by the credential', async () => {
    const author = 'person:1';
    expect(await read('session operator')).toEqual({ operator: true, administers: true, author });
  });

  test.each([[[]], [['ci']], [['ci', 'ci']]])('has the pinned client id with %j', async (ids) => {
    const caller = await resolveReader({ authorization: 'Bearer pinned', readIds: () => ids }, rules);
    expect(caller).toMatchObject({ kind: 'key', clientId: 'ci', author: 'key:1', vaults: ['v-1'] });
  });

  test.each([[['other']], [['']], [['ci', 'other']], [['CI']]])(
    'is refused with %j beside a pinned client id',
    async (ids) => {
      const asked = resolveReader({ authorization: 'Bearer pinned', readIds: () => ids }, rules);
      await expect(asked).rejects.toMatchObject({ code: 'FORBIDDEN' });
    },
  );

  test('is not an operator if no token is set', async () => {
    const off = { ...rules, operatorOf: makeOperatorTokenCheck({}) };
    for (const token of [TOKEN, 'undefined', 'x']) {
      await expect(read(`dashboard ${token}`, off)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    }
  });

  test.each([
    [`dashboard ${ADMIN_TOKEN}`, 'person:operator', 'operator'],
    ['session operator', 'person:1', 'operator'],
  ])('acts in the work session that it names: %s', async (authorization, author, clientId) => {
    const readWorkSession = () => 'st-9';
    const acting = await resolveReader({ authorization, readIds: () => [], readWorkSession }, rules);
    expect(acting).toMatchObject({ kind: 'person', workSessionId: 'st-9', author, clientId });
    const named = resolveReaderLater({ authorization, readIds: () => ['x'], readWorkSession });
    await expect(named).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  test.each([`dashboard ${TOKEN}`, 'session known'])(
    'acts in no other work session: %s',
    async (authorization) => {
      const acting = resolveReaderLater({
        authorization,
        readIds: () => ['a'],
        readWorkSession: () => 'st-9',
      });
      await expect(acting).rejects.toMatchObject({ code: 'FORBIDDEN' });
    },
  );

  test('is a person by the cookie, unless there is a header', async () => {
    const readCookie = () => 'operator';
    expect(
      await resolveReader({ authorization: undefined, readCookie, readIds: () => [] }, rules),
    ).toMatchObject({
      author: 'person:1',
    });
    const both = resolveReaderLater({ authorization: 'Basic x', readCookie, readIds: () => [] });
    await expect(both).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });

  test('is otherwise the caller', async () => {
    expect(await resolveReader({ authorization: 'session known', readIds: () => ['a'] }, rules)).toEqual(
      callerOf('a'),
    );
    await expect(read(undefined)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });
});
