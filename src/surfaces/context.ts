import { setMaxListeners } from 'node:events';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type CallerRules, resolveReader } from '../access/caller.ts';
import type { PersonCredential } from '../access/credential.ts';
import { isOperator, type Reader, type Visitor } from '../access/policy.ts';
import type { Source } from '../access/source.ts';
import type { CallersHere } from '../activity/presence.ts';
import type { Via } from '../activity/schema.ts';
import type { AnswerBounds } from '../answer.ts';
import { type Callers, type Io, requireWho, type Standing, type Who } from '../api/operation.ts';
import { badRequest } from '../errors.ts';
import type { BytesInFlight } from '../http/edge/bytes-in-flight.ts';
import type { CredentialOf } from '../http/edge/credential-of.ts';
import type { PersonCookies } from '../http/edge/person-cookie.ts';
import { networkOf } from '../net/address.ts';
import { readWorkSession } from './acting.ts';
import { readSeenHead } from './rest/etag.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Shared by hooks and operations, so that the caller is identified once. */
    callContext: RequestContext | null;
  }
}

/** The maximum of bytes of an answer that is built in memory: a page, or any answer on tRPC. */
const MADE_IN_MEMORY = 8_388_608;

export interface ContextDeps {
  maxAnswerBytes: number;
  inFlight: BytesInFlight;
  /** Keeps who called. */
  callers: Pick<CallersHere, 'called' | 'opened'>;
  credentialOf: CredentialOf;
  cookies: PersonCookies;
  maxClientIdCharacters: number;
  operatorOf: CallerRules['operatorOf'];
}

/** @throws RelayError `BAD_REQUEST` */
function readIds(request: FastifyRequest): string[] {
  checkEscapes(request.url);
  const { id } = request.query as { id?: string | string[] };
  return id === undefined ? [] : typeof id === 'string' ? [id] : id;
}

/** A query with an invalid escape would arrive as raw text, and so name another client. */
function checkEscapes(url: string): void {
  const query = url.indexOf('?');
  if (query < 0 || url.indexOf('%', query) < 0) return;
  try {
    decodeURIComponent(url.slice(query + 1));
  } catch {
    throw badRequest('The query is not valid percent-encoded UTF-8.');
  }
}

/** @returns the way by which a request came */
function viaOf({ url, headers }: FastifyRequest): Via {
  if (headers['x-vault-relay-client'] === 'dashboard') return 'dashboard';
  if (url.startsWith('/mcp')) return 'mcp';
  return url.startsWith('/trpc') ? 'trpc' : 'rest';
}

function signalOf(reply: FastifyReply): AbortSignal {
  const leaving = new AbortController();
  // Each call of a batch listens.
  setMaxListeners(0, leaving.signal);
  if (reply.raw.destroyed) leaving.abort();
  else reply.raw.once('close', () => leaving.abort());
  return leaving.signal;
}

/** A request over HTTP: who sent it, and what an operation on REST may know of it. */
export class RequestContext implements Io {
  readonly source: Source;
  readonly #request: FastifyRequest;
  readonly #reply: FastifyReply;
  readonly #deps: ContextDeps;
  #reader: Reader | Promise<Reader> | undefined;
  #signal: AbortSignal | undefined;

  constructor(request: FastifyRequest, reply: FastifyReply, deps: ContextDeps) {
    this.source = { requestId: request.id, address: request.address };
    this.#request = request;
    this.#reply = reply;
    this.#deps = deps;
  }

  /**
   * Identifies the caller, once per request.
   * @throws RelayError as `resolveReader` and `requireWho`, at once or by the promise
   */
  identify<W extends Who>(who: W): Callers[W] | Promise<Callers[W]> {
    if (who === 'anybody') return undefined as Callers[W];
    if (who === 'visitor') return this.#identifyVisitor() as Promise<Callers[W]>;
    const check = (found: Reader) => requireWho(who, found);
    const reader = this.#identifyReader();
    return reader instanceof Promise ? reader.then(check) : check(reader);
  }

