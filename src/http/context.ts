import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type CallerRules, resolveCaller } from '../api/caller.ts';
import type { Context } from '../api/context.ts';
import { badRequest } from '../errors.ts';
import type { Caller } from '../vault/policy.ts';

export type RequestContext = Context;

declare module 'fastify' {
  interface FastifyRequest {
    /** What was found out about a request, so that hooks and procedures ask once. */
    callContext: RequestContext | null;
  }
}

/** @throws RelayError `BAD_REQUEST` */
function readIds(request: FastifyRequest): string[] {
  checkEscapes(request.url);
  const { id } = request.query as { id?: string | string[] };
  return id === undefined ? [] : typeof id === 'string' ? [id] : id;
}

/** A query with a broken escape would arrive as its raw text, and so name somebody else. */
function checkEscapes(url: string): void {
  const query = url.indexOf('?');
  if (query < 0 || url.indexOf('%', query) < 0) return;
  try {
    decodeURIComponent(url.slice(query + 1));
  } catch {
    throw badRequest('The query of the address is not valid percent-encoded UTF-8.');
  }
}

const authenticate = (request: FastifyRequest, rules: CallerRules): Promise<Caller> =>
  resolveCaller({ authorization: request.headers.authorization, readIds: () => readIds(request) }, rules);

function makeContext(
  request: FastifyRequest,
  rules: CallerRules,
  countGrantAttempt: (request: FastifyRequest) => Promise<void>,
): RequestContext {
  let caller: Promise<Caller> | undefined;
  return {
    authenticate: () => {
      caller ??= authenticate(request, rules);
      return caller;
    },
    countGrantAttempt: () => countGrantAttempt(request),
    noteReadFromOutside: (vaultId) => request.log.info({ vault: vaultId }, 'Cross-session read'),
  };
}

/** @returns what gives the context of a request of this scope, one and the same for whoever asks */
export function installContext(
  app: FastifyInstance,
  rules: CallerRules,
  countGrantAttempt: (request: FastifyRequest) => Promise<void>,
): (request: FastifyRequest) => RequestContext {
  app.decorateRequest('callContext', null);
  return (request) => {
    request.callContext ??= makeContext(request, rules, countGrantAttempt);
    return request.callContext;
  };
}
