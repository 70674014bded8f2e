import { describe, expect, test } from 'vitest';
import { makeScanQueue } from '../../../src/db/read-queues.ts';
import { atMost } from '../../../src/queues/at-most.ts';
import { Batcher } from '../../../src/queues/batcher.ts';
import { OrderedByKey } from '../../../src/queues/ordered-by-key.ts';
import { SharedReads } from '../../../src/queues/shared-reads.ts';
import { FrameMeter } from '../../../src/relay/frames/meter.ts';
import { VaultWaiters } from '../../../src/vault/follow/waiters.ts';

type Work = () => Promise<string>;

/** Each makes an empty queue. @returns what puts work into it */
const QUEUES: Record<string, () => (work: Work) => Promise<string>> = {
  'shared reads': () => {
    const reads = new SharedReads<string>();
    return (work) => reads.read('a', work);
  },
  'batched questions': () => {
    const batcher = new Batcher<Work, string>((all) => Promise.all(all.map((work) => work())));
    return (work) => batcher.ask(work);
  },
  'turns of a room': () => {
    const turns = new OrderedByKey();
    return (work) => turns.take('room', work);
  },
  scans: () => {
    const scans = makeScanQueue(1);
    return (work) => scans.run({ group: 'address', caller: 'caller' }, work);
  },
  'work with one place': () => atMost(1),
  'frames of a socket': () => {
    const by = { connectionId: 'c', address: 'a', code: 'r' };
    const none = { socket: undefined, address: undefined, room: undefined };
    const meter = new FrameMeter({ proved: none, unproved: none }, by, { proved: true });
    return async (work) => {
      await meter.take(1);
      return work();
    };
  },
};

/** Resolves so many microtasks later. */
async function microtasks(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await undefined;
}

/** Long enough for everything that waits for nothing else. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('C20, lost wake-up: work that arrives at any microtask around the end of a run is done', () => {
  const delays = Array.from({ length: 12 }, (_, n) => n);

  test.each(Object.keys(QUEUES))('%s', async (name) => {
    for (const before of [1, 2]) {
      for (const fails of [false, true]) {
        for (const delay of delays) {
          const push = (QUEUES[name] as (typeof QUEUES)[string])();
          let end: () => void = () => undefined;
          const ended = new Promise<void>((resolve) => {
            end = resolve;
          });
          const run = async () => {
            await ended;
            if (fails) throw new Error('failed');
            return 'first';
          };
          const first = Array.from({ length: before }, () => push(run).catch(() => undefined));
          await settled();
          end();
          await microtasks(delay);
          let ends = 0;
          const late = Array.from({ length: 3 }, (_, n) =>
            push(async () => `late ${n}`).then(
              () => ends++,
              () => ends++,
            ),
          );
          for (let turn = 0; turn < 6; turn++) await settled();
          expect([delay, ends]).toEqual([delay, late.length]);
          await Promise.all(first);
        }
      }
    }
  });

  test('a change around the end of a wait wakes the wait that began before the read', async () => {
    for (const delay of delays) {
      const waiters = new VaultWaiters();
      const begin = () => waiters.begin({ topic: 'vault', credentialHash: undefined });
      const first = begin();
      waiters.changed('vault');
      const next = first.ended.then(() => begin().ended);
      await microtasks(delay);
      // The look behind `begin` sees what was committed before it.
      if (waiters.size === 0) await microtasks(3);
      waiters.changed('vault');
      expect(await next).toBe('changed');
      expect(waiters.size).toBe(0);
    }
  });
});