  /** @throws RelayError `FORBIDDEN` unless the dashboard sent the request */
  async #identifyVisitor(): Promise<Visitor> {
    this.#deps.cookies.checkPage(this.#request);
    if (this.#request.headers['trpc-accept'] === 'application/jsonl') {
      throw badRequest('This call may set a cookie, so its answer cannot be streamed; send it alone.');
    }
    const credential = await this.#deps.credentialOf(this.#request);
    return { visitor: true, person: credential?.person && (credential as PersonCredential) };
  }

  #identifyReader(): Reader | Promise<Reader> {
    if (this.#reader) return this.#reader;
    const reader = this.#findReader();
    if (!(reader instanceof Promise)) return this.#found(reader);
    this.#reader = reader;
    reader.then(
      (found) => this.#found(found),
      () => undefined, // each caller of this has the same promise, and its error
    );
    return reader;
  }

  #found(reader: Reader): Reader {
    this.#reader = reader;
    if (!isOperator(reader)) this.#deps.callers.called(reader, viaOf(this.#request));
    return reader;
  }

  /** The caller follows a stream, and is present until the stream ends. */
  follows(): void {
    const reader = this.#reader;
    if (reader === undefined || reader instanceof Promise || isOperator(reader)) return;
    const ended = this.#deps.callers.opened(reader);
    if (this.#reply.raw.destroyed) ended();
    else this.#reply.raw.once('close', ended);
  }

  #findReader(): Reader | Promise<Reader> {
    const request = this.#request;
    return resolveReader(
      {
        authorization: request.headers.authorization,
        readCookie: () => this.#deps.cookies.read(request),
        readIds: () => readIds(request),
        readWorkSession: readWorkSession(request),
        source: this.source,
      },
      {
        findCredential: () => this.#deps.credentialOf(request),
        maxClientIdCharacters: this.#deps.maxClientIdCharacters,
        operatorOf: this.#deps.operatorOf,
      },
    );
  }

  /** Sends the cookie of a person who just signed in or out. */
  settle({ signedIn }: Standing): void {
    if (signedIn !== undefined) this.#deps.cookies.send(this.#reply, signedIn);
  }

  /** Sends the cookie of the person again, if its life was just extended. */
  async renewCookie(): Promise<void> {
    const { cookies, credentialOf } = this.#deps;
    try {
      const credential = await credentialOf(this.#request);
      const secret = credential?.renewed ? cookies.read(this.#request) : undefined;
      if (secret !== undefined) cookies.send(this.#reply, secret);
    } catch {
      // Where the cookie is refused or cannot be looked up, the call itself says so.
    }
  }

  /** The caller, if it was requested before. The promise may still reject. */
  knownReader(): Reader | Promise<Reader> | undefined {
    return this.#reader;
  }

  get signal(): AbortSignal {
    this.#signal ??= signalOf(this.#reply);
    return this.#signal;
  }

  get seenHead(): number | undefined {
    return readSeenHead(this.#request.headers['if-none-match']);
  }

  boundsOf(limit: number | undefined): AnswerBounds {
    const { maxAnswerBytes } = this.#deps;
    const isPage = limit !== undefined;
    return { maxBytes: isPage ? Math.min(maxAnswerBytes, MADE_IN_MEMORY) : maxAnswerBytes, streams: true };
  }

  hold(bytes: number): () => void {
    const reader = this.#reader;
    const isCaller = reader !== undefined && !(reader instanceof Promise) && !isOperator(reader);
    const reservation = {
      answer: this.#reply.raw,
      connection: this.#request.raw.socket,
      address: networkOf(this.source.address),
      workSession: isCaller ? reader.workSessionId : undefined,
    };
    return this.#deps.inFlight.reserve(reservation, bytes);
  }
}

/**
 * What an operation knows of a call on tRPC, whose answer is a value and may be one of several.
 * @param signal aborted when the call ends; undefined: when the client leaves
 */
export function makeTrpcIo(context: RequestContext, signal: AbortSignal | undefined): Io {
  // Only a subscription has a signal of its call.
  if (signal) context.follows();
  return {
    source: context.source,
    get signal() {
      return signal ?? context.signal;
    },
    // tRPC has no conditional answers, because a request may have several.
    seenHead: undefined,
    boundsOf: () => ({ ...context.boundsOf(1), streams: false }),
    hold: (bytes) => context.hold(bytes),
  };
}

/** What an operation knows of a call by a tool. @param maxBytes of the rows of its answer; undefined: as on tRPC */
export function makeToolIo(context: RequestContext, maxBytes = Number.POSITIVE_INFINITY): Io {
  const { source, hold, boundsOf } = makeTrpcIo(context, undefined);
  return {
    source,
    // On each access, because it begins to watch the connection.
    get signal() {
      return context.signal;
    },
    seenHead: undefined,
    boundsOf: () => ({ maxBytes: Math.min(maxBytes, boundsOf(1).maxBytes), streams: false }),
    hold,
  };
}

/** Returns the one context of a request of this scope. */
export type ContextOf = (request: FastifyRequest, reply: FastifyReply) => RequestContext;

export function installContext(app: FastifyInstance, deps: ContextDeps): ContextOf {
  app.decorateRequest('callContext', null);
  return (request, reply) => {
    request.callContext ??= new RequestContext(request, reply, deps);
    return request.callContext;
  };
}
