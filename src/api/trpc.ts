import { initTRPC, type TRPCError } from '@trpc/server';
import type { OpenApiMeta } from 'trpc-openapi';
import { ZodError } from 'zod';
import {
  badRequest,
  ERROR_FACES,
  type ErrorCode,
  findRelayError,
  forbidden,
  toTRPCError,
} from '../errors.ts';
import { isOperator } from '../vault/policy.ts';
import type { AnswerHeader, Context } from './context.ts';
import { describeInvalidInput } from './invalid-input.ts';
import { maskedMessage } from './masked.ts';

/** How a procedure looks on REST, and what the published document says of it. */
export type RestMeta = OpenApiMeta<{
  /** Of a successful answer; 200 unless said otherwise. */
  status?: 201;
  /** How it can fail, beyond what every call can. */
  errors?: readonly ErrorCode[];
  /** Fields of the body that are sent together or not at all. */
  together?: readonly string[];
  /** A realistic exchange, for the document. */
  example?: { request?: unknown; answer: unknown };
  /** Whether it takes an `Idempotency-Key`, which is the field `idempotency_key` of its input. */
  idempotent?: true;
  /** Whether `If-None-Match` may spare the answer: its `etag` names all that decides it. */
  conditional?: true;
  /** Whether it takes an expected version, so that a conflict may show the version that is there. */
  versioned?: true;
  /** What a successful answer carries beside its body. */
  headers?: readonly AnswerHeader[];
  /** Fields of the body that need another one. */
  needs?: Readonly<Record<string, string>>;
}>;

const t = initTRPC
  .context<Context>()
  .meta<RestMeta>()
  .create({
    isDev: false,
    // A connection that carries nothing looks dead to whatever stands between.
    sse: { ping: { enabled: true, intervalMs: 15_000 }, client: { reconnectAfterInactivityMs: 40_000 } },
    errorFormatter: ({ shape, error }) => {
      const meant = findRelayError(error);
      const face = meant && ERROR_FACES[meant.code];
      // tRPC knows the status of its own codes alone.
      const httpStatus = face && face.trpc === undefined ? face.status : shape.data.httpStatus;
      return {
        ...shape,
        message: error.code === 'INTERNAL_SERVER_ERROR' ? maskedMessage : error.message,
        data: { ...shape.data, httpStatus, ...meant?.details },
      };
    },
  });

export const router = t.router;
export const createCallerFactory = t.createCallerFactory;

const isAsyncIterable = (data: unknown): data is AsyncIterable<unknown> =>
  typeof data === 'object' && data !== null && Symbol.asyncIterator in data;

/** A subscription fails while it goes on, when its procedure has long returned. */
async function* nameErrorsOf(data: AsyncIterable<unknown>): AsyncGenerator<unknown, void> {
  try {
    yield* data;
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
      next.catch(() => undefined);
      return next;
    },
    return: () => values.return(),
  }),
});

/** Gives a failure that was meant its tRPC code, and refused input a sentence of its own. */
export function nameError(error: TRPCError): TRPCError {
  if (error.code === 'BAD_REQUEST' && error.cause instanceof ZodError) {
    return toTRPCError(describeInvalidInput(error.cause));
  }
  if (error.code === 'BAD_REQUEST' && error.cause instanceof SyntaxError) {
    return toTRPCError(badRequest(`The input is not valid JSON: ${error.cause.message}.`));
  }
  const meant = findRelayError(error);
  return meant ? toTRPCError(meant) : error;
}

// `call.ts` does what these do without tRPC, and must be taught what another one does.
export const namedErrors = t.middleware(async ({ next }) => {
  const result = await next();
  if (!result.ok) throw nameError(result.error);
  return isAsyncIterable(result.data) ? { ...result, data: askableAhead(nameErrorsOf(result.data)) } : result;
});
export const asCaller = t.middleware(async ({ ctx, next }) => {
  const caller = await ctx.authenticate();
  return next({ ctx: { ...ctx, caller } });
});

export const asReader = t.middleware(async ({ ctx, next }) => {
  const reader = await ctx.authenticateReader();
  return next({ ctx: { ...ctx, reader } });
});

/** For anybody. */
export const publicProcedure = t.procedure.use(namedErrors);

/** For callers with a session that is bound to a work session, and a client id. Says *who*, never *whether*. */
export const callerProcedure = publicProcedure.use(asCaller);

/** For callers and for operators, who read every vault and change none. */
export const readerProcedure = publicProcedure.use(asReader);

/** For operators alone. */
export const operatorProcedure = publicProcedure.use(async ({ ctx, next }) => {
  const reader = await ctx.authenticateReader();
  if (!isOperator(reader)) throw forbidden('This is for operators: send "Authorization: dashboard <token>".');
  return next({ ctx });
});
