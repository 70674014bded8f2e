import { tracked } from '@trpc/server';
import { findRelayError, toTRPCError } from '../errors.ts';

/** Names the failures of a stream, which fails when its procedure has long returned. */
async function* nameErrorsOf(values: AsyncIterable<unknown>): AsyncGenerator<unknown, void> {
  try {
    yield* values;
  } catch (thrown) {
    const meant = findRelayError(thrown);
    throw meant ? toTRPCError(meant) : thrown;
  }
}

/**
 * Makes the values of a subscription safe to ask for ahead. tRPC asks for the next value before the last one is
 * written, and awaits it only afterwards, or never when the client has left. Without a handler, a failure in that time
 * would end the process. The promise still rejects where tRPC awaits it.
 */
const askableAhead = (values: AsyncGenerator<unknown, void>): AsyncIterable<unknown> => ({
  [Symbol.asyncIterator]: () => ({
    next: () => {
      const next = values.next();
      next.catch(() => undefined); // tRPC has the same promise, and may leave before it settles
      return next;
    },
    return: () => values.return(),
  }),
});

async function* withIds<Value>(
  values: AsyncIterable<Value>,
  idOf: ((value: Value) => string) | undefined,
): AsyncGenerator<unknown, void> {
  for await (const value of values) yield idOf ? tracked(idOf(value), value) : value;
}

/**
 * The values of an operation as tRPC sends them in a subscription.
 * @param idOf the id of a value, from which a client resumes; undefined: the client cannot resume
 */
export const streamOf = <Value>(
  values: AsyncIterable<Value>,
  idOf: ((value: Value) => string) | undefined,
): AsyncIterable<unknown> => askableAhead(nameErrorsOf(withIds(values, idOf)));
