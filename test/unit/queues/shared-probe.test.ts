import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { shareProbe } from '../../../src/queues/shared-probe.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('a probe is shared from its begin, while it runs and after it ended, and then begins again', async () => {
  const ends: ((outcome: string) => void)[] = [];
  const ask = shareProbe(1000, () => new Promise<string>((resolve) => ends.push(resolve)));
  const first = [ask(), ask()];
  vi.advanceTimersByTime(999);
  first.push(ask());
  ends[0]?.('first');
  expect(await Promise.all([...first, ask()])).toEqual(['first', 'first', 'first', 'first']);
  vi.advanceTimersByTime(1);
  const second = [ask(), ask()];
  ends[1]?.('second');
  expect(await Promise.all(second)).toEqual(['second', 'second']);
  expect(ends).toHaveLength(2);
});
