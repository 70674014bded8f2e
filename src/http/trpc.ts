import { type FastifyTRPCPluginOptions, fastifyTRPCPlugin } from '@trpc/server/adapters/fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { AppRouter } from '../api/router.ts';
import { ERROR_FACES, findRelayError } from '../errors.ts';
import type { RequestContext } from './context.ts';
import { logFailure } from './error-handler.ts';

/** Calls in one HTTP request; each is a statement of its own. */
const MAX_BATCH_SIZE = 20;

/** Mounts the procedures under `/trpc`, in a scope of its own: the plugin replaces the scope's JSON parser. */
export async function mountTrpc(
  app: FastifyInstance,
  router: AppRouter,
  contextOf: (request: FastifyRequest) => RequestContext,
): Promise<void> {
  await app.register(fastifyTRPCPlugin<AppRouter>, {
    prefix: '/trpc',
    trpcOptions: {
      router,
      maxBatchSize: MAX_BATCH_SIZE,
      createContext: ({ req }) => contextOf(req),
      responseMeta: ({ errors }) => {
        const waits = errors.flatMap((error) => findRelayError(error)?.retryAfter ?? []);
        return waits.length > 0 ? { headers: { 'retry-after': String(Math.max(...waits)) } } : {};
      },
      onError: ({ req, error }) => {
        const meant = findRelayError(error);
        if (error.code === 'INTERNAL_SERVER_ERROR' || (meant && ERROR_FACES[meant.code].status >= 500)) {
          logFailure(req, error);
        }
      },
    },
  } satisfies FastifyTRPCPluginOptions<AppRouter>);
}
