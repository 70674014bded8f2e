import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { makeReadQueue, makeScanQueue } from '../../../src/db/read-queues.ts';
import { RelayError } from '../../../src/errors.ts';
import type { TurnQueue } from '../../../src/queues/turn-queue.ts';

/** A scan that runs until the test ends it. */
interface Scan {
  name: string;
  end(error?: Error): Promise<void>;
}

let running: Scan[];
let ended: string[];
beforeEach(() => {
  vi.useFakeTimers();
  running = [];
  ended = [];
});
afterEach(() => {
  vi.useRealTimers();
});

/** Lets what was resolved go on. */
const turns = () => vi.advanceTimersByTimeAsync(0);

function ask(queue: TurnQueue, caller: string, name: string, group = 'one address'): Promise<string> {
  const scan = () =>
    new Promise<string>((resolve, reject) => {
      const end = async (error?: Error) => {
        running.splice(running.indexOf(own), 1);
        ended.push(name);
        if (error) reject(error);
        else resolve(`${name} done`);
        await turns();
      };
      const own = { name, end };
      running.push(own);
    });
  return queue.run({ group, caller }, scan);
}

/** The queue of scans with so many places. */
const scansOf = (places: number) => makeScanQueue(5 * places);

/** Asks for so many of a caller's: `a1`, `a2` … */
function askMany(queue: TurnQueue, caller: string, count: number): Promise<PromiseSettledResult<string>[]> {
  return Promise.allSettled(Array.from({ length: count }, (_, i) => ask(queue, caller, `${caller}${i + 1}`)));
}

const names = () => running.map(({ name }) => name);
const endFirst = () => running[0]?.end();

