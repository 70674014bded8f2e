import {
  type AnyRouter,
  initTRPC,
  type TRPCError,
  type TRPCMutationProcedure,
  type TRPCQueryProcedure,
  type TRPCSubscriptionProcedure,
} from '@trpc/server';
import type { OpenApiMeta } from 'trpc-openapi';
import { ZodError, type z } from 'zod';
import type { Scope } from '../access/credential.ts';
import type { JsonRows } from '../answer.ts';
import { badRequest, ERROR_FACES, findRelayError, maskedMessage, toTRPCError } from '../errors.ts';
import { describeInvalidInput } from './invalid-input.ts';
import {
  type Answer,
  type Callers,
  COPIES_IN_MEMORY,
  type Io,
  type Operation,
  type Standing,
  type Who,
} from './operation.ts';
import { permit } from './permit.ts';
import { streamOf } from './stream.ts';

/** What the procedures know of the request that calls them. */
export interface TrpcContext {
  /** @throws RelayError `UNAUTHORIZED`, `BAD_REQUEST`, `FORBIDDEN` or `SERVICE_UNAVAILABLE`, at once or by the promise */
  identify<W extends Who>(who: W): Callers[W] | Promise<Callers[W]>;
  /** @param signal aborted when the call ends; left out: when the client leaves */
  io(signal?: AbortSignal): Io;
  /** Sends what of an answer's metadata belongs in the headers of the request: the cookie of a person. */
  settle(standing: Standing): void;
}

/** Metadata of a procedure: its callers, its operation unless it is a stream, and the input of the document's generator. */
type Meta = OpenApiMeta<{ who: Who; operation?: Operation }>;

