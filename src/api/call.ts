import { type AnyRouter, getTRPCErrorFromUnknown, type TRPCError } from '@trpc/server';
import type { Context } from './context.ts';

type Outcome = { ok: true; data: unknown } | { ok: false; error: TRPCError };

interface NextOptions {
  ctx?: object;
  input?: unknown;
  getRawInput?: () => Promise<unknown>;
}

interface Step {
  ctx: object;
  input: unknown;
  getRawInput: () => Promise<unknown>;
}

/** tRPC's own middleware, as it calls it. */
interface Middleware {
  (options: Record<string, unknown>): Promise<Outcome>;
  _type?: string;
}

interface Procedure {
  _def: { type: string; meta?: unknown; middlewares: readonly Middleware[] };
}

/** A procedure, ready to be called without HTTP. @throws TRPCError */
export type Call = (ctx: Context, input: unknown) => Promise<unknown>;

/**
 * Makes a function that calls one procedure. All that the procedure is made of runs, in its order, as in tRPC's own
 * caller; that one, however, makes a proxy a call and copies its options four times for each middleware, which took
 * nine tenths of a call. Only the check of what comes out is left to whoever writes the answer by its schema.
 * @param path such as `vault.read`
 * @throws Error when there is no such procedure
 */
export function makeCall(router: AnyRouter, path: string): Call {
  const procedure = (router._def.procedures as Record<string, Procedure>)[path];
  if (!procedure) throw new Error(`There is no procedure ${path}.`);
  const { type, meta } = procedure._def;
  const middlewares = procedure._def.middlewares.filter((middleware) => middleware._type !== 'output');

  const run = async (index: number, { ctx, input, getRawInput }: Step): Promise<Outcome> => {
    const next = (options?: NextOptions) =>
      run(index + 1, {
        ctx: options?.ctx ? { ...ctx, ...options.ctx } : ctx,
        input: options && 'input' in options ? options.input : input,
        getRawInput: options?.getRawInput ?? getRawInput,
      });
    try {
      const middleware = middlewares[index] as Middleware;
      return await middleware({ ctx, type, path, meta, input, getRawInput, batchIndex: 0, next });
    } catch (cause) {
      return { ok: false, error: getTRPCErrorFromUnknown(cause) };
    }
  };
  return async (ctx, raw) => {
    const outcome = await run(0, { ctx, input: undefined, getRawInput: async () => raw });
    if (!outcome.ok) throw outcome.error;
    return outcome.data;
  };
}