describe('callers take turns', () => {
  test('one caller with 30 waiting scans leaves a place free for the first scan of another', async () => {
    const queue = scansOf(2);
    void askMany(queue, 'a', 31);
    void askMany(queue, 'b', 2);
    await turns();
    expect(names()).toEqual(['a1', 'b1']);
    expect(queue.counts()).toEqual({ running: 2, waiting: 31, callers: 2 });
  });

  test('with one place for all, the other caller waits for two scans, not for 30', async () => {
    const queue = scansOf(1);
    void askMany(queue, 'a', 31);
    void askMany(queue, 'b', 3);
    void askMany(queue, 'c', 1);
    for (let n = 0; n < 7; n++) await endFirst();
    expect(ended).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4']);
  });

  test.each([
    [1, 1],
    [2, 1],
    [3, 2],
    [20, 2],
  ])('of %d places one caller has at most %d', async (places, share) => {
    const queue = scansOf(places);
    void askMany(queue, 'a', 10);
    await turns();
    expect(names()).toEqual(['a1', 'a2'].slice(0, share));
  });

  test('for any requests: places are used, and shares and order are kept', async () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ ask: fc.constantFrom('a', 'a', 'a', 'b', 'c') }) },
      { weight: 2, arbitrary: fc.record({ end: fc.nat() }) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(step, { maxLength: 60 }),
        async (places, steps) => {
          running = [];
          const queue = scansOf(places);
          const share = Math.max(1, Math.min(2, places - 1));
          /** What waits, in the order of arrival. */
          let waiting: { caller: string; name: string }[] = [];
          for (const [n, one] of steps.entries()) {
            const before = new Set(names());
            if ('ask' in one) {
              waiting.push({ caller: one.ask, name: `${one.ask}${n}` });
              ask(queue, one.ask, `${one.ask}${n}`).catch(() => undefined);
              await turns();
            } else await running[one.end % Math.max(1, running.length)]?.end();
            const started = names().filter((name) => !before.has(name));
            for (const name of started) {
              const caller = name.charAt(0);
              expect(waiting.find((other) => other.caller === caller)?.name).toBe(name);
              waiting = waiting.filter((other) => other.name !== name);
            }
            const counts = names().reduce(
              (all, name) => all.set(name.charAt(0), (all.get(name.charAt(0)) ?? 0) + 1),
              new Map<string, number>(),
            );
            expect(Math.max(0, ...counts.values())).toBeLessThanOrEqual(share);
            expect(running.length).toBeLessThanOrEqual(places);
            const mayStart = waiting.some(({ caller }) => (counts.get(caller) ?? 0) < share);
            if (mayStart) expect(running.length).toBe(places);
            expect(queue.counts()).toMatchObject({ running: running.length, waiting: waiting.length });
          }
          while (running.length > 0) await endFirst();
          expect(queue.counts()).toEqual({ running: 0, waiting: 0, callers: 0 });
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('a scan that ends', () => {
  test('answers, and a scan that fails makes place for the next one as well', async () => {
    const queue = scansOf(1);
    const all = askMany(queue, 'a', 3);
    await running[0]?.end(new Error('broken'));
    await endFirst();
    await endFirst();
    expect(await all).toMatchObject([
      { status: 'rejected', reason: { message: 'broken' } },
      { status: 'fulfilled', value: 'a2 done' },
      { status: 'fulfilled', value: 'a3 done' },
    ]);
  });

  test('that throws at once makes place too', async () => {
    const queue = scansOf(1);
    const thrown = queue.run({ group: 'one address', caller: 'a' }, () => {
      throw new Error('at once');
    });
    await expect(thrown).rejects.toThrow('at once');
    expect(queue.counts().running).toBe(0);
  });
});

describe('waiting is bounded', () => {
  test('in time: the refusal has a reason and Retry-After, and leaves the queue', async () => {
    const queue = scansOf(1);
    const all = askMany(queue, 'a', 2);
    await vi.advanceTimersByTimeAsync(9999);
    expect(queue.counts().waiting).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(queue.counts()).toEqual({ running: 1, waiting: 0, callers: 0 });
    await endFirst();
    const [, refused] = await all;
    expect(refused).toMatchObject({
      reason: {
        code: 'SERVICE_UNAVAILABLE',
        retryAfter: 10,
        message:
          'This request scans many rows and waited 10 seconds for its turn; request less, or try again.',
      },
    });
    expect(names()).toEqual([]);
  });

  test('in number for each caller, and other callers still get in', async () => {
    const queue = scansOf(1);
    const all = askMany(queue, 'a', 34);
    void askMany(queue, 'b', 1);
    await turns();
    expect(queue.counts()).toEqual({ running: 1, waiting: 33, callers: 2 });
    for (let n = 0; n < 34; n++) await endFirst();
    const refused = (await all).filter(({ status }) => status === 'rejected');
    expect(refused).toMatchObject([{ reason: { code: 'TOO_MANY_REQUESTS', retryAfter: 10 } }]);
    expect((refused[0] as PromiseRejectedResult).reason).toBeInstanceOf(RelayError);
  });

  test('in number for all of them', async () => {
    const queue = scansOf(1);
    const all = Promise.allSettled(
      Array.from({ length: 1002 }, (_, n) => ask(queue, `caller ${n}`, `scan ${n}`, `address ${n % 3}`)),
    );
    await vi.advanceTimersByTimeAsync(10_000);
    await endFirst();
    const refused = await all;
    expect(queue.counts()).toEqual({ running: 0, waiting: 0, callers: 0 });
    expect(refused.at(-1)).toMatchObject({
      reason: {
        code: 'SERVICE_UNAVAILABLE',
        message: expect.stringMatching(/^This server has too many queued searches/),
      },
    });
    expect(refused.at(-2)).toMatchObject({
      reason: { message: expect.stringMatching(/^This request scans/) },
    });
  });

  test('in number for each address, and other addresses still get in', async () => {
    const queue = scansOf(1);
    const all = Promise.allSettled(
      Array.from({ length: 502 }, (_, n) => ask(queue, `caller ${n}`, `scan ${n}`)),
    );
    void ask(queue, 'neighbour', 'neighbour', 'another address');
    await turns();
    expect(queue.counts()).toMatchObject({ running: 1, waiting: 501 });
    await endFirst();
    await endFirst();
    expect(ended).toEqual(['scan 0', 'scan 1']);
    expect(names()).toEqual(['neighbour']);
    await vi.advanceTimersByTimeAsync(10_000);
    await endFirst();
    expect((await all).at(-1)).toMatchObject({ reason: { code: 'SERVICE_UNAVAILABLE' } });
  });
});

describe('addresses take turns', () => {
  test('a stranger with many work sessions has the share of one', async () => {
    const queue = scansOf(1);
    for (let n = 0; n < 40; n++) void ask(queue, `work session ${n}`, `s${n}`);
    void ask(queue, 'ann', 'ann1', 'another address');
    void ask(queue, 'ann', 'ann2', 'another address');
    for (let n = 0; n < 5; n++) await endFirst();
    expect(ended).toEqual(['s0', 's1', 'ann1', 's2', 'ann2']);
  });
});

describe('reads', () => {
  test('of one caller leave connections for reads of others and for writes', async () => {
    const queue = makeReadQueue(10);
    void askMany(queue, 'a', 100);
    void askMany(queue, 'b', 100);
    await turns();
    expect(names()).toEqual(['a1', 'a2', 'a3', 'b1', 'b2']);
  });

  test('of a thousand waiting readers of one caller all get their turn', async () => {
    const queue = makeReadQueue(10);
    const all = askMany(queue, 'a', 1000);
    await turns();
    while (running.length > 0) await endFirst();
    expect((await all).every(({ status }) => status === 'fulfilled')).toBe(true);
  });
});