const t = initTRPC
  .context<TrpcContext>()
  .meta<Meta>()
  .create({
    isDev: false,
    // A connection that carries nothing looks dead to whatever stands between.
    sse: { ping: { enabled: true, intervalMs: 15_000 }, client: { reconnectAfterInactivityMs: 40_000 } },
    errorFormatter: ({ shape, error }) => {
      const meant = findRelayError(error);
      const face = meant && ERROR_FACES[meant.code];
      // tRPC has a status only for its own codes.
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

/** Gives a failure that was meant its tRPC code, and refused input a sentence that names the field. */
function nameError(error: TRPCError): TRPCError {
  if (error.code === 'BAD_REQUEST' && error.cause instanceof ZodError) {
    return toTRPCError(describeInvalidInput(error.cause));
  }
  if (error.code === 'BAD_REQUEST' && error.cause instanceof SyntaxError) {
    return toTRPCError(badRequest(`The input is not valid JSON: ${error.cause.message}.`));
  }
  const meant = findRelayError(error);
  return meant ? toTRPCError(meant) : error;
}

const namedErrors = t.middleware(async ({ next }) => {
  const result = await next();
  if (!result.ok) throw nameError(result.error);
  return result;
});

/** Procedures identify their caller before they check their input. */
const procedureFor = <W extends Who>(who: W) =>
  t.procedure.use(namedErrors).use(async ({ ctx, next }) => {
    const caller = await ctx.identify(who);
    return next({ ctx: { ...ctx, caller } });
  });

const PROCEDURES: Record<Who, ReturnType<typeof procedureFor<Who>>> = {
  anybody: procedureFor<Who>('anybody'),
  caller: procedureFor<Who>('caller'),
  reader: procedureFor<Who>('reader'),
  operator: procedureFor<Who>('operator'),
  administrator: procedureFor<Who>('administrator'),
  administeringOperator: procedureFor<Who>('administeringOperator'),
  visitor: procedureFor<Who>('visitor'),
};

function metaOf(operation: Operation): Meta {
  const { who, rest } = operation;
  if (!rest) return { who, operation };
  const { method, path, operationId, tags, summary, description, successDescription } = rest;
  const said = { operationId, tags, summary, ...(description !== undefined && { description }) };
  return {
    who,
    operation,
    openapi: { method, path, ...said, successDescription, ...(who === 'anybody' && { protect: false }) },
  };
}

/** Reserves the memory that rows take as values. @throws RelayError `SERVICE_UNAVAILABLE` */
function parseRows({ rowsJson }: JsonRows, io: Io): unknown {
  io.hold(COPIES_IN_MEMORY * rowsJson.length);
  return JSON.parse(`[${rowsJson}]`);
}

/** An answer as tRPC and MCP send it. @throws RelayError `SERVICE_UNAVAILABLE` while too many bytes are in flight */
export function resultOf(operation: Operation, answer: Answer<unknown>, io: Io): unknown {
  const value = 'rows' in answer ? parseRows(answer.rows, io) : answer.value;
  return operation.render ? operation.render(value, answer) : value;
}

/** A procedure without an input ignores what it is sent. */
function procedureOf(meta: Meta, input: z.ZodType | undefined) {
  const procedure = PROCEDURES[meta.who].meta(meta);
  return input ? (procedure.input(input) as unknown as typeof procedure) : procedure;
}

/** The operation with the check of its caller's rights in front. Every surface runs this one. */
const permitted = (operation: Operation, scope: Scope): Operation => {
  const demands = { ...operation, scope: operation.scope ?? scope };
  return {
    ...demands,
    run: async (caller, input, io) => {
      permit(demands, caller, input);
      return operation.run(caller, input, io);
    },
  };
};

const built = (operation: Operation) =>
  procedureOf(metaOf(operation), operation.input).output(operation.output);

interface ResolverOptions {
  ctx: TrpcContext & { caller: Callers[Who] };
  input: unknown;
}

const resolverOf =
  (operation: Operation) =>
  async ({ ctx, input }: ResolverOptions) => {
    const io = ctx.io();
    const answer = await operation.run(ctx.caller, input, io);
    ctx.settle(answer);
    return resultOf(operation, answer, io);
  };

/** The tRPC face of an operation that changes nothing. */
export const query = <W extends Who, O extends z.ZodType, I extends z.ZodType = z.ZodVoid>(
  definition: Operation<W, I, O>,
): TRPCQueryProcedure<{ input: z.input<I>; output: z.output<O>; meta: Meta }> => {
  const operation = permitted(definition, 'read');
  return built(operation).query(resolverOf(operation)) as never;
};

/** The tRPC face of an operation that changes something. */
export const mutation = <W extends Who, O extends z.ZodType, I extends z.ZodType = z.ZodVoid>(
  definition: Operation<W, I, O>,
): TRPCMutationProcedure<{ input: z.input<I>; output: z.output<O>; meta: Meta }> => {
  const operation = permitted(definition, 'write');
  return built(operation).mutation(resolverOf(operation)) as never;
};

/** A stream of values. A client that reconnects with the id of its last value resumes there, if values have ids. */
interface Stream<W extends Who, I extends z.ZodType, Value> {
  who: W;
  /** What it needs of a caller's credential. Default: `read`. */
  scope?: Scope;
  acrossVaults?: true;
  input?: I;
  run(caller: Callers[W], input: z.output<I>, io: Io): AsyncIterable<Value>;
}

/** @param idOf the id of a value, which its client gives back to resume behind it */
function subscribe<W extends Who, I extends z.ZodType, Value>(
  { who, input, run, ...rest }: Stream<W, I, Value>,
  idOf?: (value: Value) => string,
): unknown {
  const demands = { scope: 'read', ...rest } as const;
  return procedureOf({ who }, input).subscription(({ ctx, input: given, signal }) => {
    permit(demands, ctx.caller, given);
    const values = run(ctx.caller as Callers[W], given as z.output<I>, ctx.io(signal));
    return streamOf(values, idOf);
  });
}

/** A subscription that cannot be resumed. */
export const subscription = <W extends Who, Value, I extends z.ZodType = z.ZodVoid>(
  stream: Stream<W, I, Value>,
): TRPCSubscriptionProcedure<{ input: z.input<I>; output: AsyncIterable<Value>; meta: Meta }> =>
  subscribe(stream) as never;

/** A subscription whose client resumes behind the last value that it got. */
export const resumableSubscription = <W extends Who, Value, I extends z.ZodType = z.ZodVoid>({
  idOf,
  ...stream
}: Stream<W, I, Value> & { idOf(value: Value): string }): TRPCSubscriptionProcedure<{
  input: z.input<I>;
  output: AsyncIterable<{ id: string; data: Value }>;
  meta: Meta;
}> => subscribe(stream, idOf) as never;

/** @returns every operation of a router that answers once, by the path of its procedure, such as `vault.read` */
export function operationsOf(router: AnyRouter): Map<string, Operation> {
  // At run time this record is flat: its keys are whole paths.
  const procedures = Object.entries(router._def.procedures as Record<string, { meta?: Meta }>);
  return new Map(
    procedures.flatMap(([name, { meta }]) => (meta?.operation ? [[name, meta.operation] as const] : [])),
  );
}
