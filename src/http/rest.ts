import type { AnyRouter } from '@trpc/server';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { makeCall } from '../api/call.ts';
import type { AnswerHeader } from '../api/context.ts';
import type { AppRouter } from '../api/router.ts';
import { showName } from '../api/show-name.ts';
import type { RestMeta } from '../api/trpc.ts';
import { badRequest, type ErrorCode } from '../errors.ts';
import { JsonAnswer, type RequestContext } from './context.ts';
import { isNamed } from './etag.ts';
import { installJsonBody, parseJson } from './json-body.ts';
import { refuseOtherMethods } from './methods.ts';

type OpenApi = NonNullable<RestMeta['openapi']>;

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
  /** Whether it takes an `If-None-Match`. */
  conditional: boolean;
  /** Whether HEAD is answered as well. */
  head: boolean;
  /** `openapi.path` as Fastify writes it. */
  url: string;
  /** JSON schema of a successful answer, which Fastify writes it by. */
  answer: object;
}

interface RestProcedure {
  _def: { meta?: RestMeta; output: z.ZodType };
}

/** Every procedure that has a REST face. */
export function listRestRoutes(router: AnyRouter): RestRoute[] {
  // At run time this record is flat: its keys are whole paths such as `vault.read`.
  const procedures = router._def.procedures as Record<string, RestProcedure>;
  return Object.entries(procedures).flatMap(([name, procedure]) => {
    const meta = procedure._def.meta ?? {};
    const { openapi, status = 200, errors = [], together = [], needs = {}, example, takes = false } = meta;
    const { headers = [], idempotent = false, conditional = false } = meta;
    const url = `/api${openapi?.path.replace(/{(\w+)}/g, ':$1')}`;
    const head = openapi?.method === 'GET' && !takes;
    if (!openapi) return [];
    const answer = z.toJSONSchema(procedure._def.output, { target: 'draft-7' });
    const face = {
      status,
      errors,
      together,
      needs,
      example,
      headers,
      idempotent,
      conditional,
      head,
      url,
      answer,
    };
    return [{ name, openapi, ...face }];
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

const JSON_TYPE = 'application/json; charset=utf-8';

/** Leaves out what whoever asks has seen, and passes on as it is what is JSON already. */
function finish(answer: unknown, request: FastifyRequest, reply: FastifyReply): unknown {
  const named = request.headers['if-none-match'];
  const etag = reply.getHeader('etag');
  if (named !== undefined && etag !== undefined && isNamed(named, String(etag))) {
    reply.code(304).send();
    return undefined;
  }
  if (!(answer instanceof JsonAnswer)) return answer;
  reply.header('content-type', JSON_TYPE);
  return answer.text;
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
  const methods = new Map<string, Set<string>>();

  for (const { name, openapi, status, head, url, idempotent, conditional, answer: schema } of listRestRoutes(
    router,
  )) {
    const call = makeCall(router, name);
    const allowed = methods.get(url) ?? new Set<string>();
    methods.set(url, allowed.add(openapi.method));
    if (head) allowed.add('HEAD');
    app.route({
      method: openapi.method,
      url,
      exposeHeadRoute: head,
      config: { procedure: name },
      schema: { response: { [status]: schema } },
      // Who calls is settled before the body is read.
      onRequest: (request, reply, done) => {
        if (openapi.protect === false) return done();
        const context = contextOf(request, reply);
        (openapi.method === 'GET' ? context.authenticateReader() : context.authenticate()).then(
          () => done(),
          done,
        );
      },
      handler: (request, reply) => {
        reply.code(status);
        const input = readInput(request);
        if (idempotent) Object.assign(input, readIdempotencyKey(request));
        const answer = call(contextOf(request, reply), input);
        return conditional ? answer.then((value) => finish(value, request, reply)) : answer;
      },
    });
  }
  for (const [url, allowed] of methods) refuseOtherMethods(app, url, allowed);
}
