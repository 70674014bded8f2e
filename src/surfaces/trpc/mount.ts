import { getTRPCErrorShape } from '@trpc/server';
import { type FastifyTRPCPluginOptions, fastifyRequestHandler } from '@trpc/server/adapters/fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { findRelayError, isFailure, toTRPCError } from '../../errors.ts';
import { logFailure, settleFailure } from '../../http/edge/error-handler.ts';
import { installJsonBody, MAX_UNAUTHENTICATED_BODY } from '../../http/edge/json-body.ts';
import { MAX_BATCH_SIZE } from '../../http/edge/rate-limit.ts';
import { noteRefusal } from '../../http/edge/refusals.ts';
import { loggableBatchOf } from '../../http/ops/loggable-url.ts';
import type { AppRouter } from '../../router.ts';
import { type ContextOf, makeTrpcIo } from '../context.ts';
import { refuseOtherMethods } from '../methods.ts';
import { asGet, settleAnswer } from './answer.ts';

const makeOptions = (
  router: AppRouter,
  contextOf: ContextOf,
): FastifyTRPCPluginOptions<AppRouter>['trpcOptions'] => ({
  router,
  maxBatchSize: MAX_BATCH_SIZE,
  createContext: ({ req, res }) => {
    const context = contextOf(req, res);
    return {
      identify: (who) => context.identify(who),
      io: (signal) => makeTrpcIo(context, signal),
      settle: (standing) => context.settle(standing),
    };
  },
  responseMeta: ({ errors }) => {
    if (errors.length === 0) return {};
    const waits = errors.flatMap((error) => findRelayError(error)?.retryAfter ?? []);
    const retryAfter = waits.length > 0 ? { 'retry-after': String(Math.max(...waits)) } : {};
    // tRPC itself sends the errors that it raises before a call as plain text.
    return { headers: { 'content-type': 'application/json', ...retryAfter } };
  },
  onError: ({ req, error, path }) => {
    // tRPC reports a subscription that fails to begin twice.
    if (req.refusals?.some((refusal) => refusal.error === error)) return;
    const meant = findRelayError(error);
    noteRefusal(req, {
      code: meant?.refusal ?? error.code,
      error,
      ...(path !== undefined && { call: path }),
    });
    if (error.code === 'INTERNAL_SERVER_ERROR' || (meant && isFailure(meant.code))) {
      logFailure(req, error);
    }
  },
});

/** Gives refusals before tRPC runs, such as a body over the limit, the format that tRPC clients read. */
const makeErrorHandler =
  ({ _def: { _config: config } }: AppRouter) =>
  (thrown: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const error = toTRPCError(settleFailure(thrown, request, reply));
    const { path } = request.params as { path?: string };
    const shape = getTRPCErrorShape({
      config,
      error,
      type: 'unknown',
      path,
      input: undefined,
      ctx: undefined,
    });
    return reply.code(shape.data.httpStatus).send({ error: shape });
  };

/** @returns finds the procedure that a request calls, `batch` where it names several, undefined where it names none */
const makeOperationOf =
  ({ _def: { procedures } }: AppRouter) =>
  (request: FastifyRequest): string | undefined => {
    const { path } = request.params as { path: string };
    if (path.includes(',')) return 'batch';
    return Object.hasOwn(procedures, path) ? path : undefined;
  };

/** Mounts the procedures under `/trpc`, in a separate scope, because its body parser and error format differ. */
export function mountTrpc(app: FastifyInstance, router: AppRouter, contextOf: ContextOf): void {
  const trpcOptions = makeOptions(router, contextOf);
  app.setErrorHandler(makeErrorHandler(router));
  // As text, because tRPC parses the body after the caller is identified.
  installJsonBody(app, (text) => text);
  app.route<{ Params: { path: string } }>({
    method: ['GET', 'HEAD', 'POST'],
    url: '/trpc/:path',
    config: { loggable: loggableBatchOf(router), operation: makeOperationOf(router) },
    // The server reads a longer body only after it has identified the caller, because no call without a session needs one.
    onRequest: async (request, reply) => {
      if (request.headers.cookie !== undefined) await contextOf(request, reply).renewCookie();
      const { 'content-length': length } = request.headers;
      const isShort = length !== undefined && Number(length) <= MAX_UNAUTHENTICATED_BODY;
      if (request.method === 'POST' && !isShort) await contextOf(request, reply).identify('reader');
    },
    onSend: settleAnswer,
    handler: (req, res) => {
      const answer = () => fastifyRequestHandler({ ...trpcOptions, req, res, path: req.params.path });
      return req.method === 'HEAD' ? asGet(req.raw, answer) : answer();
    },
  });
  refuseOtherMethods(app, '/trpc/:path', new Set(['GET', 'HEAD', 'POST']));
}
