import { setMaxListeners } from 'node:events';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { readSessionId, resolveReader } from '../api/caller.ts';
import type { Context } from '../api/context.ts';
import { badRequest, forbidden } from '../errors.ts';
import type { SessionCache } from '../session/cache.ts';
import { hexHashOfSessionId } from '../session/session-id.ts';
import type { LiveSession } from '../session/store.ts';
import { type Caller, isOperator, type Origin, type Reader } from '../vault/policy.ts';
import { etagOf, readSeenHead } from './etag.ts';

export interface RequestContext extends Context {
  /** Who calls, if that was asked for; it may still fail. */
  knownReader(): Promise<Reader> | undefined;
}

/** What a procedure answers with a JSON text. */
export class JsonAnswer {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

declare module 'fastify' {
  interface FastifyRequest {
    /** What was found out about a request, so that hooks and procedures ask once. */
    callContext: RequestContext | null;
  }
}

type Found = LiveSession | undefined;

/** Finds the session that a request carries: once, however many ask; at once where it is remembered. */
export type SessionOf = (request: FastifyRequest) => Found | Promise<Found>;

export function makeSessionOf(sessions: Pick<SessionCache, 'find'>): SessionOf {
  const asked = new WeakMap<FastifyRequest, Promise<Found>>();
  return (request) => {
    const sessionId = readSessionId(request.headers.authorization);
    if (sessionId === undefined) return undefined;
    const found = asked.get(request) ?? sessions.find(sessionId);
    if (found instanceof Promise) asked.set(request, found);
    return found;
  };
}

export interface ContextDeps {
  sessionOf: SessionOf;
  maxClientIdCharacters: number;
  isOperatorToken(token: string): boolean;
  countGrantAttempt(request: FastifyRequest): Promise<void>;
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

/** Where a request came from. The hash is made when it is asked for, which reads seldom do. */
class RequestOrigin implements Origin {
  readonly requestId: string;
  readonly address: string;
  readonly #authorization: string | undefined;

  constructor(request: FastifyRequest) {
    this.requestId = request.id;
    this.address = request.ip;
    this.#authorization = request.headers.authorization;
  }

  get sessionHash(): string | undefined {
    const sessionId = readSessionId(this.#authorization);
    return sessionId && hexHashOfSessionId(sessionId);
  }
}

const authenticate = (request: FastifyRequest, deps: ContextDeps): Promise<Reader> =>
  resolveReader(
    {
      authorization: request.headers.authorization,
      readIds: () => readIds(request),
      origin: new RequestOrigin(request),
    },
    {
      findSession: () => deps.sessionOf(request),
      maxClientIdCharacters: deps.maxClientIdCharacters,
      isOperatorToken: deps.isOperatorToken,
    },
  );

function requireCaller(reader: Reader): Caller {
  if (!isOperator(reader)) return reader;
  throw forbidden('An operator reads every vault and changes none; call with a session to write.');
}

function leavingOf(reply: FastifyReply): AbortSignal {
  const leaving = new AbortController();
  // Each call of a batch listens.
  setMaxListeners(0, leaving.signal);
  if (reply.raw.destroyed) leaving.abort();
  else reply.raw.once('close', () => leaving.abort());
  return leaving.signal;
}

/**
 * The context of one of the calls of a tRPC request: its answers are values, its pages say by themselves what follows,
 * and headers about the answer would be about several.
 */
export const forTrpc = (context: RequestContext): RequestContext => ({
  ...context,
  seenHead: () => undefined,
  fromJson: (text) => JSON.parse(text),
  tellHead: () => undefined,
  tellNext: () => undefined,
  tellReplayed: () => undefined,
});

/** The address of this request with another cursor, relative to the server. */
function nextPage(request: FastifyRequest, cursor: string): string {
  // A query may hold question marks of its own.
  const [path, ...query] = request.url.split('?');
  const params = new URLSearchParams(query.join('?'));
  params.set('cursor', cursor);
  return `<${path}?${params}>; rel="next"`;
}

function makeContext(request: FastifyRequest, reply: FastifyReply, deps: ContextDeps): RequestContext {
  let reader: Promise<Reader> | undefined;
  let leaving: AbortSignal | undefined;
  const authenticateReader = () => {
    reader ??= authenticate(request, deps);
    return reader;
  };
  return {
    source: { requestId: request.id, address: request.ip },
    authenticateReader,
    authenticate: () => authenticateReader().then(requireCaller),
    knownReader: () => reader,
    countGrantAttempt: () => deps.countGrantAttempt(request),
    leaving: () => {
      leaving ??= leavingOf(reply);
      return leaving;
    },
    noteReadFromOutside: (vaultId) => request.log.info({ vault: vaultId }, 'Cross-session read'),
    seenHead: () => readSeenHead(request.headers['if-none-match']),
    // The text goes out as it is.
    fromJson: (text) => new JsonAnswer(text) as never,
    tellHead: ({ head, headHash }) => {
      reply.header('x-vault-head', head).header('x-vault-head-hash', headHash).header('etag', etagOf(head));
    },
    tellNext: (cursor) => {
      if (cursor !== null) reply.header('link', nextPage(request, cursor));
    },
    tellReplayed: () => {
      reply.header('idempotent-replayed', 'true');
    },
  };
}

/** @returns what gives the context of a request of this scope, one and the same for whoever asks */
export function installContext(
  app: FastifyInstance,
  deps: ContextDeps,
): (request: FastifyRequest, reply: FastifyReply) => RequestContext {
  app.decorateRequest('callContext', null);
  return (request, reply) => {
    request.callContext ??= makeContext(request, reply, deps);
    return request.callContext;
  };
}
