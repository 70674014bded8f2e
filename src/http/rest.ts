import type { AnyRouter } from '@trpc/server';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AnswerHeader } from '../api/context.ts';
import type { AppRouter } from '../api/router.ts';
import { showName } from '../api/show-name.ts';
import { createCallerFactory, type RestMeta } from '../api/trpc.ts';
import { badRequest, type ErrorCode } from '../errors.ts';
import type { RequestContext } from './context.ts';
import { installJsonBody, parseJson } from './json-body.ts';
import { refuseOtherMethods } from './methods.ts';

type OpenApi = NonNullable<RestMeta['openapi']>;
type Call = (input: unknown) => Promise<unknown>;

export interface RestRoute {
  /** Path of the procedure, such as `vault.read`. */
  name: string;
  openapi: OpenApi;
  /** Of a successful answer. */
  status: number;
  /** How it can fail, beyond what every call can. */
  errors: readonly ErrorCode[];
  /** Fields of the body that are sent together or not at all. */
  together: readonly string[];
  /** Fields of the body that need another one. */
  needs: Readonly<Record<string, string>>;
  example: RestMeta['example'];
  /** What a successful answer carries beside its body. */
  headers: readonly AnswerHeader[];
  /** Whether it takes an `Idempotency-Key`. */
  idempotent: boolean;
  /** Whether HEAD is answered as well. */
  head: boolean;
  /** `openapi.path` as Fastify writes it. */
  url: string;
}

/** Every procedure that has a REST face. */
export function listRestRoutes(router: AnyRouter): RestRoute[] {
  // At run time this record is flat: its keys are whole paths such as `vault.read`.
  const procedures = router._def.procedures as Record<string, { _def: { meta?: RestMeta } }>;
  return Object.entries(procedures).flatMap(([name, procedure]) => {
    const meta = procedure._def.meta ?? {};
    const { openapi, status = 200, errors = [], together = [], needs = {}, example, takes = false } = meta;
    const { headers = [], idempotent = false } = meta;
    const url = `/api${openapi?.path.replace(/{(\w+)}/g, ':$1')}`;
    const head = openapi?.method === 'GET' && !takes;
    const face = { status, errors, together, needs, example, headers, idempotent, head, url };
    return openapi ? [{ name, openapi, ...face }] : [];
  });
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `?id=` says who calls and is no input. A parameter that stands twice is refused, not picked from. */
function readQuery(request: FastifyRequest): Record<string, string> {
  const { id: _, ...query } = request.query as Record<string, string | string[]>;
  for (const [name, value] of Object.entries(query)) {
    if (Array.isArray(value)) {
      throw badRequest(`The query parameter ${showName(name)} is given more than once.`);
    }
  }
  return query as Record<string, string>;
}

function refuseClash(given: Record<string, unknown>, params: Record<string, string>): void {
  const clash = Object.keys(params).find((name) => Object.hasOwn(given, name));
  if (clash !== undefined) throw badRequest(`Unknown field ${clash}; it belongs into the path.`);
}

/** A procedure's input is one object: the path's parameters, and either the query or the body. */
function readInput(request: FastifyRequest): Record<string, unknown> {
  const params = request.params as Record<string, string>;
  const query = readQuery(request);
  if (request.method === 'GET' || request.method === 'HEAD') {
    refuseClash(query, params);
    return { ...query, ...params };
  }
  const [unknown] = Object.keys(query);
  if (unknown !== undefined)
    throw badRequest(`Unknown query parameter ${showName(unknown)}; it is not part of this call.`);
  // Only a body that is not there counts as an empty one: `null` is sent, and wrong.
  const body = request.body === undefined ? {} : request.body;
  if (!isObject(body)) throw badRequest('The request body must be a JSON object.');
  refuseClash(body, params);
  return { ...body, ...params };
}

/** The header is the one place for it: a field of the body would be a second one to look at. */
function readIdempotencyKey(request: FastifyRequest): { idempotency_key?: string } {
  if (isObject(request.body) && Object.hasOwn(request.body, 'idempotency_key')) {
    throw badRequest('Unknown field idempotency_key; send it as the header Idempotency-Key.');
  }
  const key = request.headers['idempotency-key'];
  return key === undefined ? {} : { idempotency_key: String(key) };
}

/**
 * Mounts every procedure that carries `openapi` meta as a native Fastify route under `/api`: method,
 * path and document from the meta, the call through the same procedure that tRPC serves.
 */
export function mountRest(
  app: FastifyInstance,
  router: AppRouter,
  contextOf: (request: FastifyRequest, reply: FastifyReply) => RequestContext,
) {
  installJsonBody(app, parseJson);
  const makeCaller = createCallerFactory(router);
  const methods = new Map<string, Set<string>>();

  for (const { name, openapi, status, head, url, idempotent } of listRestRoutes(router)) {
    const allowed = methods.get(url) ?? new Set<string>();
    methods.set(url, allowed.add(openapi.method));
    if (head) allowed.add('HEAD');
    app.route({
      method: openapi.method,
      url,
      exposeHeadRoute: head,
      config: { procedure: name },
      // Who calls is settled before the body is read.
      onRequest: async (request, reply) => {
        if (openapi.protect !== false) await contextOf(request, reply).authenticate();
      },
      handler: async (request, reply) => {
        reply.code(status);
        const call = name
          .split('.')
          .reduce<unknown>(
            (node, key) => (node as Record<string, unknown>)[key],
            makeCaller(contextOf(request, reply)),
          );
        return (call as Call)({ ...readInput(request), ...(idempotent && readIdempotencyKey(request)) });
      },
    });
  }
  for (const [url, allowed] of methods) refuseOtherMethods(app, url, allowed);
}
