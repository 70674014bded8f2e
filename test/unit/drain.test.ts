import { expect, test } from 'vitest';
import { runSteps } from '../../src/drain-steps.ts';
import { makeLogKeeper } from '../support/log-lines.ts';

test('steps run one after the other, and a failed step does not stop the others', async () => {
  const { log, parsed } = makeLogKeeper();
  const done: string[] = [];
  const step = (name: string, run: () => unknown = () => undefined) => ({
    name,
    run: async () => {
      done.push(`${name} begins`);
      await run();
      done.push(`${name} ends`);
    },
  });
  const fail = () => Promise.reject(new Error('why'));
  await runSteps([step('first', () => Promise.resolve()), step('second', fail), step('third')], log);
  expect(done).toEqual(['first begins', 'first ends', 'second begins', 'third begins', 'third ends']);
  expect(parsed()).toContainEqual(
    expect.objectContaining({
      level: 40,
      step: 'second',
      reason: 'Error: why',
      msg: 'A closing step failed',
    }),
  );
});
