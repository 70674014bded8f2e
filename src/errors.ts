import { TRPCError } from '@trpc/server';

/** Every way a call can fail, as clients see it: the `code` of a REST error body. */
export type ErrorCode =
  | 'BAD_REQUEST'
  | 'UNAUTHORIZED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'METHOD_NOT_ALLOWED'
  | 'REQUEST_TIMEOUT'
  | 'CONFLICT'
  | 'GONE'
  | 'PRECONDITION_FAILED'
  | 'PAYLOAD_TOO_LARGE'
  | 'ANSWER_TOO_LARGE'
  | 'UNSUPPORTED_MEDIA_TYPE'
  | 'RANGE_NOT_SATISFIABLE'
  | 'MISDIRECTED_REQUEST'
  | 'TOO_MANY_REQUESTS'
  | 'HEADERS_TOO_LARGE'
  | 'NOT_IMPLEMENTED'
  | 'SERVICE_UNAVAILABLE'
  | 'INTERNAL_SERVER_ERROR';

interface Face {
  /** HTTP status on the REST surface. */
  status: number;
  /** Code on the tRPC surface; without one, `BAD_REQUEST` with the status of this row. */
  trpc?: TRPCError['code'];
}

/** One row a code; a code without a row does not compile. tRPC has no code of its own for 410. */
export const ERROR_FACES: Record<ErrorCode, Face> = {
  BAD_REQUEST: { status: 400, trpc: 'BAD_REQUEST' },
  UNAUTHORIZED: { status: 401, trpc: 'UNAUTHORIZED' },
  FORBIDDEN: { status: 403, trpc: 'FORBIDDEN' },
  NOT_FOUND: { status: 404, trpc: 'NOT_FOUND' },
  METHOD_NOT_ALLOWED: { status: 405, trpc: 'METHOD_NOT_SUPPORTED' },
  REQUEST_TIMEOUT: { status: 408 },
  CONFLICT: { status: 409, trpc: 'CONFLICT' },
  GONE: { status: 410, trpc: 'PRECONDITION_FAILED' },
  PRECONDITION_FAILED: { status: 412 },
  PAYLOAD_TOO_LARGE: { status: 413, trpc: 'PAYLOAD_TOO_LARGE' },
  ANSWER_TOO_LARGE: { status: 422, trpc: 'UNPROCESSABLE_CONTENT' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, trpc: 'UNSUPPORTED_MEDIA_TYPE' },
  RANGE_NOT_SATISFIABLE: { status: 416 },
  MISDIRECTED_REQUEST: { status: 421 },
  TOO_MANY_REQUESTS: { status: 429, trpc: 'TOO_MANY_REQUESTS' },
  HEADERS_TOO_LARGE: { status: 431 },
  NOT_IMPLEMENTED: { status: 501, trpc: 'NOT_IMPLEMENTED' },
  SERVICE_UNAVAILABLE: { status: 503, trpc: 'SERVICE_UNAVAILABLE' },
  INTERNAL_SERVER_ERROR: { status: 500, trpc: 'INTERNAL_SERVER_ERROR' },
};

export const ERROR_CODES = Object.keys(ERROR_FACES) as ErrorCode[];

/** Whether the server failed, so that its log keeps the cause: 501 is a decision, which any stranger can ask for. */
export const isFailure = (code: ErrorCode): boolean =>
  ERROR_FACES[code].status >= 500 && code !== 'NOT_IMPLEMENTED';

/** Fields of an error beside its sentence and code: in the body on REST, in `data` on tRPC. */
export interface ErrorDetails {
  /** A write may have been committed, or not. */
  outcome?: 'unknown';
  /** What stands where another version was expected. */
  current?: CurrentVersion;
}

/** One version of an entry, or of a summary (entry 0), as a conflict shows it. */
export interface CurrentVersion {
  entry_no: number;
  version: number;
  seq: number;
  writer_id: string;
  content: string;
  created_at: string;
}

/** What metrics count a refusal as: its code, or what one of these codes does not tell. */
export type RefusalCause =
  | ErrorCode
  | 'STATEMENT_TIMEOUT'
  | 'LOCK_TIMEOUT'
  | 'COLLISION'
  | 'DATABASE_EXHAUSTED'
  | 'POOL_BUSY'
  | 'SCANS_BUSY';

