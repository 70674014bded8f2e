import type { FastifyInstance, FastifyRequest, HTTPMethods } from 'fastify';
import type { AppRouter } from '../api/router.ts';
import { createCallerFactory, type RestMeta } from '../api/trpc.ts';
import { badRequest, RelayError } from '../errors.ts';
import type { RequestContext } from './context.ts';
import { installJsonBody } from './json-body.ts';

type OpenApi = NonNullable<RestMeta['openapi']>;
type Call = (input: unknown) => Promise<unknown>;

interface RestRoute {
  /** Path of the procedure, such as `vault.read`. */
  name: string;
  openapi: OpenApi;
  /** Of a successful answer. */
  status: number;
  /** Whether HEAD is answered as well. */
  head: boolean;
  /** `openapi.path` as Fastify writes it. */
  url: string;
}

/** Every procedure that has a REST face. */
export function listRestRoutes(router: AppRouter): RestRoute[] {
  // At run time this record is flat: its keys are whole paths such as `vault.read`.
  const procedures = router._def.procedures as unknown as Record<string, { _def: { meta?: RestMeta } }>;
  return Object.entries(procedures).flatMap(([name, procedure]) => {
    const { openapi, status = 200, takes = false } = procedure._def.meta ?? {};
    const head = openapi?.method === 'GET' && !takes;
    return openapi
      ? [{ name, openapi, status, head, url: `/api${openapi.path.replace(/{(\w+)}/g, ':$1')}` }]
      : [];
  });
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `?id=` says who calls and is no input. A parameter that stands twice is refused, not picked from. */
function readQuery(request: FastifyRequest): Record<string, string> {
  const { id: _, ...query } = request.query as Record<string, string | string[]>;
  for (const [name, value] of Object.entries(query)) {
    if (Array.isArray(value)) throw badRequest(`The query parameter ${name} is given more than once.`);
  }
  return query as Record<string, string>;
}

/** A procedure's input is one object: the path's parameters, and either the query or the body. */
function readInput(request: FastifyRequest): Record<string, unknown> {
  const params = request.params as Record<string, string>;
  const query = readQuery(request);
  if (request.method === 'GET' || request.method === 'HEAD') return { ...query, ...params };
  const [unknown] = Object.keys(query);
  if (unknown !== undefined)
    throw badRequest(`Unknown query parameter ${unknown}; it is not part of this call.`);
  const body = request.body ?? {};
  if (!isObject(body)) throw badRequest('The request body must be a JSON object.');
  const [clash] = Object.keys(params).filter((name) => Object.hasOwn(body, name));
  if (clash !== undefined) throw badRequest(`Unknown field ${clash}; it belongs into the path.`);
  return { ...body, ...params };
}

/** Methods that a path has no procedure for get 405 and an `Allow` header instead of a bare 404. */
function refuseOtherMethods(app: FastifyInstance, url: string, allowed: Set<string>): void {
  const others: HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
  app.route({
    method: others.filter((method) => !allowed.has(method)),
    url,
    onRequest: async (request, reply) => {
      const allow = [...allowed].join(', ');
      reply.header('allow', allow);
      throw new RelayError('METHOD_NOT_ALLOWED', `${request.method} is not allowed here; use ${allow}.`);
    },
    handler: () => undefined,
  });
}

/**
 * Mounts every procedure that carries `openapi` meta as a native Fastify route under `/api`: method,
 * path and document from the meta, the call through the same procedure that tRPC serves.
 */
export function mountRest(
  app: FastifyInstance,
  router: AppRouter,
  contextOf: (r: FastifyRequest) => RequestContext,
) {
  installJsonBody(app);
  const makeCaller = createCallerFactory(router);
  const methods = new Map<string, Set<string>>();

  for (const { name, openapi, status, head, url } of listRestRoutes(router)) {
    const allowed = methods.get(url) ?? new Set<string>();
    methods.set(url, allowed.add(openapi.method));
    if (head) allowed.add('HEAD');
    app.route({
      method: openapi.method,
      url,
      exposeHeadRoute: head,
      // Who calls is settled before the body is read.
      onRequest: async (request) => {
        if (openapi.protect !== false) await contextOf(request).authenticate();
      },
      handler: async (request, reply) => {
        reply.code(status);
        const call = name
          .split('.')
          .reduce<unknown>(
            (node, key) => (node as Record<string, unknown>)[key],
            makeCaller(contextOf(request)),
          );
        return (call as Call)(readInput(request));
      },
    });
  }
  for (const [url, allowed] of methods) refuseOtherMethods(app, url, allowed);
}
