import { Readable } from 'node:stream';
import type { AnyRouter } from '@trpc/server';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { makeCall } from '../api/call.ts';
import type { AnswerHeader } from '../api/context.ts';
import type { AppRouter } from '../api/router.ts';
import { showName } from '../api/show-name.ts';
import type { RestMeta } from '../api/trpc.ts';
import { badRequest, type ErrorCode } from '../errors.ts';
import type { Reader } from '../vault/policy.ts';
import { JsonAnswer, type RequestContext } from './context.ts';
import { isNamed } from './etag.ts';
import { installJsonBody, MAX_STRANGERS_BODY, parseJson } from './json-body.ts';
import { loggableFieldsOf } from './loggable-url.ts';
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
  /** Whether a conflict may show the version that is there. */
  versioned: boolean;
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
    const { openapi, status = 200, errors = [], together = [], needs = {}, example } = meta;
    const { headers = [], idempotent = false, conditional = false, versioned = false } = meta;
    const url = `/api${openapi?.path.replace(/{(\w+)}/g, ':$1')}`;
    const head = openapi?.method === 'GET';
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
      versioned,
      head,
      url,
      answer,
    };
    return [{ name, openapi, ...face }];
  });
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

type Fields = Record<string, unknown>;

/** @throws RelayError `BAD_REQUEST` where the path has the field already */
function addField(input: Fields, name: string, value: unknown): void {
  if (Object.hasOwn(input, name)) throw badRequest(`Unknown field ${name}; it belongs into the path.`);
  // Assigned, it would be no field, which the strict schemas refuse.
  if (name === '__proto__') Object.defineProperty(input, name, { value, enumerable: true });
  else input[name] = value;
}

/**
 * A procedure's input is one object: the path's parameters, and either the query or the body. It grows field by field:
 * what is spread together costs several times as much, and so does what then reads it.
 */
function readInput({ method, params, query, body }: FastifyRequest): Fields {
  const input: Fields = {};
  for (const name of Object.keys(params as Fields)) input[name] = (params as Fields)[name];
  const takesQuery = method === 'GET' || method === 'HEAD';
  for (const name of Object.keys(query as Fields)) {
    // It says who calls.
    if (name === 'id') continue;
    const value = (query as Fields)[name];
    // One that stands twice is refused, not picked from.
    if (Array.isArray(value)) {
      throw badRequest(`The query parameter ${showName(name)} is given more than once.`);
    }
    if (!takesQuery)
      throw badRequest(`Unknown query parameter ${showName(name)}; it is not part of this call.`);
    addField(input, name, value);
  }
  // Only a body that is not there counts as an empty one: `null` is sent, and wrong.
  if (takesQuery || body === undefined) return input;
  if (!isObject(body)) throw badRequest('The request body must be a JSON object.');
  for (const name of Object.keys(body)) addField(input, name, body[name]);
  return input;
}
/** The header is the one place for it: a field of the body would be a second one to look at. */
function addIdempotencyKey(input: Record<string, unknown>, { headers }: FastifyRequest): void {
  if (Object.hasOwn(input, 'idempotency_key')) {
    throw badRequest('Unknown field idempotency_key; send it as the header Idempotency-Key.');
  }
  const key = headers['idempotency-key'];
  if (key !== undefined) input.idempotency_key = String(key);
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
  const payload = answer.payload();
  // Nothing more is fetched for an answer that has no body.
  return request.method === 'HEAD' && typeof payload !== 'string' ? Readable.from([]) : payload;
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

  for (const { name, openapi, status, head, url, idempotent, answer: schema } of listRestRoutes(router)) {
    const call = makeCall(router, name);
    const allowed = methods.get(url) ?? new Set<string>();
    methods.set(url, allowed.add(openapi.method));
    if (head) allowed.add('HEAD');
    app.route({
      method: openapi.method,
      url,
      exposeHeadRoute: head,
      ...(openapi.protect === false && { bodyLimit: MAX_STRANGERS_BODY }),
      config: { procedure: name, loggable: loggableFieldsOf(router, name) },
      schema: { response: { [status]: schema } },
      // Who calls is settled before the body is read.
      onRequest: (request, reply, done) => {
        if (openapi.protect === false) return done();
        const context = contextOf(request, reply);
        let found: Reader | Promise<Reader>;
        try {
          found = openapi.method === 'GET' ? context.authenticateReader() : context.authenticate();
        } catch (error) {
          return done(error as Error);
        }
        if (found instanceof Promise) found.then(() => done(), done);
        else done();
      },
      handler: (request, reply) => {
        reply.code(status);
        const input = readInput(request);
        if (idempotent) addIdempotencyKey(input, request);
        return call(contextOf(request, reply), input).then((answer) => finish(answer, request, reply));
      },
    });
  }
  for (const [url, allowed] of methods) refuseOtherMethods(app, url, allowed);
}
