import { expect, test } from 'vitest';
import { SharedReads } from '../../../src/queues/shared-reads.ts';

/** Looks that end when the test says so. */
function makeLooks() {
  const begun: { finish(answer: string): void; fail(error: Error): void }[] = [];
  const look = () =>
    new Promise<string>((finish, fail) => {
      begun.push({ finish, fail });
    });
  return { begun, look };
}

/** Two turns of the event loop: a query that follows another begins in the second one. */
const settled = async () => {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
};

test('callers of one turn share a query, and those that arrive during it share the next one, which begins after all of them arrived', async () => {
  const shared = new SharedReads<string>();
  const { begun, look } = makeLooks();
  const first = [shared.read('a', look), shared.read('a', look)];
  await settled();
  const others = [shared.read('a', look), shared.read('a', look), shared.read('a', look)];
  await settled();
  expect(begun).toHaveLength(1);
  begun[0]?.finish('before');
  expect(await Promise.all(first)).toEqual(['before', 'before']);
  await settled();
  expect(begun).toHaveLength(2);
  // Comes when the second look is under way already, and so may know of more than that shows.
  const late = shared.read('a', look);
  begun[1]?.finish('after');
  expect(await Promise.all(others)).toEqual(['after', 'after', 'after']);
  await settled();
  begun[2]?.finish('later');
  expect(await late).toBe('later');
  expect(begun).toHaveLength(3);
});

test('other reads do not wait', async () => {
  const shared = new SharedReads<string>();
  const { begun, look } = makeLooks();
  void shared.read('a', look);
  const other = shared.read('b', look);
  await settled();
  begun[1]?.finish('b');
  expect(await other).toBe('b');
});

test('a failed query fails only its own callers', async () => {
  const shared = new SharedReads<string>();
  const { begun, look } = makeLooks();
  const first = shared.read('a', look);
  await settled();
  const others = [shared.read('a', look), shared.read('a', look)];
  begun[0]?.fail(new Error('first'));
  await expect(first).rejects.toThrow('first');
  await settled();
  begun[1]?.fail(new Error('second'));
  for (const other of others) await expect(other).rejects.toThrow('second');
  const fresh = shared.read('a', look);
  await settled();
  begun[2]?.finish('again');
  expect(await fresh).toBe('again');
});

test('an abandoned read is discarded', async () => {
  const shared = new SharedReads<string>();
  await Promise.all([shared.read('a', async () => 'x'), shared.read('a', async () => 'y')]);
  const [answer, again] = [shared.read('a', async () => 'z'), shared.read('a', async () => 'z')];
  expect(await Promise.all([answer, again])).toEqual(['z', 'z']);
});
