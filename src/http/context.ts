import type { FastifyRequest } from 'fastify';
import { type CallerRules, resolveCaller } from '../api/caller.ts';
import type { Context } from '../api/context.ts';
import { badRequest } from '../errors.ts';
import type { Caller } from '../vault/policy.ts';

export type RequestContext = Context;

/** What was found out about a request, so that hooks and procedures ask once. */
const callers = new WeakMap<FastifyRequest, Promise<Caller>>();

function readIds(request: FastifyRequest): string[] {
  const { id } = request.query as { id?: string | string[] };
  return id === undefined ? [] : [id].flat();
}

/** A query with a broken escape would arrive as its raw text, and so name somebody else. */
function checkEscapes(url: string): void {
  try {
    decodeURIComponent(url.split('?').slice(1).join('?'));
  } catch {
    throw badRequest('The query of the address is not valid percent-encoded UTF-8.');
  }
}

async function authenticate(request: FastifyRequest, rules: CallerRules): Promise<Caller> {
  const caller = await resolveCaller(
    { authorization: request.headers.authorization, ids: readIds(request) },
    rules,
  );
  checkEscapes(request.url);
  return caller;
}

/** Makes the context of a request: the same for both surfaces. */
export const makeContextOf =
  (rules: CallerRules, countGrantAttempt: (request: FastifyRequest) => Promise<void>) =>
  (request: FastifyRequest): RequestContext => ({
    authenticate: () => {
      let caller = callers.get(request);
      if (!caller) {
        caller = authenticate(request, rules);
        callers.set(request, caller);
      }
      return caller;
    },
    countGrantAttempt: () => countGrantAttempt(request),
    noteReadFromOutside: (vaultId) => request.log.info({ vault: vaultId }, 'Cross-session read'),
  });
