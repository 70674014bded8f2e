import { expect, test } from 'vitest';
import { atMost } from '../../../src/queues/at-most.ts';

test('work beyond the limit waits in its order, also where work fails', async () => {
  const oneOfTwo = atMost(2);
  const log: string[] = [];
  const ends: (() => void)[] = [];
  const work = (name: string) =>
    oneOfTwo(async () => {
      log.push(name);
      await new Promise<void>((resolve) => ends.push(resolve));
      if (name === 'b') throw new Error(name);
      return name;
    });
  const all = Promise.allSettled(['a', 'b', 'c', 'd', 'e'].map(work));
  expect(log).toEqual(['a', 'b']);
  while (log.length < 5) {
    const running = log.length;
    ends.shift()?.();
    await expect.poll(() => log.length).toBe(running + 1);
  }
  for (const end of ends) end();
  expect(log).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect((await all).map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
    'fulfilled',
  ]);
  expect(await oneOfTwo(async () => 'again')).toBe('again');
});
