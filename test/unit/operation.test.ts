import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { SESSION_SCOPES } from '../../src/access/credential.ts';
import type { Reader } from '../../src/access/policy.ts';
import { type Io, narrowed, operation, rendered, requireWho } from '../../src/api/operation.ts';
import {
  createCallerFactory,
  mutation,
  operationsOf,
  query,
  router,
  type TrpcContext,
} from '../../src/api/trpc.ts';
import { forbidden, unauthorized } from '../../src/errors.ts';

const caller = { workSessionId: 'st-1', clientId: 'a', scopes: SESSION_SCOPES };

const io: Io = {
  source: { requestId: 'r', address: '127.0.0.1' },
  signal: new AbortController().signal,
  seenHead: undefined,
  boundsOf: () => ({ maxBytes: 1, streams: false }),
  hold: () => () => undefined,
};

const contextOf = (reader: Reader): TrpcContext => ({
  identify: (who) => requireWho(who, reader),
  io: () => io,
  settle: () => undefined,
});
const unknown: TrpcContext = {
  identify: () => Promise.reject(unauthorized('Who are you?')),
  io: () => io,
  settle: () => undefined,
};

const echo = operation({
  who: 'caller',
  input: z.strictObject({
    text: z.string().transform((text) => text.toUpperCase()),
    loud: z.boolean().optional(),
  }),
  output: z.array(z.string()),
  run: async ({ clientId }, { text }) => ({
    rows: {
      rowsJson: JSON.stringify([text, clientId]).slice(1, -1),
      body: undefined,
      rest: undefined,
      bytes: 10,
    },
    head: 7,
  }),
});

const api = router({
  inner: {
    echo: query(echo),
    echoPage: query(
      rendered(echo, z.object({ words: z.array(z.string()), head: z.number() }), (words, { head = 0 }) => ({
        words,
        head,
      })),
    ),
    narrow: query(narrowed(echo, z.strictObject({ text: z.literal('b') }))),
  },
  who: query({ who: 'reader', output: z.unknown(), run: async (reader) => ({ value: reader }) }),
  operators: query({ who: 'operator', output: z.boolean(), run: async () => ({ value: true }) }),
  refuse: mutation({ who: 'anybody', output: z.null(), run: () => Promise.reject(forbidden('Not you.')) }),
  fail: mutation({ who: 'anybody', output: z.null(), run: () => Promise.reject(new Error('secret')) }),
});
const on = createCallerFactory(api);
const known = on(contextOf(caller));

describe('an operation on tRPC', () => {
  test('checks its input, and gets its caller', async () => {
    expect(await known.inner.echo({ text: 'a' })).toEqual(['A', 'a']);
  });

  test('identifies its caller before it checks its input', async () => {
    await expect(on(unknown).inner.echo({ text: 1 } as never)).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      message: 'Who are you?',
    });
  });

  test.each<[input: unknown, message: string]>([
    [{ text: 1 }, 'Field text must be a string.'],
    [{ text: 'a', b: 1 }, 'Unknown field b; it is not part of this call.'],
  ])('names what is wrong with %j', async (input, message) => {
    await expect(known.inner.echo(input as never)).rejects.toMatchObject({ code: 'BAD_REQUEST', message });
  });

  test('has a second rendering, with the metadata beside its value', async () => {
    expect(await known.inner.echoPage({ text: 'a' })).toEqual({ words: ['A', 'a'], head: 7 });
  });

  test('accepts a narrower input', async () => {
    expect(await known.inner.narrow({ text: 'b' })).toEqual(['b', 'a']);
    await expect(known.inner.narrow({ text: 'c' } as never)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });

  test('an operation without an input ignores sent data', async () => {
    expect(await known.who({} as never)).toEqual(caller);
  });

  test('is for the callers that it names', async () => {
    const operator = on(contextOf({ operator: true, administers: false }));
    expect(await operator.operators()).toBe(true);
    expect(await operator.who()).toEqual({ operator: true, administers: false });
    await expect(operator.inner.echo({ text: 'a' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(known.operators()).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  test('fails with the code of a failure that was meant, and hides any other', async () => {
    await expect(known.refuse()).rejects.toMatchObject({ code: 'FORBIDDEN', message: 'Not you.' });
    await expect(known.fail()).rejects.toMatchObject({ code: 'INTERNAL_SERVER_ERROR' });
  });

  test('is found by the path of its procedure', () => {
    expect([...operationsOf(api).keys()].toSorted()).toEqual(
      ['fail', 'inner.echo', 'inner.echoPage', 'inner.narrow', 'operators', 'refuse', 'who'].toSorted(),
    );
    expect(operationsOf(api).get('inner.echo')).toEqual({
      ...echo,
      scope: 'read',
      run: expect.any(Function),
    });
  });
});
