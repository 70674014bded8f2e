import type { AnyRouter } from '@trpc/server';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { describeInvalidInput } from '../../api/invalid-input.ts';
import type { Callers, Operation, RestFace, Who } from '../../api/operation.ts';
import { operationsOf } from '../../api/trpc.ts';
import { badRequest, showName } from '../../errors.ts';
import { installJsonBody, MAX_UNAUTHENTICATED_BODY, parseJson } from '../../http/edge/json-body.ts';
import { loggableFieldsOf } from '../../http/ops/loggable-url.ts';
import type { AppRouter } from '../../router.ts';
import type { ContextOf } from '../context.ts';
import { refuseOtherMethods } from '../methods.ts';
import { renderAnswer } from './answer.ts';

export interface RestRoute {
  /** Of the operation, such as `vault.read`. */
  name: string;
  operation: Operation;
  openapi: RestFace;
  /** Of a successful answer. */
  status: number;
  /** Whether HEAD is answered as well. */
  head: boolean;
  /** The whole path as Fastify writes it. */
  url: string;
}

/** Every operation that has a face on REST. */
export const listRestRoutes = (router: AnyRouter): RestRoute[] =>
  [...operationsOf(router)].flatMap(([name, operation]) => {
    const { rest: openapi } = operation;
    if (!openapi) return [];
    const url = `/api${openapi.path.replace(/{(\w+)}/g, ':$1')}`;
    return [{ name, operation, openapi, status: openapi.status ?? 200, head: openapi.method === 'GET', url }];
  });

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

type Fields = Record<string, unknown>;

/** @throws RelayError `BAD_REQUEST` where the path has the field already */
function addField(input: Fields, name: string, value: unknown): void {
  if (Object.hasOwn(input, name)) throw badRequest(`Unknown field ${name}; send it in the path.`);
  // Assigned, it would be no field, which the strict schemas refuse.
  if (name === '__proto__') Object.defineProperty(input, name, { value, enumerable: true });
  else input[name] = value;
}

/**
 * An operation's input is one object: the path's parameters, and either the query or the body. It grows field by field.
 * To spread it together and check it takes 3.4 instead of 0.7 µs.
 */
function readInput({ method, params, query, body }: FastifyRequest): Fields {
  const input: Fields = {};
  for (const name of Object.keys(params as Fields)) input[name] = (params as Fields)[name];
  const takesQuery = method === 'GET' || method === 'HEAD';
  for (const name of Object.keys(query as Fields)) {
    // The client id is part of the credentials.
    if (name === 'id') continue;
    const value = (query as Fields)[name];
    // A repeated parameter is ambiguous.
    if (Array.isArray(value)) {
      throw badRequest(`The query parameter ${showName(name)} is given more than once.`);
    }
    if (!takesQuery)
      throw badRequest(`Unknown query parameter ${showName(name)}; it is not part of this call.`);
    addField(input, name, value);
  }
  // Only a missing body counts as empty. `null` is an invalid body.
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

/** @throws RelayError `BAD_REQUEST` */
function parseInput({ input: schema }: Operation, raw: unknown): unknown {
  if (!schema) return undefined;
  const { success, data, error } = schema.safeParse(raw);
  if (!success) throw describeInvalidInput(error);
  return data;
}

/** Mounts every operation with a face on REST as a native Fastify route under `/api`. */
export function mountRest(app: FastifyInstance, router: AppRouter, contextOf: ContextOf): void {
  installJsonBody(app, parseJson);
  const methods = new Map<string, Set<string>>();

  for (const { name, operation, openapi, status, head, url } of listRestRoutes(router)) {
    const { who } = operation;
    const allowed = methods.get(url) ?? new Set<string>();
    methods.set(url, allowed.add(openapi.method));
    if (head) allowed.add('HEAD');
    app.route({
      method: openapi.method,
      url,
      exposeHeadRoute: head,
      ...(who === 'anybody' && { bodyLimit: MAX_UNAUTHENTICATED_BODY }),
      config: { operation: name, loggable: loggableFieldsOf(operation) },
      schema: { response: { [status]: z.toJSONSchema(operation.output, { target: 'draft-7' }) } },
      // The caller is identified before the body is read.
      onRequest: (request, reply, done) => {
        let found: Callers[Who] | Promise<Callers[Who]>;
        try {
          found = contextOf(request, reply).identify(who);
        } catch (error) {
          return done(error as Error);
        }
        if (found instanceof Promise) found.then(() => done(), done);
        else done();
      },
      handler: async (request, reply) => {
        reply.code(status);
        const raw = readInput(request);
        if (openapi.idempotent) addIdempotencyKey(raw, request);
        const context = contextOf(request, reply);
        // Cached since `onRequest`.
        const caller = await context.identify(who);
        const answer = await operation.run(caller, parseInput(operation, raw), context);
        return renderAnswer(answer, request, reply, (bytes) => context.hold(bytes));
      },
    });
  }
  for (const [url, allowed] of methods) refuseOtherMethods(app, url, allowed);
}
