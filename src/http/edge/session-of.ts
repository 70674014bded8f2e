import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { readSessionId } from '../../access/caller.ts';
import type { FoundSession, SessionCache } from '../../access/session-cache.ts';
import { hexHashOfSessionId } from '../../access/session-id.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The session that the request carries, while it is looked up. */
    session: Promise<FoundSession | undefined> | null;
  }
}

type Found = FoundSession | undefined;

/** What the `Authorization` header of a session says. */
interface SessionHeader {
  authorization: string;
  sessionId: string;
  idHash: string;
}

/** Reads a session's header, and hashes its id, once for all requests of a connection that carry the same. */
function makeHeaderReader(): (request: FastifyRequest) => SessionHeader | undefined {
  const lastOf = new WeakMap<Socket, SessionHeader>();
  return ({ headers: { authorization }, raw: { socket } }) => {
    const last = lastOf.get(socket);
    if (last !== undefined && last.authorization === authorization) return last;
    const sessionId = readSessionId(authorization);
    if (authorization === undefined || sessionId === undefined) return undefined;
    const header = { authorization, sessionId, idHash: hexHashOfSessionId(sessionId) };
    lastOf.set(socket, header);
    return header;
  };
}

/** Finds the session that a request carries: once, however many ask; at once where it is remembered. */
export type SessionOf = (request: FastifyRequest) => Found | Promise<Found>;

export function installSessionOf(app: FastifyInstance, sessions: Pick<SessionCache, 'find'>): SessionOf {
  app.decorateRequest('session', null);
  const readHeader = makeHeaderReader();
  return (request) => {
    const header = readHeader(request);
    if (!header) return undefined;
    const found = request.session ?? sessions.find(header.sessionId, header.idHash);
    if (found instanceof Promise) request.session = found;
    return found;
  };
}
