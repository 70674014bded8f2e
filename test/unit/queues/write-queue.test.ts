import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { RelayError } from '../../../src/errors.ts';
import { WriteQueue } from '../../../src/queues/write-queue.ts';

interface Write {
  lane: string;
  name: string;
  bytes?: number;
}

/** A statement that is under way until the test ends it. */
interface Statement {
  writes: string[];
  succeed(): Promise<void>;
  fail(error: Error): Promise<void>;
}

/** One write cannot be done; a lane cannot be written to; nobody knows anything. */
class Refused extends Error {}
class Locked extends Error {}
class Lost extends Error {}

let statements: Statement[];
let told: number[];
let queue: WriteQueue<Write, string>;
beforeEach(() => {
  statements = [];
  told = [];
  queue = makeQueue(
    (writes) =>
      new Promise((resolve, reject) => {
        statements.push({
          writes,
          succeed: () => {
            resolve(writes.map((name) => `${name} done`));
            return turns();
          },
          fail: (error) => {
            reject(error);
            return turns();
          },
        });
      }),
  );
});

function makeQueue(run: (writes: string[]) => Promise<string[]>): WriteQueue<Write, string> {
  return new WriteQueue<Write, string>({
    run: (writes) => run(writes.map(({ name }) => name)),
    laneOf: ({ lane }) => lane,
    bytesOf: ({ bytes }) => bytes ?? 1,
    scopeOf: (error) => (error instanceof Locked ? 'rows' : error instanceof Refused ? 'call' : 'database'),
    onStatement: (writes) => told.push(writes),
  });
}

/** Lets everything happen that waits for nothing but its turn. */
const turns = () => new Promise<void>((resolve) => setImmediate(resolve));

const push = (lane: string, name: string, bytes?: number): Promise<string> => {
  const result = queue.push({ lane, name, ...(bytes === undefined ? {} : { bytes }) });
  // Looked at later, by those tests that care.
  result.catch(() => undefined);
  return result;
};

/** Pushes a write whose result nobody looks at. */
const send = (...write: Parameters<typeof push>): void => {
  void push(...write);
};

