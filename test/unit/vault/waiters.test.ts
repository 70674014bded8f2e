import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { VaultWaiters, type Wait, type WaitEnd } from '../../../src/vault/follow/waiters.ts';

let waiters: VaultWaiters;
beforeEach(() => {
  vi.useFakeTimers();
  waiters = new VaultWaiters();
});
afterEach(() => {
  vi.useRealTimers();
});

const begin = (topic: string, rest: Partial<Parameters<VaultWaiters['begin']>[0]> = {}): Wait =>
  waiters.begin({ topic, sessionHash: undefined, ...rest });

/** How a wait has ended by now; `waits` while it goes on. */
const endOf = ({ ended }: Wait): Promise<WaitEnd | 'waits'> =>
  Promise.race([ended, Promise.resolve('waits' as const)]);

/** Nothing is kept of those who have gone. */
function expectEmpty(): void {
  expect(waiters.size).toBe(0);
  expect(waiters.sessions()).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
}

describe('a wait ends', () => {
  test('when its topic changes, and no other', async () => {
    const [one, other] = [begin('vault a'), begin('vault b')];
    waiters.changed('vault a');
    expect([await endOf(one), await endOf(other)]).toEqual(['changed', 'waits']);
    expect(waiters.size).toBe(1);
  });

  test('when its time is up, and not a millisecond before', async () => {
    const wait = begin('vault a', { ms: 1000 });
    vi.advanceTimersByTime(999);
    expect(await endOf(wait)).toBe('waits');
    vi.advanceTimersByTime(1);
    expect(await endOf(wait)).toBe('time is up');
    expectEmpty();
  });

  test('when its session ends, and no other session’s', async () => {
    const [one, other] = [
      begin('vault a', { sessionHash: 'one' }),
      begin('vault a', { sessionHash: 'other' }),
    ];
    const nobodys = begin('vault a');
    expect(waiters.sessions()).toEqual(['one', 'other']);
    waiters.sessionEnded('one');
    expect(await Promise.all([one, other, nobodys].map(endOf))).toEqual(['session ended', 'waits', 'waits']);
    expect(waiters.sessions()).toEqual(['other']);
  });

  test('when the waiting caller has left', async () => {
    const leaving = new AbortController();
    const wait = begin('vault a', { ms: 1000, sessionHash: 'one', signal: leaving.signal });
    leaving.abort();
    expect(await endOf(wait)).toBe('left');
    expectEmpty();
  });

  test('at once when the caller had left before', async () => {
    expect(await endOf(begin('vault a', { ms: 1000, signal: AbortSignal.abort() }))).toBe('left');
    expectEmpty();
  });

  test('when it is cancelled', async () => {
    const wait = begin('vault a', { ms: 1000, sessionHash: 'one' });
    wait.cancel();
    expect(await endOf(wait)).toBe('left');
    expectEmpty();
  });

  test('when all topics are invalidated', async () => {
    const waits = [begin('vault a'), begin('vault a'), begin('vault b', { ms: 1000 })];
    waiters.lookAgain();
    expect(await Promise.all(waits.map(endOf))).toEqual(['look again', 'look again', 'look again']);
    expectEmpty();
  });

  test('when the server stops, and so does every later one at once', async () => {
    const wait = begin('vault a', { sessionHash: 'one' });
    waiters.close();
    expect(await endOf(wait)).toBe('closing');
    const late = begin('vault a', { ms: 1000, sessionHash: 'one' });
    expect(await endOf(late)).toBe('closing');
    late.cancel();
    expectEmpty();
  });
});

test('a wait ends once: later events change nothing', async () => {
  const wait = begin('vault a', { ms: 1000, sessionHash: 'one' });
  waiters.changed('vault a');
  wait.cancel();
  waiters.changed('vault a');
  waiters.sessionEnded('one');
  waiters.close();
  vi.advanceTimersByTime(1000);
  expect(await endOf(wait)).toBe('changed');
  expectEmpty();
});

test('all waits for one topic are woken; a wait that begins in the meantime waits for the next change', async () => {
  const waits = Array.from({ length: 5000 }, (_, i) =>
    begin('vault a', { ms: 25_000, sessionHash: `${i % 10}` }),
  );
  expect(waiters.size).toBe(5000);
  expect(waiters.sessions()).toHaveLength(10);
  waiters.changed('vault a');
  const late = begin('vault a');
  expect(new Set(await Promise.all(waits.map(endOf)))).toEqual(new Set(['changed']));
  expect(await endOf(late)).toBe('waits');
  late.cancel();
  expectEmpty();
});