interface RelayErrorOptions {
  retryAfter?: number;
  /** What metrics count it as, where the code does not tell. */
  refusal?: RefusalCause;
  details?: ErrorDetails;
  cause?: unknown;
}

/** A failure that was meant: its message is one sentence for the caller and holds no secret. */
export class RelayError extends Error {
  override readonly name = 'RelayError';
  readonly code: ErrorCode;
  /** Whole seconds after which trying again makes sense; becomes the `Retry-After` header. */
  readonly retryAfter: number | undefined;
  readonly refusal: RefusalCause;
  /** What a program may learn beyond the code: further fields of the error. */
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: RelayErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retryAfter = options.retryAfter;
    this.refusal = options.refusal ?? code;
    this.details = options.details ?? {};
  }
}

export const badRequest = (message: string, cause?: unknown) =>
  new RelayError('BAD_REQUEST', message, { cause });
export const unauthorized = (message: string) => new RelayError('UNAUTHORIZED', message);
export const forbidden = (message: string) => new RelayError('FORBIDDEN', message);
export const notFound = (message: string) => new RelayError('NOT_FOUND', message);
export const conflict = (message: string, details: ErrorDetails = {}) =>
  new RelayError('CONFLICT', message, { details });
export const gone = (message: string) => new RelayError('GONE', message);
export const tooLarge = (message: string) => new RelayError('PAYLOAD_TOO_LARGE', message);
export const tooManyRequests = (message: string, retryAfter: number) =>
  new RelayError('TOO_MANY_REQUESTS', message, { retryAfter });

/** The answer would have more bytes than one answer may have. */
export const answerTooLarge = (maxBytes: number) =>
  new RelayError(
    'ANSWER_TOO_LARGE',
    `The answer would have more than ${maxBytes} bytes; ask for pages with the parameter limit, such as limit=1000.`,
  );

/** A request looked through rows for as long as one request may. */
export const searchTooLong = () =>
  new RelayError(
    'SERVICE_UNAVAILABLE',
    'Looking through this many rows takes too long for one request; narrow the search, or ask for pages with the parameter limit.',
    { retryAfter: 5 },
  );

/** The database cannot be asked now. Nothing was written. */
export const databaseUnavailable = (cause: unknown) =>
  new RelayError('SERVICE_UNAVAILABLE', 'The database cannot be reached at the moment; try again shortly.', {
    retryAfter: 1,
    cause,
  });

/** The database did not confirm a write that it was sent: it was committed whole, or not at all. */
export const writeOutcomeUnknown = (cause: unknown) =>
  new RelayError(
    'SERVICE_UNAVAILABLE',
    'The database was lost before it confirmed this write, which may have been written; repeat it with the same Idempotency-Key, or read before you write again.',
    { retryAfter: 1, details: { outcome: 'unknown' }, cause },
  );

/** The same of a change that is not a write into a vault: of a session, a binding or a key. */
export const changeOutcomeUnknown = (cause: unknown) =>
  new RelayError(
    'SERVICE_UNAVAILABLE',
    'The connection to the database was lost before this change was confirmed, so it may have been made. Look whether it was before you repeat it.',
    { retryAfter: 1, details: { outcome: 'unknown' }, cause },
  );

/** Finds the meant failure inside whatever was thrown, also where tRPC wrapped it. */
export function findRelayError(thrown: unknown): RelayError | undefined {
  for (let error = thrown, depth = 0; error instanceof Error && depth < 5; error = error.cause, depth++) {
    if (error instanceof RelayError) return error;
  }
  return undefined;
}

/** The same failure for the tRPC surface. */
export function toTRPCError(error: RelayError): TRPCError {
  return new TRPCError({
    code: ERROR_FACES[error.code].trpc ?? 'BAD_REQUEST',
    message: error.message,
    cause: error,
  });
}

/** All that a client learns of a failure that was not meant; the log has the rest, by request id. */
export const maskedMessage =
  'Something went wrong on the server. Its log has the details under this x-request-id.';

const MAX_SHOWN_CHARACTERS = 64;

/** A name that somebody sent, fit for a sentence: cut when it is long, in quotes unless it is a plain word. */
export function showName(name: string): string {
  const cut =
    name.length > MAX_SHOWN_CHARACTERS ? `${name.slice(0, MAX_SHOWN_CHARACTERS)}…`.toWellFormed() : name;
  return /^[\w[\].-]+…?$/.test(cut) ? cut : JSON.stringify(cut);
}
