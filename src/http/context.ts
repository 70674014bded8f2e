import { setMaxListeners } from 'node:events';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { networkOf } from '../address.ts';
import { readSessionId, resolveReader } from '../api/caller.ts';
import { COPIES_IN_MEMORY, type Context, type PageHeaders } from '../api/context.ts';
import { badRequest, forbidden } from '../errors.ts';
import type { FoundSession, SessionCache } from '../session/cache.ts';
import { hexHashOfSessionId } from '../session/session-id.ts';
import type { Source } from '../session/source.ts';
import { type Caller, isOperator, type Reader } from '../vault/policy.ts';
import type { AnswerBounds } from '../vault/portions.ts';
import type { JsonRows } from '../vault/reading.ts';
import type { BytesInFlight } from './bytes-in-flight.ts';
import { etagOf, readSeenHead } from './etag.ts';

/** Rows that a procedure answers as JSON text, which is sent as it is. */
export class JsonAnswer {
  readonly #rows: JsonRows;

  constructor(rows: JsonRows) {
    this.#rows = rows;
  }

  /** @returns one text, or a stream that fetches the next rows once its reader has taken the last */
  payload(): string | Readable {
    const { rowsJson, rest } = this.#rows;
    return rest === undefined
      ? `[${rowsJson}]`
      : Readable.from(bytesOf(rowsJson, rest), { objectMode: false, highWaterMark: 1 });
  }
}

/** As bytes, which are held outside of the heap. */
async function* bytesOf(first: string, rest: AsyncGenerator<string>): AsyncGenerator<Buffer> {
  yield Buffer.from(`[${first}`);
  for await (const rows of rest) yield Buffer.from(`,${rows}`);
  yield Buffer.from(']');
}

declare module 'fastify' {
  interface FastifyRequest {
    /** What was found out about a request, so that hooks and procedures ask once. */
    callContext: RequestContext | null;
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

export function makeSessionOf(sessions: Pick<SessionCache, 'find'>): SessionOf {
  const asked = new WeakMap<FastifyRequest, Promise<Found>>();
  const readHeader = makeHeaderReader();
  return (request) => {
    const header = readHeader(request);
    if (!header) return undefined;
    const found = asked.get(request) ?? sessions.find(header.sessionId, header.idHash);
    if (found instanceof Promise) asked.set(request, found);
    return found;
  };
}

/** What an answer may have that is made in memory: a page, or one on tRPC. */
const MADE_IN_MEMORY = 8_388_608;

export interface ContextDeps {
  maxAnswerBytes: number;
  inFlight: BytesInFlight;
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

/** The address of this request with another cursor, relative to the server. */
function nextPage(request: FastifyRequest, cursor: string): string {
  // A query may hold question marks of its own.
  const [path, ...query] = request.url.split('?');
  const params = new URLSearchParams(query.join('?'));
  params.set('cursor', cursor);
  return `<${path}?${params}>; rel="next"`;
}

/** What procedures know of a request over HTTP. Its answers go out as they are, and its headers are about one answer. */
export class RequestContext implements Context {
  readonly source: Source;
  readonly #request: FastifyRequest;
  readonly #reply: FastifyReply;
  readonly #deps: ContextDeps;
  #reader: Reader | Promise<Reader> | undefined;
  #leaving: AbortSignal | undefined;

  constructor(request: FastifyRequest, reply: FastifyReply, deps: ContextDeps) {
    this.source = { requestId: request.id, address: request.address };
    this.#request = request;
    this.#reply = reply;
    this.#deps = deps;
  }

  authenticateReader(): Reader | Promise<Reader> {
    if (this.#reader) return this.#reader;
    const reader = this.#findReader();
    this.#reader = reader;
    if (reader instanceof Promise) {
      reader.then(
        (found) => {
          this.#reader = found;
        },
        () => undefined,
      );
    }
    return reader;
  }

  #findReader(): Reader | Promise<Reader> {
    const request = this.#request;
    return resolveReader(
      {
        authorization: request.headers.authorization,
        readIds: () => readIds(request),
        source: this.source,
      },
      {
        findSession: () => this.#deps.sessionOf(request),
        maxClientIdCharacters: this.#deps.maxClientIdCharacters,
        isOperatorToken: this.#deps.isOperatorToken,
      },
    );
  }

  authenticate(): Caller | Promise<Caller> {
    const reader = this.authenticateReader();
    return reader instanceof Promise ? reader.then(requireCaller) : requireCaller(reader);
  }

  /** Who calls, if that was asked for; it may still fail. */
  knownReader(): Reader | Promise<Reader> | undefined {
    return this.#reader;
  }

  countGrantAttempt(): Promise<void> {
    return this.#deps.countGrantAttempt(this.#request);
  }

  leaving(): AbortSignal {
    this.#leaving ??= leavingOf(this.#reply);
    return this.#leaving;
  }

  seenHead(): number | undefined {
    return readSeenHead(this.#request.headers['if-none-match']);
  }

  boundsOf(limit: number | undefined): AnswerBounds {
    const { maxAnswerBytes } = this.#deps;
    return limit === undefined
      ? { maxBytes: maxAnswerBytes, streams: true }
      : { maxBytes: Math.min(maxAnswerBytes, MADE_IN_MEMORY), streams: true };
  }

  answerRows<Row>(rows: JsonRows): Row[] {
    this.hold(Math.max(rows.bytes, rows.rowsJson.length));
    return new JsonAnswer(rows) as never;
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

  tellHead({ head, headHash }: PageHeaders): void {
    this.#reply
      .header('x-vault-head', head)
      .header('x-vault-head-hash', headHash)
      .header('etag', etagOf(head));
  }

  tellNext(cursor: string | null): void {
    if (cursor !== null) this.#reply.header('link', nextPage(this.#request, cursor));
  }

  tellReplayed(): void {
    this.#reply.header('idempotent-replayed', 'true');
  }
}

/**
 * The context of one of the calls of a tRPC request: its answers are values, its pages say by themselves what follows,
 * and headers about the answer would be about several. tRPC copies what it is given, so that it has no prototype.
 */
export const forTrpc = (context: RequestContext): Context => ({
  source: context.source,
  authenticateReader: () => context.authenticateReader(),
  authenticate: () => context.authenticate(),
  countGrantAttempt: () => context.countGrantAttempt(),
  leaving: () => context.leaving(),
  seenHead: () => undefined,
  boundsOf: () => ({ ...context.boundsOf(1), streams: false }),
  answerRows: ({ rowsJson }) => {
    context.hold(COPIES_IN_MEMORY * rowsJson.length);
    return JSON.parse(`[${rowsJson}]`);
  },
  hold: (bytes) => context.hold(bytes),
  tellHead: () => undefined,
  tellNext: () => undefined,
  tellReplayed: () => undefined,
});

/** @returns what gives the context of a request of this scope, one and the same for whoever asks */
export function installContext(
  app: FastifyInstance,
  deps: ContextDeps,
): (request: FastifyRequest, reply: FastifyReply) => RequestContext {
  app.decorateRequest('callContext', null);
  return (request, reply) => {
    request.callContext ??= new RequestContext(request, reply, deps);
    return request.callContext;
  };
}
