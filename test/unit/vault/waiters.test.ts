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
  waiters.begin({ topic, credentialHash: undefined, ...rest });

/** How a wait has ended by now; `waits` while it goes on. */
const endOf = ({ ended }: Wait): Promise<WaitEnd | 'waits'> =>
  Promise.race([ended, Promise.resolve('waits' as const)]);

/** Nothing is kept of those who have gone. */
function expectEmpty(): void {
  expect(waiters.size).toBe(0);
  expect(waiters.credentials()).toEqual([]);
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
      begin('vault a', { credentialHash: 'one' }),
      begin('vault a', { credentialHash: 'other' }),
    ];
    const nobodys = begin('vault a');
    expect(waiters.credentials()).toEqual(['one', 'other']);
    waiters.credentialEnded('one');
    expect(await Promise.all([one, other, nobodys].map(endOf))).toEqual([
      'credential ended',
      'waits',
      'waits',
    ]);
    expect(waiters.credentials()).toEqual(['other']);
  });

  test('when the waiting caller has left', async () => {
    const leaving = new AbortController();
    const wait = begin('vault a', { ms: 1000, credentialHash: 'one', signal: leaving.signal });
    leaving.abort();
    expect(await endOf(wait)).toBe('left');
    expectEmpty();
  });

  test('at once when the caller had left before', async () => {
    expect(await endOf(begin('vault a', { ms: 1000, signal: AbortSignal.abort() }))).toBe('left');
    expectEmpty();
  });

  test('when it is cancelled', async () => {
    const wait = begin('vault a', { ms: 1000, credentialHash: 'one' });
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
    const wait = begin('vault a', { credentialHash: 'one' });
    waiters.close();
    expect(await endOf(wait)).toBe('closing');
    const late = begin('vault a', { ms: 1000, credentialHash: 'one' });
    expect(await endOf(late)).toBe('closing');
    late.cancel();
    expectEmpty();
  });
});

test('a wait ends once: later events change nothing', async () => {
  const wait = begin('vault a', { ms: 1000, credentialHash: 'one' });
  waiters.changed('vault a');
  wait.cancel();
  waiters.changed('vault a');
  waiters.credentialEnded('one');
  waiters.close();
  vi.advanceTimersByTime(1000);
  expect(await endOf(wait)).toBe('changed');
  expectEmpty();
});

test('all waits for one topic are woken; a wait that begins in the meantime waits for the next change', async () => {
  const waits = Array.from({ length: 5000 }, (_, i) =>
    begin('vault a', { ms: 25_000, credentialHash: `${i % 10}` }),
  );
  expect(waiters.size).toBe(5000);
  expect(waiters.credentials()).toHaveLength(10);
  waiters.changed('vault a');
  const late = begin('vault a');
  expect(new Set(await Promise.all(waits.map(endOf)))).toEqual(new Set(['changed']));
  expect(await endOf(late)).toBe('waits');
  late.cancel();
  expectEmpty();
});
