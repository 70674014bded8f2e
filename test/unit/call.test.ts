import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { makeCall } from '../../src/api/call.ts';
import type { Context } from '../../src/api/context.ts';
import {
  callerProcedure,
  createCallerFactory,
  publicProcedure,
  readerProcedure,
  router,
} from '../../src/api/trpc.ts';
import { forbidden, unauthorized } from '../../src/errors.ts';

const context = (authenticate: Context['authenticate']): Context => ({
  source: { requestId: 'r', address: '127.0.0.1' },
  authenticate,
  authenticateReader: authenticate,
  countGrantAttempt: async () => undefined,
  leaving: () => new AbortController().signal,
  seenHead: () => undefined,
  boundsOf: () => ({ maxBytes: 1, streams: false }),
  answerRows: ({ rowsJson }) => JSON.parse(`[${rowsJson}]`),
  hold: () => () => undefined,
  tellHead: () => undefined,
  tellNext: () => undefined,
  tellReplayed: () => undefined,
});
const known = context(async () => ({ workSessionId: 'st-1', clientId: 'a' }));
const unknown = context(() => Promise.reject(unauthorized('Who are you?')));

const api = router({
  inner: {
    echo: callerProcedure
      .input(z.strictObject({ text: z.string().transform((text) => text.toUpperCase()) }))
      .output(z.object({ text: z.string(), by: z.string() }))
      .query(({ ctx, input }) => ({ text: input.text, by: ctx.caller.clientId })),
  },
  who: readerProcedure.query(({ ctx }) => ctx.reader),
  refuse: publicProcedure.mutation(() => Promise.reject(forbidden('Not you.'))),
  fail: publicProcedure.mutation(() => Promise.reject(new Error('secret'))),
});
const trpc = createCallerFactory(api);

/** @returns what came out, or how it failed */
const outcome = (answer: Promise<unknown>) =>
  answer.then(
    (data) => ({ data }),
    ({ code, message, cause }: { code: string; message: string; cause?: unknown }) => ({
      code,
      message,
      cause,
    }),
  );

describe('a call without HTTP', () => {
  test.each<[string, Context, unknown, object]>([
    ['parses its input and knows its caller', known, { text: 'a' }, { data: { text: 'A', by: 'a' } }],
    ['refuses who is not known', unknown, { text: 'a' }, { code: 'UNAUTHORIZED', message: 'Who are you?' }],
    ['does so before it looks at the input', unknown, { text: 1 }, { code: 'UNAUTHORIZED' }],
    [
      'names what is wrong',
      known,
      { text: 1 },
      { code: 'BAD_REQUEST', message: 'Field text must be a string.' },
    ],
    ['refuses what it does not know', known, { text: 'a', b: 1 }, { code: 'BAD_REQUEST' }],
  ])('%s, as tRPC itself does', async (_, ctx, input, expected) => {
    const ours = await outcome(makeCall(api, 'inner.echo')(ctx, input));
    expect(ours).toMatchObject(expected);
    expect(ours).toEqual(await outcome(trpc(ctx).inner.echo(input as { text: string })));
  });

  test('knows its reader, as tRPC itself does', async () => {
    const ours = await outcome(makeCall(api, 'who')(known, undefined));
    expect(ours).toEqual({ data: { workSessionId: 'st-1', clientId: 'a' } });
    expect(ours).toEqual(await outcome(trpc(known).who()));
    expect(await outcome(makeCall(api, 'who')(unknown, undefined))).toMatchObject({ code: 'UNAUTHORIZED' });
  });

  test.each(['refuse', 'fail'] as const)('fails as tRPC itself does: %s', async (name) => {
    const ours = await outcome(makeCall(api, name)(known, undefined));
    expect(ours).toHaveProperty('code', name === 'refuse' ? 'FORBIDDEN' : 'INTERNAL_SERVER_ERROR');
    expect(ours).toEqual(await outcome(trpc(known)[name]()));
  });

  test('of a procedure that there is not is refused when the server starts', () => {
    expect(() => makeCall(api, 'inner.ech')).toThrow('There is no procedure inner.ech.');
  });

  test('of a procedure with a step of its own is refused then too, so that no step is left out', () => {
    const stepped = callerProcedure.use(({ next }) => next());
    const refused = router({
      first: stepped.query(() => 1),
      twice: callerProcedure
        .input(z.object({}))
        .input(z.object({}))
        .query(() => 1),
    });
    expect(() => makeCall(refused, 'first')).toThrow(
      'first is made of errors, caller, unknown, resolver; teach makeCall the step that it does not know.',
    );
    expect(() => makeCall(refused, 'twice')).toThrow(
      'twice is made of errors, caller, input, input, resolver',
    );
  });
});
