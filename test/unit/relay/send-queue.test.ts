import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  dequeue,
  EMPTY_QUEUE,
  enqueue,
  isStalled,
  type SendQueue,
} from '../../../src/relay/sockets/send-queue.ts';

function fill(frames: number, bytes: number, now = 0): SendQueue {
  let queue: SendQueue = EMPTY_QUEUE;
  for (let i = 0; i < frames; i++) queue = enqueue(queue, { bytes, now }).queue;
  return queue;
}

describe('enqueue', () => {
  test('accepts 1,000 frames and drops the next', () => {
    const full = fill(1000, 1, 5);
    expect(full).toEqual({ frames: 1000, bytes: 1000, fullSince: 5 });
    expect(enqueue(full, { bytes: 1, now: 9 })).toEqual({ queue: full, accepted: false });
  });

  test('accepts 4 MB and drops the next byte', () => {
    const full = fill(4, 1_000_000, 5);
    expect(full).toEqual({ frames: 4, bytes: 4_000_000, fullSince: 5 });
    expect(enqueue(full, { bytes: 1, now: 9 })).toEqual({ queue: full, accepted: false });
  });

  test('a frame too big for the room left makes it full, and a smaller one still fits', () => {
    const refused = enqueue(fill(3, 1_100_000), { bytes: 1_000_000, now: 7 });
    expect(refused).toEqual({ queue: { frames: 3, bytes: 3_300_000, fullSince: 7 }, accepted: false });
    expect(enqueue(refused.queue, { bytes: 5, now: 8 })).toEqual({
      queue: { frames: 4, bytes: 3_300_005, fullSince: 7 },
      accepted: true,
    });
  });
});

test('a frame that exceeds any queue is dropped, and its receiver with an empty queue is not closed', () => {
  const { queue, accepted } = enqueue(EMPTY_QUEUE, { bytes: 6_000_000, now: 7 });
  expect(accepted).toBe(false);
  expect(queue).toEqual(EMPTY_QUEUE);
  expect(isStalled(queue, 1_000_000)).toBe(false);
});

describe('isStalled', () => {
  test('after ten seconds full, not before, and not at all while there is room', () => {
    const full = fill(1000, 1, 500);
    expect(isStalled(full, 10_499)).toBe(false);
    expect(isStalled(full, 10_500)).toBe(true);
    expect(isStalled(fill(999, 1, 500), 1_000_000)).toBe(false);
  });

  test('refusing more frames does not start the ten seconds again, taking one off does', () => {
    const refused = enqueue(fill(1000, 1, 0), { bytes: 1, now: 9_000 }).queue;
    expect(isStalled(refused, 10_000)).toBe(true);
    const drained = dequeue(refused, 1);
    expect(drained).toEqual({ frames: 999, bytes: 999, fullSince: undefined });
    const again = enqueue(drained, { bytes: 1, now: 9_500 }).queue;
    expect(isStalled(again, 10_000)).toBe(false);
    expect(isStalled(again, 19_500)).toBe(true);
  });
});

test('in any sequence, the queue is within the limits and equals accepted minus taken frames', () => {
  const operations = fc.array(fc.option(fc.integer({ min: 0, max: 1_048_576 })), { maxLength: 200 });
  fc.assert(
    fc.property(operations, (sizes) => {
      let queue: SendQueue = EMPTY_QUEUE;
      const waiting: number[] = [];
      for (const [now, bytes] of sizes.entries()) {
        if (bytes === null) {
          const first = waiting.shift();
          if (first !== undefined) queue = dequeue(queue, first);
        } else {
          const result = enqueue(queue, { bytes, now });
          queue = result.queue;
          if (result.accepted) waiting.push(bytes);
        }
        expect(queue.frames).toBe(waiting.length);
        expect(queue.bytes).toBe(waiting.reduce((sum, size) => sum + size, 0));
        expect(queue.bytes).toBeLessThanOrEqual(4_000_000);
      }
    }),
  );
});
