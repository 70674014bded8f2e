import type { FastifyRequest } from 'fastify';
import { readSessionId, resolveCaller } from '../api/caller.ts';
import type { Context } from '../api/context.ts';
import { badRequest } from '../errors.ts';
import type { SessionCache } from '../session/cache.ts';
import type { LiveSession } from '../session/store.ts';
import type { Caller } from '../vault/policy.ts';

export type RequestContext = Context;

/** What was found out about a request, so that hooks and procedures ask once. */
const callers = new WeakMap<FastifyRequest, Promise<Caller>>();

/** Looks up the session that a request carries: once, however many ask. @returns undefined where none holds */
export type SessionOf = (request: FastifyRequest) => Promise<LiveSession | undefined>;

export function makeSessionOf(sessions: Pick<SessionCache, 'resolve'>): SessionOf {
  const asked = new WeakMap<FastifyRequest, Promise<LiveSession | undefined>>();
  return (request) => {
    const sessionId = readSessionId(request.headers.authorization);
    if (sessionId === undefined) return Promise.resolve(undefined);
    const session = asked.get(request) ?? sessions.resolve(sessionId);
    asked.set(request, session);
    return session;
  };
}

export interface ContextDeps {
  sessionOf: SessionOf;
  maxClientIdCharacters: number;
  countGrantAttempt(request: FastifyRequest): Promise<void>;
}

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

async function authenticate(request: FastifyRequest, deps: ContextDeps): Promise<Caller> {
  const caller = await resolveCaller(
    { authorization: request.headers.authorization, ids: readIds(request) },
    {
      resolveSession: () => deps.sessionOf(request),
      maxClientIdCharacters: deps.maxClientIdCharacters,
    },
  );
  checkEscapes(request.url);
  return caller;
}

/** Makes the context of a request: the same for both surfaces. */
export const makeContextOf =
  (deps: ContextDeps) =>
  (request: FastifyRequest): RequestContext => ({
    authenticate: () => {
      let caller = callers.get(request);
      if (!caller) {
        caller = authenticate(request, deps);
        callers.set(request, caller);
      }
      return caller;
    },
    countGrantAttempt: () => deps.countGrantAttempt(request),
    noteReadFromOutside: (vaultId) => request.log.info({ vault: vaultId }, 'Cross-session read'),
  });
