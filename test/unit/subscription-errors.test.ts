import { expect, test } from 'vitest';
import { createCallerFactory, router, subscription, type TrpcContext } from '../../src/api/trpc.ts';
import { databaseUnavailable } from '../../src/errors.ts';

const failing = router({
  follow: subscription({
    who: 'anybody',
    run: async function* () {
      yield 1;
      throw databaseUnavailable(new Error('away'));
    },
  }),
});

const context: TrpcContext = {
  identify: () => undefined as never,
  io: () => ({}) as never,
  settle: () => undefined,
};

/** The event loop has reported the rejections that nothing handles. */
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

test('a subscription that fails while its client is not reading does not end the process, and rejects when awaited', async () => {
  const unhandled: unknown[] = [];
  const keep = (reason: unknown) => void unhandled.push(reason);
  process.on('unhandledRejection', keep);
  try {
    const values = await createCallerFactory(failing)(context).follow();
    const iterator = values[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: 1 });
    const ahead = iterator.next();
    await nextTurn();
    expect(unhandled).toEqual([]);
    await expect(ahead).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  } finally {
    process.off('unhandledRejection', keep);
  }
});
