import { expect, test } from 'vitest';
import { Batcher } from '../../../src/queues/batcher.ts';

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('requests of one turn leave together, and so do those that arrive meanwhile', async () => {
  const statements: { questions: number[]; finish(): void }[] = [];
  const batcher = new Batcher<number, string>(
    (questions) =>
      new Promise((resolve) => {
        statements.push({ questions, finish: () => resolve(questions.map((n) => `answer ${n}`)) });
      }),
  );
  const first = [batcher.ask(0), batcher.ask(1)];
  await settled();
  const others = [batcher.ask(2), batcher.ask(3)];
  await settled();
  expect(statements.map(({ questions }) => questions)).toEqual([[0, 1]]);
  statements[0]?.finish();
  expect(await Promise.all(first)).toEqual(['answer 0', 'answer 1']);
  await settled();
  expect(statements.map(({ questions }) => questions)).toEqual([
    [0, 1],
    [2, 3],
  ]);
  statements[1]?.finish();
  expect(await Promise.all(others)).toEqual(['answer 2', 'answer 3']);
  void batcher.ask(4);
  await settled();
  expect(statements.at(-1)?.questions).toEqual([4]);
});

test('requests beyond one statement go with the next one', async () => {
  const sizes: number[] = [];
  const batcher = new Batcher<number, number>(async (questions) => {
    sizes.push(questions.length);
    return questions;
  });
  const asked = Array.from({ length: 1202 }, (_, n) => n);
  expect(await Promise.all(asked.map((n) => batcher.ask(n)))).toEqual(asked);
  expect(sizes).toEqual([500, 500, 202]);
});

test('a failed statement fails only its own requests, and the next ones are sent', async () => {
  const batcher = new Batcher<string, string>(async (questions) => {
    if (questions.includes('bad')) throw new Error('refused');
    return questions;
  });
  const first = batcher.ask('a');
  await settled();
  const answers = await Promise.allSettled([first, batcher.ask('bad'), batcher.ask('b')]);
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  expect(await batcher.ask('c')).toBe('c');
});

test('10,000 questions wait, a further one is refused and asked nowhere, and the others are answered', async () => {
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const asked: number[] = [];
  const batcher = new Batcher<number, number>(async (questions) => {
    asked.push(...questions);
    await begun;
    return questions;
  });
  const inFlight = batcher.ask(10_000);
  await settled();
  const accepted = [inFlight, ...Array.from({ length: 10_000 }, (_, n) => batcher.ask(n))];
  await expect(batcher.ask(-1)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', retryAfter: 1 });
  begin();
  await Promise.all(accepted);
  expect(asked).toHaveLength(10_001);
  expect(asked).not.toContain(-1);
});
