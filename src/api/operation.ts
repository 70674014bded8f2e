import type { z } from 'zod';
import type { Scope } from '../access/credential.ts';
import { type Caller, isOperator, type Operator, type Reader, type Visitor } from '../access/policy.ts';
import type { Source } from '../access/source.ts';
import type { AnswerBounds, JsonRows } from '../answer.ts';
import { type ErrorCode, forbidden } from '../errors.ts';

/**
 * How often an answer that is made of values is in memory: as the database sent it, as values, as text, and beside the
 * other answers of a batch.
 */
export const COPIES_IN_MEMORY = 4;

/** Who may call an operation, and what its function gets to know of the caller. */
export interface Callers {
  /** No credentials are looked at. */
  anybody: undefined;
  /** A client with a credential of a work session. */
  caller: Caller;
  /** A caller, or an operator, who reads every vault and changes none. */
  reader: Reader;
  operator: Operator;
  /** A caller, whose scope decides, or an operator who administers. */
  administrator: Reader;
  /** An operator who administers. */
  administeringOperator: Operator;
  /** A page of the dashboard, whether or not somebody is signed in. It proves itself by its headers. */
  visitor: Visitor;
}

export type Who = keyof Callers;

const CHECKS: { [W in Who]: (reader: Reader) => Callers[W] } = {
  anybody: () => undefined,
  caller: (reader) => {
    if (!isOperator(reader)) return reader;
    throw forbidden(
      'An operator reads every vault and changes none; call with a session to write or to search.',
    );
  },
  reader: (reader) => reader,
  operator: (reader) => {
    if (isOperator(reader)) return reader;
    throw forbidden('Only operators may make this call; send the header "Authorization: dashboard <token>".');
  },
  administrator: (reader) => {
    if (!isOperator(reader) || reader.administers) return reader;
    throw forbidden('This operator only reads; send the ADMIN_TOKEN to administer.');
  },
  administeringOperator: (reader) => {
    const operator = requireWho('operator', reader);
    requireWho('administrator', operator);
    return operator;
  },
  visitor: () => {
    throw forbidden('Only a page of the dashboard may make this call.');
  },
};

/** @returns the reader as the caller that an operation is for @throws RelayError `FORBIDDEN` */
export const requireWho = <W extends Who>(who: W, reader: Reader): Callers[W] => CHECKS[who](reader);

/** What an operation knows of the request, whichever surface it came by. */
export interface Io {
  /** Where the request came from, for the audit log. */
  readonly source: Source;
  /** Aborted when the client disconnects. */
  readonly signal: AbortSignal;
  /** The head of the client's cached view, from `If-None-Match`. */
  readonly seenHead: number | undefined;
  /** What an answer may be on this surface. @param limit the rows that were asked for; undefined: all */
  boundsOf(limit: number | undefined): AnswerBounds;
  /**
   * Reserves memory for bytes in flight to the client, beyond the rows of the answer, which the surface reserves.
   * @returns a function that releases it @throws RelayError `SERVICE_UNAVAILABLE` while too many bytes are in flight
   */
  hold(bytes: number): () => void;
}

/** The metadata of an answer. REST sends it as headers, tRPC as fields of a page. */
export interface Standing {
  /** The vault's last `seq`, and the hash of its chain up to there. */
  head?: number;
  headHash?: string;
  /** The cursor of the next page; null: this was the last one. */
  next?: string | null;
  /** The answer is that of an earlier request with the same key. */
  replayed?: boolean;
  /** The secret of the person who just signed in, for the cookie; null: signed out. */
  signedIn?: string | null;
}

/** What an operation returns: a value, or rows as the database made them. Each surface renders it. */
export type Answer<Value> = Standing & ({ value: Value } | { rows: JsonRows });

/** The face of an operation on REST, with its texts for the published document. */
export interface RestFace {
  method: 'GET' | 'POST' | 'DELETE';
  /** Below `/api`. */
  path: `/${string}`;
  /** Of a successful answer; 200 unless said otherwise. */
  status?: 201;
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  successDescription: string;
  /** A realistic exchange. */
  example: { request?: unknown; answer: unknown };
  /** How it can fail, beyond what every call can. */
  errors?: readonly ErrorCode[];
  /** Fields of the body that are sent together or not at all. */
  together?: readonly string[];
  /** Fields of the body that need another one. */
  needs?: Readonly<Record<string, string>>;
  /** Whether it takes an `Idempotency-Key`, which is the field `idempotency_key` of the input. */
  idempotent?: true;
  /** Whether `If-None-Match` may spare the answer: its `etag` names all that decides it. */
  conditional?: true;
  /** Whether it takes an expected version, so that a conflict may show the version that is there. */
  versioned?: true;
  /** Whether `Link` leads to the next page. */
  paged?: true;
}

