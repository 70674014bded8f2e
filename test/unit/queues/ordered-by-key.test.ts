import { expect, test } from 'vitest';
import { OrderedByKey } from '../../../src/queues/ordered-by-key.ts';

/** Work that ends when it is told to. */
function makeWork(log: string[], name: string) {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const work = async () => {
    log.push(`${name} begins`);
    await ended;
    log.push(`${name} ends`);
  };
  return { work, end };
}

/** Long enough for everything that waits for nothing else. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

test('turns run one after the other; their continuations start in between and delay nothing', async () => {
  const [turns, log] = [new OrderedByKey(), [] as string[]];
  const [join, frame, leave] = [makeWork(log, 'join'), makeWork(log, 'frame'), makeWork(log, 'leave')];
  const done = [
    turns.take('room', join.work),
    turns.follow('room', frame.work),
    turns.take('room', leave.work),
  ];
  await settle();
  expect(log).toEqual(['join begins']);
  join.end();
  await settle();
  expect(log).toEqual(['join begins', 'join ends', 'frame begins', 'leave begins']);
  leave.end();
  frame.end();
  await Promise.all(done);
});

test('rooms do not wait for each other, and the first turn is not delayed', async () => {
  const [turns, log] = [new OrderedByKey(), [] as string[]];
  const [one, other] = [makeWork(log, 'one'), makeWork(log, 'other')];
  const done = [turns.take('a', one.work), turns.take('b', other.work)];
  expect(log).toEqual(['one begins', 'other begins']);
  one.end();
  other.end();
  await Promise.all(done);
});

test('a turn that fails does not keep others from theirs', async () => {
  const turns = new OrderedByKey();
  const failing = turns.take('room', () => Promise.reject(new Error('lost')));
  const next = turns.take('room', async () => 'next');
  const following = turns.follow('room', async () => 'following');
  await expect(failing).rejects.toThrow('lost');
  expect([await next, await following]).toEqual(['next', 'following']);
  await turns.settled();
});
