import { TRPCError } from '@trpc/server';
import type { Secret } from './secrets/scan.ts';

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
  | 'POSSIBLE_SECRET'
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

/** One row per code; a code without a row does not compile. tRPC has no code for 410. */
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
  POSSIBLE_SECRET: { status: 422 },
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

/** Whether the server failed and must log the cause. 501 is not a failure, because any client can provoke it. */
export const isFailure = (code: ErrorCode): boolean =>
  ERROR_FACES[code].status >= 500 && code !== 'NOT_IMPLEMENTED';

/** Further fields of an error: in the body on REST, in `data` on tRPC. */
export interface ErrorDetails {
  /** The write may or may not have been committed. */
  outcome?: 'unknown';
  /** The actual version, if the caller expected another one. */
  current?: CurrentVersion;
  /** What looks like a secret in a refused write. */
  secrets?: Secret[];
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

/** The cause of a refusal in the metrics: its error code, or a more precise cause. */
export type RefusalCause =
  | ErrorCode
  | 'STATEMENT_TIMEOUT'
  | 'LOCK_TIMEOUT'
  | 'COLLISION'
  | 'DATABASE_EXHAUSTED'
  | 'POOL_BUSY'
  | 'SCANS_BUSY'
  | 'MISSING_SCOPE'
  | 'OTHER_VAULT';

interface RelayErrorOptions {
  retryAfter?: number;
  /** The cause in the metrics. Default: the code. */
  refusal?: RefusalCause;
  details?: ErrorDetails;
  cause?: unknown;
}

/** A deliberate refusal or an expected failure. Its message is one sentence for the caller and contains no secret. */
export class RelayError extends Error {
  override readonly name = 'RelayError';
  readonly code: ErrorCode;
  /** Whole seconds to wait before a retry; becomes the `Retry-After` header. */
  readonly retryAfter: number | undefined;
  readonly refusal: RefusalCause;
  /** Further machine-readable fields. */
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

/** The answer would exceed the size limit. */
export const answerTooLarge = (maxBytes: number) =>
  new RelayError(
    'ANSWER_TOO_LARGE',
    `The answer would have more than ${maxBytes} bytes; request pages with the parameter limit, such as limit=1000.`,
  );

const describe = ({ kind, line, masked }: Secret): string =>
  `${line === 0 ? 'A tag' : `Line ${line}`} looks like a secret (${kind}, ${masked})`;

/** A write looks like it holds a secret. */
export const possibleSecret = (secrets: readonly [Secret, ...Secret[]]) =>
  new RelayError(
    'POSSIBLE_SECRET',
    `${describe(secrets[0])}, so nothing was written; take it out, or send allow_secret with the reason why it may stay.`,
    { details: { secrets: [...secrets] } },
  );

/** A write holds a key or a session id of this server that works. */
export const liveCredential = (secrets: Secret[]) =>
  new RelayError(
    'POSSIBLE_SECRET',
    'The text holds a live key or session id of this server, so nothing was written; take it out, and revoke it if others have seen it.',
    { details: { secrets } },
  );

/** A search reached the time limit of one request. */
export const searchTooLong = () =>
  new RelayError(
    'SERVICE_UNAVAILABLE',
    'Scanning this many rows takes too long for one request; narrow the search, or request pages with the parameter limit.',
    { retryAfter: 5 },
  );

/** The database is unreachable. Nothing was written. */
export const databaseUnavailable = (cause: unknown) =>
  new RelayError('SERVICE_UNAVAILABLE', 'The database cannot be reached at the moment; try again shortly.', {
    retryAfter: 1,
    cause,
  });

/** The database did not confirm a write. It was committed completely or not at all. */
export const writeOutcomeUnknown = (cause: unknown) =>
  new RelayError(
    'SERVICE_UNAVAILABLE',
    'The connection to the database was lost before this write was confirmed, so it may have been written. Retry with the same Idempotency-Key, or read the vault first.',
    { retryAfter: 1, details: { outcome: 'unknown' }, cause },
  );

/** The same for a change of a session, a binding or a key. */
export const changeOutcomeUnknown = (cause: unknown) =>
  new RelayError(
    'SERVICE_UNAVAILABLE',
    'The connection to the database was lost before this change was confirmed, so it may have been made. Check whether it was before you retry.',
    { retryAfter: 1, details: { outcome: 'unknown' }, cause },
  );

/** Finds a RelayError in the cause chain of a thrown value, also if tRPC wrapped it. */
export function findRelayError(thrown: unknown): RelayError | undefined {
  for (let error = thrown, depth = 0; error instanceof Error && depth < 5; error = error.cause, depth++) {
    if (error instanceof RelayError) return error;
  }
  return undefined;
}

/** Converts an error for the tRPC surface. */
export function toTRPCError(error: RelayError): TRPCError {
  return new TRPCError({
    code: ERROR_FACES[error.code].trpc ?? 'BAD_REQUEST',
    message: error.message,
    cause: error,
  });
}

/** The only message that clients receive for an unexpected failure. The log has the details, by request id. */
export const maskedMessage =
  'Something went wrong on the server. Its log has the details under this x-request-id.';

const MAX_SHOWN_CHARACTERS = 64;

/** Formats a client's name for use in a sentence: cuts a long one, and quotes it unless it is a plain word. */
export function showName(name: string): string {
  const cut =
    name.length > MAX_SHOWN_CHARACTERS ? `${name.slice(0, MAX_SHOWN_CHARACTERS)}…`.toWellFormed() : name;
  return /^[\w[\].-]+…?$/.test(cut) ? cut : JSON.stringify(cut);
}