/** The answer of a tool: an object by its output schema, and a text for a model. */
export interface ToolAnswer {
  structured: Record<string, unknown>;
  text: string;
}

/** A face of an operation on MCP. An operation may have several. */
export interface Tool {
  name: string;
  title: string;
  /** For a model that reads nothing else before its first call. */
  description: string;
  /** Its arguments, made from the fields of the operation's input. They never name the caller. */
  input: z.ZodType;
  /** What arguments mean to a model, by name, where the descriptions of `input` are about REST. */
  fields: Readonly<Record<string, string>>;
  output: z.ZodType;
  /** Whether it changes nothing. */
  readOnly: boolean;
  /** Whether a repeated call with the same arguments changes nothing more. */
  idempotent: boolean;
  /** Whether it waits on purpose. */
  waits?: true;
  /** Whether it answers these arguments in the place of the listed tool of its name, which has no such function. */
  answers?(args: unknown): boolean;
  /** @param args within `input` @returns the operation's input */
  toInput(args: unknown): unknown;
  /** The bytes that the rows of the answer may have. Left out: as many as on tRPC. */
  maxBytes?(args: unknown): number;
  /** @param value the operation's output */
  render(value: unknown, args: unknown, standing: Standing): ToolAnswer;
}

interface TypedTool<A extends z.ZodType, I, V>
  extends Omit<Tool, 'input' | 'toInput' | 'maxBytes' | 'render'> {
  input: A;
  toInput(args: z.output<A>): I;
  maxBytes?(args: z.output<A>): number;
  render(value: V, args: z.output<A>, standing: Standing): ToolAnswer;
}

/** @returns a tool whose functions are checked against its arguments */
export const tool = <A extends z.ZodType, I, V>(definition: TypedTool<A, I, V>): Tool =>
  definition as object as Tool;

/**
 * A call, defined once. Every surface derives from it: REST, tRPC, MCP, the OpenAPI document, the audit log.
 * The input is checked before `run`, and the caller is identified before that.
 */
export interface Operation<
  W extends Who = Who,
  I extends z.ZodType = z.ZodType,
  O extends z.ZodType = z.ZodType,
> {
  who: W;
  /** What it needs of a caller's credential. Default: `read` for a query, `write` for a mutation. */
  scope?: Scope;
  /** Whether a session may make the call although it lacks the scope. */
  openToSessions?: true;
  /**
   * Whether a caller with a list of vaults (`Caller.vaults`) may make the call although its input has no `vault_id`. Then
   * the call itself must show nothing of other vaults.
   */
  acrossVaults?: true;
  /** Left out for a call without input. */
  input?: I;
  output: O;
  /** Left out for a call that REST does not have. */
  rest?: RestFace;
  /** Left out for a call that MCP does not have. */
  mcp?: readonly Tool[];
  run(caller: Callers[W], input: z.output<I>, io: Io): Promise<Answer<z.output<O>>>;
  /** Makes the output of what `run` returns, where that is not its value alone. */
  render?(value: unknown, standing: Standing): z.output<O>;
}

/** @returns the operation itself, for one that has a second rendering */
export const operation = <W extends Who, I extends z.ZodType, O extends z.ZodType>(
  definition: Operation<W, I, O>,
): Operation<W, I, O> => definition;

/** The same operation with another output and without faces on REST and MCP. */
export const rendered = <W extends Who, I extends z.ZodType, O extends z.ZodType, P extends z.ZodType>(
  { rest: _, mcp: __, ...operation }: Operation<W, I, O>,
  output: P,
  render: (value: z.output<O>, standing: Standing) => z.output<P>,
): Operation<W, I, P> => ({ ...operation, output, render }) as object as Operation<W, I, P>;

/** The same operation for a narrower input, without faces on REST and MCP. */
export const narrowed = <W extends Who, I extends z.ZodType, O extends z.ZodType, N extends z.ZodType>(
  { rest: _, mcp: __, ...operation }: Operation<W, I, O>,
  input: N & z.ZodType<z.output<I>>,
): Operation<W, N, O> => ({ ...operation, input }) as object as Operation<W, N, O>;

/** `vault.setSummary` is `set_summary` in the audit log, and `key.create` is `key_create`. */
export const auditActionOf = (name: string): string =>
  name
    .replace(/^vault\./, '')
    .replace('.', '_')
    .replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
