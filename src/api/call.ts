import { type AnyRouter, getTRPCErrorFromUnknown, TRPCError } from '@trpc/server';
import type { z } from 'zod';
import type { Caller, Reader } from '../vault/policy.ts';
import type { Context } from './context.ts';
import { asCaller, asReader, namedErrors, nameError } from './trpc.ts';

type Middleware = ((options: never) => unknown) & { _type?: string | undefined };

interface Procedure {
  _def: {
    middlewares: readonly Middleware[];
    inputs: readonly z.ZodType[];
    resolver: (options: { ctx: object; input: unknown }) => unknown;
  };
}

/** The context of one call, which is told who calls. */
export type CallContext = Context & { caller?: Caller; reader?: Reader };

/** A procedure, ready to be called without tRPC's caller. @throws TRPCError */
export type Call = (ctx: CallContext, input: unknown) => Promise<unknown>;

const NAMED_ERRORS: Middleware | undefined = namedErrors._middlewares[0];
const AS_CALLER: Middleware | undefined = asCaller._middlewares[0];
const AS_READER: Middleware | undefined = asReader._middlewares[0];

/** What a procedure is made of, in the order that it runs in. */
const stepsOf = ({ _def: { middlewares } }: Procedure): string[] =>
  middlewares.map((middleware, i) => {
    if (middleware === NAMED_ERRORS) return 'errors';
    if (middleware === AS_CALLER) return 'caller';
    if (middleware === AS_READER) return 'reader';
    return middleware._type ?? (i === middlewares.length - 1 ? 'resolver' : 'unknown');
  });

/** The steps that `makeCall` stands for. A step more would be left out silently, which might be one that refuses. */
const KNOWN = /^errors( caller| reader)?( input)?( output)? resolver$/;

/** @throws TRPCError `BAD_REQUEST` */
function parse(schema: z.ZodType, raw: unknown): unknown {
  const { success, data, error: cause } = schema.safeParse(raw);
  if (!success) throw new TRPCError({ code: 'BAD_REQUEST', cause });
  return data;
}

/** Tells the context who calls. @returns a promise only where that has to be waited for */
function identify(ctx: CallContext, who: string | undefined): undefined | Promise<void> {
  if (who === undefined) return undefined;
  const found = who === 'caller' ? ctx.authenticate() : ctx.authenticateReader();
  const tell = (reader: Reader) => {
    if (who === 'caller') ctx.caller = reader as Caller;
    else ctx.reader = reader;
  };
  if (found instanceof Promise) return found.then(tell);
  tell(found);
  return undefined;
}

/**
 * Makes a function that calls one procedure: who calls, input, resolver, named errors, as tRPC runs them. Its own
 * caller makes a proxy for each call and copies the options several times for each step, which took 35 of the 37 µs
 * of a call. What comes out is not checked here: whoever writes the answer does so by the procedure's schema.
 * @param path such as `vault.read`
 * @throws Error when there is no such procedure, or it is made of more than this function knows
 */
export function makeCall(router: AnyRouter, path: string): Call {
  const procedure = (router._def.procedures as Record<string, Procedure>)[path];
  if (!procedure) throw new Error(`There is no procedure ${path}.`);
  const steps = stepsOf(procedure);
  if (!KNOWN.test(steps.join(' '))) {
    throw new Error(`${path} is made of ${steps.join(', ')}; teach makeCall the step that it does not know.`);
  }
  const who = steps.find((step) => step === 'caller' || step === 'reader');
  const { resolver, inputs } = procedure._def;
  const [schema] = inputs;

  return async (ctx, raw) => {
    try {
      const identifying = identify(ctx, who);
      if (identifying) await identifying;
      return await resolver({ ctx, input: schema && parse(schema, raw) });
    } catch (cause) {
      throw nameError(getTRPCErrorFromUnknown(cause));
    }
  };
}