const underWay = (place: number): Statement => {
  const statement = statements[place];
  if (!statement) throw new Error(`Statement ${place} has not begun`);
  return statement;
};
const begun = () => statements.map(({ writes }) => writes.join(' '));
const names = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`);

describe('batching', () => {
  test('a lone write leaves at once', async () => {
    const result = push('a', 'a1');
    expect(begun()).toEqual(['a1']);
    await underWay(0).succeed();
    expect(await result).toBe('a1 done');
  });

  test('writes that arrive during a statement leave together in the next one, in order', async () => {
    const results = [push('a', 'a1'), push('b', 'b1'), push('a', 'a2'), push('c', 'c1')];
    await turns();
    expect(begun()).toEqual(['a1']);
    await underWay(0).succeed();
    expect(begun()).toEqual(['a1', 'b1 a2 c1']);
    expect(queue.depth).toBe(3);
    await underWay(1).succeed();
    expect(await Promise.all(results)).toEqual(['a1 done', 'b1 done', 'a2 done', 'c1 done']);
    expect(told).toEqual([1, 3]);
    expect(queue.depth).toBe(0);
  });

  test('a statement takes 128 writes', async () => {
    send('a', '0');
    for (const name of names(1, 300)) send(`lane ${Number(name) % 7}`, name);
    for (const place of names(0, 3)) await underWay(Number(place)).succeed();
    expect(statements.map(({ writes }) => writes.length)).toEqual([1, 128, 128, 44]);
    expect(statements.flatMap(({ writes }) => writes)).toEqual(names(0, 300));
  });

  test('a statement takes 4 MiB, or one larger write alone', async () => {
    const MiB = 1024 * 1024;
    send('a', 'first');
    for (const [name, bytes] of [
      ['x', 2 * MiB],
      ['y', 2 * MiB],
      ['z', 1],
      ['big', 5 * MiB],
      ['last', 1],
    ] as const) {
      send('a', name, bytes);
    }
    for (const place of names(0, 4)) await underWay(Number(place)).succeed();
    expect(begun()).toEqual(['first', 'x y', 'z', 'big', 'last']);
  });
});

describe('limits', () => {
  const full = { code: 'SERVICE_UNAVAILABLE', retryAfter: 1 };

  test('5,000 writes may wait, the next is refused, and the one after a result is not', async () => {
    for (const name of names(1, 5000)) send('a', name);
    await expect(push('b', 'too many')).rejects.toMatchObject(full);
    await expect(push('b', 'too many')).rejects.toBeInstanceOf(RelayError);
    expect(queue.depth).toBe(5000);
    await underWay(0).succeed();
    send('b', 'fits again');
    expect(queue.depth).toBe(5000);
  });

  test('64 MiB may be queued, and failed writes make room as well', async () => {
    const MiB = 1024 * 1024;
    const first = push('a', 'a1', 63 * MiB);
    await expect(push('a', 'a2', 2 * MiB)).rejects.toMatchObject(full);
    send('b', 'b1', 1 * MiB);
    await expect(push('b', 'b2', 1)).rejects.toMatchObject(full);
    await underWay(0).fail(new Lost('gone'));
    await expect(first).rejects.toThrow('gone');
    send('b', 'b3', 63 * MiB);
    expect(queue.depth).toBe(2);
  });

  test('a refused write never runs', async () => {
    send('a', 'a1', 64 * 1024 * 1024);
    await expect(push('a', 'a2')).rejects.toMatchObject(full);
    await underWay(0).succeed();
    expect(begun()).toEqual(['a1']);
  });
});

describe('a statement that fails', () => {
  test('and may have changed something fails its writes, and only those', async () => {
    const first = push('a', 'a1');
    const lost = [push('a', 'a2'), push('b', 'b1')];
    await underWay(0).succeed();
    const after = push('a', 'a3');
    await underWay(1).fail(new Lost('gone'));
    for (const result of lost) await expect(result).rejects.toThrow('gone');
    expect(begun()).toEqual(['a1', 'a2 b1', 'a3']);
    await underWay(2).succeed();
    expect(await Promise.all([first, after])).toEqual(['a1 done', 'a3 done']);
    await queue.whenIdle();
  });

  test('and changed nothing is retried write by write: the bad one fails alone', async () => {
    send('z', 'z1');
    const results = [push('a', 'a1'), push('b', 'b1'), push('a', 'a2'), push('c', 'c1')];
    await underWay(0).succeed();
    await underWay(1).fail(new Refused('one of them'));
    // Each lane in its order, and beside the others.
    expect(begun().slice(2)).toEqual(['a1', 'b1', 'c1']);
    await underWay(3).fail(new Refused('the bad one'));
    await underWay(4).succeed();
    expect(await results[3]).toBe('c1 done');
    await underWay(2).succeed();
    expect(begun().slice(5)).toEqual(['a2']);
    await underWay(5).succeed();
    await expect(results[1]).rejects.toThrow('the bad one');
    expect(await Promise.all([results[0], results[2]])).toEqual(['a1 done', 'a2 done']);
    expect(queue.depth).toBe(0);
  });

  test('of one write is not retried', async () => {
    const result = push('a', 'a1');
    await underWay(0).fail(new Refused('no'));
    await expect(result).rejects.toThrow('no');
    expect(begun()).toEqual(['a1']);
    await queue.whenIdle();
  });

  test('keeps the order of a lane: new writes follow the retried ones', async () => {
    send('z', 'z1');
    send('a', 'a1');
    send('b', 'b1');
    await underWay(0).succeed();
    send('a', 'a2');
    send('c', 'c1');
    await underWay(1).fail(new Refused('one of them'));
    send('a', 'a3');
    expect(begun().slice(2).toSorted()).toEqual(['a1', 'b1', 'c1']);
    await underWay(begun().indexOf('a1')).succeed();
    // Cleared: the rest of the lane goes with everybody, in its order, once the statement under way has ended.
    await underWay(begun().indexOf('c1')).succeed();
    expect(begun().at(-1)).toBe('a2 a3');
  });
});

describe('a lane whose last write failed', () => {
  /** Lane `bad` has failed alone, and nothing waits. */
  async function suspectLane(): Promise<void> {
    send('bad', 'b1');
    await underWay(0).fail(new Refused('locked'));
    statements = [];
  }

  test('is sent alone, so that no other vault waits for it', async () => {
    await suspectLane();
    send('bad', 'b2');
    send('good', 'g1');
    send('bad', 'b3');
    send('good', 'g2');
    expect(begun()).toEqual(['b2', 'g1']);
    await underWay(1).succeed();
    expect(begun()).toEqual(['b2', 'g1', 'g2']);
  });

  test('joins the others again once a write succeeded', async () => {
    await suspectLane();
    const results = [push('bad', 'b2'), push('bad', 'b3')];
    await underWay(0).succeed();
    expect(begun()).toEqual(['b2', 'b3']);
    send('bad', 'b4');
    send('good', 'g1');
    await underWay(1).succeed();
    expect(begun()).toEqual(['b2', 'b3', 'b4 g1']);
    expect(await Promise.all(results)).toEqual(['b2 done', 'b3 done']);
  });

  test('stays alone as long as it fails, and each of its writes gets a separate error', async () => {
    await suspectLane();
    const results = [push('bad', 'b2'), push('bad', 'b3'), push('bad', 'b4')];
    await underWay(0).fail(new Refused('still locked'));
    await underWay(1).fail(new Refused('refused too'));
    await underWay(2).succeed();
    await expect(results[0]).rejects.toThrow('still locked');
    await expect(results[1]).rejects.toThrow('refused too');
    expect(await results[2]).toBe('b4 done');
    expect(queue.depth).toBe(0);
  });

  test('fails as a whole while it is locked, because the others would time out too', async () => {
    const error = new Locked('still locked');
    await suspectLane();
    const results = [push('bad', 'b2'), push('bad', 'b3'), push('good', 'g1')];
    await underWay(0).fail(error);
    await expect(results[0]).rejects.toBe(error);
    await expect(results[1]).rejects.toBe(error);
    await underWay(1).succeed();
    expect(await results[2]).toBe('g1 done');
    expect(begun()).toEqual(['b2', 'g1']);
    send('bad', 'b4');
    expect(begun()).toEqual(['b2', 'g1', 'b4']);
  });
});

test('at most four lanes are sent alone at a time, so that others get a connection', async () => {
  send('z', 'z1');
  for (const lane of ['a', 'b', 'c', 'd', 'e', 'f']) send(lane, `${lane}1`);
  await underWay(0).succeed();
  await underWay(1).fail(new Locked('one of them'));
  expect(begun().slice(2)).toEqual(['a1', 'b1', 'c1', 'd1']);
  await underWay(2).fail(new Locked('still'));
  expect(begun().slice(6)).toEqual(['e1']);
  for (const n of [3, 4, 5, 6]) await underWay(n).succeed();
  expect(begun().slice(7)).toEqual(['f1']);
  await underWay(7).succeed();
  expect(queue.depth).toBe(0);
});

describe('whenIdle', () => {
  test('resolves at once when nothing waits', async () => {
    await queue.whenIdle();
  });

  test('waits for every write, including later and retried ones', async () => {
    let idle = 0;
    const notice = () => {
      idle++;
    };
    send('z', 'z1');
    send('a', 'a1');
    send('b', 'b1');
    void queue.whenIdle().then(notice);
    void queue.whenIdle().then(notice);
    await underWay(0).succeed();
    await underWay(1).fail(new Refused('one of them'));
    send('c', 'c1');
    await underWay(2).succeed();
    await underWay(3).fail(new Refused('the bad one'));
    expect({ idle, depth: queue.depth }).toEqual({ idle: 0, depth: 1 });
    await underWay(4).succeed();
    expect({ idle, depth: queue.depth }).toEqual({ idle: 2, depth: 0 });
  });
});

test('for any failures each write has one result, good ones succeed, and each lane commits in order', async () => {
  const write = fc.record({
    lane: fc.constantFrom('a', 'b', 'c'),
    bad: fc.boolean(),
    // Turns that go by before it is written.
    later: fc.nat({ max: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(write, { maxLength: 60 }), async (writes) => {
      const committed: number[] = [];
      const isBad = (name: string) => writes[Number(name)]?.bad;
      queue = makeQueue(async (batch) => {
        await turns();
        if (batch.some(isBad)) throw new Refused(batch.find(isBad));
        committed.push(...batch.map(Number));
        return batch;
      });
      const results: Promise<string>[] = [];
      for (const [i, { lane, later }] of writes.entries()) {
        for (let turn = 0; turn < later; turn++) await turns();
        results.push(push(lane, `${i}`));
      }
      const ends = await Promise.allSettled(results);
      await queue.whenIdle();

      // A bad write fails for its own sake, never for a neighbour's.
      for (const [i, { bad }] of writes.entries()) {
        expect(ends[i]).toMatchObject(
          bad ? { status: 'rejected', reason: { message: `${i}` } } : { status: 'fulfilled', value: `${i}` },
        );
      }
      expect(committed).toHaveLength(writes.filter(({ bad }) => !bad).length);
      for (const name of ['a', 'b', 'c']) {
        const ofLane = committed.filter((i) => writes[i]?.lane === name);
        expect(ofLane).toEqual(ofLane.toSorted((one, other) => one - other));
      }
      expect(queue.depth).toBe(0);
    }),
    { numRuns: 200 },
  );
});

describe('C20, lost wake-up: a write that arrives right after the last one in its lane failed', () => {
  /** Runs work so many microtasks later; 0: in the very one that learns of the failure. */
  function later<T>(microtasks: number, work: () => Promise<T>): Promise<T> {
    return microtasks === 0 ? work() : Promise.resolve().then(() => later(microtasks - 1, work));
  }
  const again = (failed: Promise<string>, after: number, ...write: Parameters<typeof push>) =>
    failed.catch(() => later(after, () => push(...write)));
  const delays = Array.from({ length: 16 }, (_, n) => n);

  test.each(delays)('%i microtasks later is done', async (after) => {
    const first = push('a', 'a1');
    const retried = again(first, after, 'a', 'a2');
    await underWay(0).fail(new Locked());
    expect(begun()).toEqual(['a1', 'a2']);
    await underWay(1).succeed();
    expect(await retried).toBe('a2 done');
    await queue.whenIdle();
  });

  test.each(delays)('%i microtasks later is written if its lane is sent alone', async (after) => {
    send('a', 'a1');
    await underWay(0).fail(new Locked());
    const retried = again(push('a', 'a2'), after, 'a', 'a3');
    await underWay(1).fail(new Refused());
    expect(begun()).toEqual(['a1', 'a2', 'a3']);
    await underWay(2).succeed();
    expect(await retried).toBe('a3 done');
    await queue.whenIdle();
  });

  test.each(delays)(
    '%i microtasks later is written if more lanes fail than are sent at a time',
    async (after) => {
      const lanes = names(1, 9);
      const retried = lanes.map((lane) => again(push(lane, `${lane} first`), after, lane, `${lane} again`));
      for (let n = 0; n < statements.length; n++) {
        const isFirst = underWay(n).writes.some((name) => name.endsWith('first'));
        await (isFirst ? underWay(n).fail(new Locked()) : underWay(n).succeed());
      }
      expect(await Promise.all(retried)).toEqual(lanes.map((lane) => `${lane} again done`));
      await queue.whenIdle();
      expect(queue.depth).toBe(0);
    },
  );
});

test('C21, unknown outcome: a write that was not sent does not have that of the write before it', async () => {
  const first = push('a', 'a1');
  await underWay(0).fail(new Locked());
  await expect(first).rejects.toThrow(Locked);
  const [sent, unsent, next] = [push('a', 'a2'), push('a', 'a3'), push('a', 'a4')];
  await underWay(1).fail(new Lost());
  await expect(sent).rejects.toThrow(Lost);
  expect(begun()).toEqual(['a1', 'a2', 'a3 a4']);
  await underWay(2).succeed();
  expect(await Promise.all([unsent, next])).toEqual(['a3 done', 'a4 done']);
  await queue.whenIdle();
});
