import type { FastifyInstance, FastifyRequest } from 'fastify';
import { readSessionId } from '../../access/caller.ts';
import type { FoundSession, SessionCache } from '../../access/session-cache.ts';
import { hexHashOfSessionId } from '../../access/session-id.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The session that the request carries. Null until `SessionOf` first runs. */
    session: CarriedSession | null;
  }
}

type Found = FoundSession | undefined;

/** The session in the `Authorization` header. */
interface CarriedSession {
  sessionId: string;
  idHash: string;
  /** The look-up in flight. */
  finding?: Promise<Found>;
}

function readSession(authorization: string | undefined): CarriedSession | null {
  const sessionId = readSessionId(authorization);
  return sessionId === undefined ? null : { sessionId, idHash: hexHashOfSessionId(sessionId) };
}

/** Finds the session that a request carries, with one look-up per request. Synchronous where the session is cached. */
export type SessionOf = (request: FastifyRequest) => Found | Promise<Found>;

export function installSessionOf(app: FastifyInstance, sessions: Pick<SessionCache, 'find'>): SessionOf {
  app.decorateRequest('session', null);
  return (request) => {
    request.session ??= readSession(request.headers.authorization);
    if (!request.session) return undefined;
    const { sessionId, idHash, finding } = request.session;
    const found = finding ?? sessions.find(sessionId, idHash);
    if (found instanceof Promise) request.session.finding = found;
    return found;
  };
}
