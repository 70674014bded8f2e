import { beforeEach, describe, expect, test } from 'vitest';
import { type LiveCredential, SESSION_SCOPES } from '../../src/access/credential.ts';
import { CredentialCache } from '../../src/access/credential-cache.ts';
import { hashSessionId } from '../../src/access/session-id.ts';

const HOUR = 3_600_000;
const live = (workSessionId: string, remainingMs = HOUR): LiveCredential => ({
  kind: 'session',
  workSessionId,
  remainingMs,
  author: 'session:4f0c2d9a1b7e',
  scopes: SESSION_SCOPES,
});
const key = (sessionId: string) => hashSessionId(sessionId).toString('hex');

const known = (sessionId: string, session: LiveCredential) => ({ ...session, idHash: key(sessionId) });

let now: number;
let asked: string[];
/** What the database would say. */
let sessions: Map<string, LiveCredential>;
let cache: CredentialCache;

beforeEach(() => {
  now = 1000;
  asked = [];
  sessions = new Map([
    ['s', live('st-1')],
    ['t', live('st-2')],
  ]);
  cache = new CredentialCache(
    async (sessionId) => {
      asked.push(sessionId);
      return sessions.get(sessionId);
    },
    () => now,
  );
  cache.setListening(true);
});

describe('a session that is remembered', () => {
  test('is trusted for five seconds after its look-up', async () => {
    expect(await cache.resolve('s')).toEqual(known('s', live('st-1')));
    now += 4999;
    expect(await cache.resolve('s')).toEqual(known('s', live('st-1')));
    expect(asked).toEqual(['s']);
    now += 1;
    await cache.resolve('s');
    expect(asked).toEqual(['s', 's']);
  });

  test('is available at once', async () => {
    expect(cache.find('s')).toBeInstanceOf(Promise);
    await cache.find('s');
    expect(cache.find('s')).toEqual(known('s', live('st-1')));
    now += 5000;
    expect(cache.find('s')).toBeInstanceOf(Promise);
  });

  test('is not trusted beyond its expiry', async () => {
    sessions.set('s', live('st-1', 300));
    await cache.resolve('s');
    sessions.delete('s');
    now += 299;
    expect(await cache.resolve('s')).toEqual(known('s', live('st-1', 300)));
    now += 1;
    expect(await cache.resolve('s')).toBeUndefined();
  });

  test('counts from before the look-up, which may have taken long', async () => {
    const slow = new CredentialCache(
      async () => {
        asked.push('s');
        now += 3000;
        return live('st-1');
      },
      () => now,
    );
    slow.setListening(true);
    await slow.resolve('s');
    now += 1999;
    await slow.resolve('s');
    expect(asked).toEqual(['s']);
    now += 1;
    await slow.resolve('s');
    expect(asked).toEqual(['s', 's']);
  });

  test('is not another session', async () => {
    await cache.resolve('s');
    expect(await cache.resolve('t')).toEqual(known('t', live('st-2')));
    expect(await cache.resolve('S')).toBeUndefined();
  });

  test('is forgotten alone', async () => {
    await cache.resolve('s');
    await cache.resolve('t');
    cache.ended(key('s'));
    await cache.resolve('s');
    await cache.resolve('t');
    expect(asked).toEqual(['s', 't', 's']);
  });
});

describe('nothing is cached', () => {
  test('of a session that may not act', async () => {
    expect(await cache.resolve('unknown')).toBeUndefined();
    sessions.set('unknown', live('st-3'));
    expect(await cache.resolve('unknown')).toEqual(known('unknown', live('st-3')));
  });

  test('of a failed look-up', async () => {
    const failing = new CredentialCache(async () => {
      asked.push('s');
      throw new Error('away');
    });
    failing.setListening(true);
    await expect(failing.resolve('s')).rejects.toThrow('away');
    await expect(failing.resolve('s')).rejects.toThrow('away');
    expect(asked).toEqual(['s', 's']);
  });

  test('before the listening connection is up', async () => {
    const deaf = new CredentialCache(async () => {
      asked.push('s');
      return live('st-1');
    });
    await deaf.resolve('s');
    await deaf.resolve('s');
    expect(asked).toEqual(['s', 's']);
  });

  test('while the listening connection is down', async () => {
    await cache.resolve('s');
    cache.setListening(false);
    await cache.resolve('s');
    await cache.resolve('s');
    expect(asked).toEqual(['s', 's', 's']);
    cache.setListening(true);
    await cache.resolve('s');
    await cache.resolve('s');
    expect(asked).toEqual(['s', 's', 's', 's']);
  });

  test.each<[string, (racing: CredentialCache) => void]>([
    ['the session ends', (racing) => racing.ended(key('s'))],
    ['announcements are lost', (racing) => racing.setListening(false)],
    [
      'announcements are lost and heard again',
      (racing) => {
        racing.setListening(false);
        racing.setListening(true);
      },
    ],
  ])('of a look-up during which %s', async (_, happen) => {
    let answer: (session: LiveCredential | undefined) => void = () => undefined;
    const racing = new CredentialCache(() => {
      asked.push('s');
      return new Promise((resolve) => {
        answer = resolve;
      });
    });
    racing.setListening(true);
    const first = racing.resolve('s');
    happen(racing);
    answer(live('st-1'));
    expect(await first).toEqual(known('s', live('st-1')));

    const second = racing.resolve('s');
    answer(undefined);
    expect(await second).toBeUndefined();
    expect(asked).toEqual(['s', 's']);
  });
});

test('the secret of a person is found only where a cookie carried it', async () => {
  sessions.set('vrp_secret', live('st-1'));
  expect(await cache.resolve('vrp_secret')).toBeUndefined();
  expect(asked).toEqual([]);
  expect(await cache.findPerson('vrp_secret')).toEqual(known('vrp_secret', live('st-1')));
  expect(await cache.resolve('vrp_secret')).toBeUndefined();
  expect(await cache.findPerson('s')).toBeUndefined();
  expect(asked).toEqual(['vrp_secret']);
});

test('at most 10,000 sessions are remembered, the latest', async () => {
  const many = new CredentialCache(
    async (sessionId) => {
      asked.push(sessionId);
      return live('st-1');
    },
    () => now,
  );
  many.setListening(true);
  for (let i = 0; i <= 10_000; i++) await many.resolve(`s${i}`);
  asked = [];
  await many.resolve('s1');
  await many.resolve('s10000');
  expect(asked).toEqual([]);
  await many.resolve('s0');
  expect(asked).toEqual(['s0']);
});
