import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { badRequest } from '../../errors.ts';
import { logFailure } from '../../http/edge/error-handler.ts';
import { installJsonBody, parseJson } from '../../http/edge/json-body.ts';
import { type CountMore, MAX_BATCH_SIZE } from '../../http/edge/rate-limit.ts';
import { noteRefusal } from '../../http/edge/refusals.ts';
import { once } from '../../once.ts';
import type { AppRouter } from '../../router.ts';
import type { ContextOf } from '../context.ts';
import { refuseOtherMethods } from '../methods.ts';
import { sendProtocolError } from './errors.ts';
import type { Outcome } from './exchange.ts';
import { operationOfMessage, waits } from './message.ts';
import type { Serve } from './serve.ts';
import type { Changes } from './subscription.ts';
import { Tools } from './tools.ts';
import { webRequestOf } from './web-request.ts';

export interface McpDeps {
  contextOf: ContextOf;
  countMore: CountMore;
  changes: Changes;
  version: string;
}

const URL = '/mcp';

/** Counts the messages of a batch. @throws RelayError `BAD_REQUEST`, `TOO_MANY_REQUESTS` */
async function countBatch(request: FastifyRequest, reply: FastifyReply, countMore: CountMore): Promise<void> {
  const { body } = request;
  if (body === undefined) throw badRequest('The request body is empty; send one JSON-RPC message.');
  if (!Array.isArray(body)) return;
  if (body.length > MAX_BATCH_SIZE) {
    throw badRequest(`A batch has at most ${MAX_BATCH_SIZE} messages.`);
  }
  if (body.length > 1) await countMore(request, reply, body.length - 1);
}

/** Notes an answer of the protocol's server that is a refusal or a failure. */
function noteStatus(request: FastifyRequest, outcome: Outcome, error: Error | undefined): void {
  const status = outcome instanceof Response ? outcome.status : 200;
  if (status < 400 || request.raw.destroyed) return;
  noteRefusal(request, { code: status >= 500 ? 'INTERNAL_SERVER_ERROR' : 'BAD_REQUEST', call: undefined });
  if (status >= 500) logFailure(request, error);
}

/** Sends an answer of the protocol's server. JSON goes as a text, because a stream takes longer. */
async function send(outcome: Outcome, reply: FastifyReply): Promise<unknown> {
  if (!(outcome instanceof Response)) return sendJson(reply, JSON.stringify(outcome));
  const type = outcome.headers.get('content-type');
  if (type?.startsWith('text/event-stream')) {
    // Node decides about the connection.
    outcome.headers.delete('connection');
    return outcome;
  }
  reply.code(outcome.status);
  return type === null ? reply.send() : sendJson(reply, await outcome.text());
}

const sendJson = (reply: FastifyReply, text: string) =>
  reply.header('content-type', 'application/json').send(text);

/**
 * Mounts the protocol's Streamable HTTP transport. It keeps nothing between requests, so any replica may answer any of
 * them. GET and DELETE, which belong to sessions, get 405.
 */
export function mountMcp(app: FastifyInstance, router: AppRouter, deps: McpDeps): void {
  const { contextOf, countMore, changes, version } = deps;
  const tools = new Tools(router);
  // The first message loads the protocol's packages, which take 20 MB.
  const load = once(async (): Promise<Serve> => {
    const { makeServe } = await import('./serve.ts');
    return makeServe({ tools, changes, version });
  });
  app.setErrorHandler(sendProtocolError);
  installJsonBody(app, parseJson);
  app.post(URL, {
    config: { operation: operationOfMessage(tools), waits: waits(tools) },
    // The caller is identified before the body is read.
    onRequest: async (request, reply) => void (await contextOf(request, reply).identify('reader')),
    preHandler: (request, reply) => countBatch(request, reply, countMore),
    handler: async (request, reply) => {
      const context = contextOf(request, reply);
      const { body } = request;
      const web = webRequestOf(request);
      let last: Error | undefined;
      const onError = (error: Error) => {
        last = error;
      };
      const serve = await load();
      const outcome = await serve({ web, body, request, context, onError });
      noteStatus(request, outcome, last);
      return send(outcome, reply);
    },
  });
  refuseOtherMethods(app, URL, new Set(['POST']));
}
