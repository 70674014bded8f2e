import type { FastifyReply, FastifyRequest } from 'fastify';
import { readSessionId, resolveCaller } from '../api/caller.ts';
import type { Context } from '../api/context.ts';
import { badRequest } from '../errors.ts';
import type { SessionCache } from '../session/cache.ts';
import { hashSessionId } from '../session/session-id.ts';
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
  const { authorization } = request.headers;
  const caller = await resolveCaller(
    { authorization, ids: readIds(request) },
    {
      resolveSession: () => deps.sessionOf(request),
      maxClientIdCharacters: deps.maxClientIdCharacters,
    },
  );
  checkEscapes(request.url);
  const sessionHash = hashSessionId(readSessionId(authorization) ?? '').toString('hex');
  return { ...caller, origin: { sessionHash, requestId: request.id, address: request.ip } };
}

/** Who sent a request, if that was found out. */
export const knownCaller = async (request: FastifyRequest): Promise<Caller | undefined> =>
  callers.get(request)?.catch(() => undefined);

function leavingOf(reply: FastifyReply): AbortSignal {
  const leaving = new AbortController();
  if (reply.raw.destroyed) leaving.abort();
  else reply.raw.once('close', () => leaving.abort());
  return leaving.signal;
}

/** The address of this request with another cursor, relative to the server. */
function nextPage(request: FastifyRequest, cursor: string): string {
  const [path, query] = request.url.split('?', 2);
  const params = new URLSearchParams(query);
  params.set('cursor', cursor);
  return `<${path}?${params}>; rel="next"`;
}

/** Makes the context of a request. On tRPC, where one request may be several calls, pages say by themselves what follows. */
export const makeContextOf =
  (deps: ContextDeps) =>
  (request: FastifyRequest, reply: FastifyReply): RequestContext => ({
    source: { requestId: request.id, address: request.ip },
    authenticate: () => {
      let caller = callers.get(request);
      if (!caller) {
        caller = authenticate(request, deps);
        callers.set(request, caller);
      }
      return caller;
    },
    countGrantAttempt: () => deps.countGrantAttempt(request),
    leaving: () => leavingOf(reply),
    noteReadFromOutside: (vaultId) => request.log.info({ vault: vaultId }, 'Cross-session read'),
    tellHead: ({ head, headHash }) => {
      reply.header('x-vault-head', head).header('x-vault-head-hash', headHash);
    },
    tellNext: (cursor) => {
      if (cursor !== null) reply.header('link', nextPage(request, cursor));
    },
    tellReplayed: () => {
      reply.header('idempotent-replayed', 'true');
    },
  });
