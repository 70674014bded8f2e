import { badRequest, databaseUnavailable, type RelayError } from '../errors.ts';
import { busyError, POOL_BUSY } from './busy-errors.ts';

/** What PostgreSQL, its driver or the operating system said, dug out of Prisma's wrapping. */
export interface DatabaseFault {
  /** SQLSTATE, or an operating system code such as `ECONNREFUSED`. */
  code: string | undefined;
  message: string;
}

/** "The SQL-client is unable to establish the SQL-connection": no statement was sent. */
const NEVER_SENT = '08001';
/** The server became, or is, a standby that only reads. */
const READ_ONLY = '25006';

/**
 * SQLSTATEs (or whole classes, by their first two characters) after which the same call may succeed later.
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const TRANSIENT: ReadonlySet<string> = new Set([
  '08', // connection exceptions
  '57', // shut down, crashed, or starting up
  '58', // the operating system failed PostgreSQL
  READ_ONLY,
  '28P01', // password refused: the operator is changing it, or must
  '28000', // role refused, likewise
  '3D000', // the database is not there
]);

/** Messages of failures that carry no code, since the driver throws plain errors: the answer is missing. */
const LOST_ANSWER = /connection terminated|query read timeout/i;
/** A connection that was found broken before the statement was sent. */
const UNUSABLE = /not queryable|was closed and is not/i;

/** SQLSTATEs that a server sends as it stops or crashes, whatever it was about to confirm. */
const STOPPING: ReadonlySet<string> = new Set(['57P01', '57P02', '57P05']);

/** What Prisma's adapter makes of a socket that broke under a statement, without its code. */
const BROKEN_SOCKETS: readonly (string | undefined)[] = ['ConnectionClosed', 'SocketTimeout'];
const CONNECTION_FAILURE = '08006';

interface AdapterCause {
  kind?: string;
  originalCode?: string;
  originalMessage?: string;
}

function adapterCause(error: object): AdapterCause | undefined {
  if ('meta' in error) {
    const meta = error.meta as { driverAdapterError?: { cause?: AdapterCause } } | undefined;
    if (meta?.driverAdapterError?.cause) return meta.driverAdapterError.cause;
  }
  if ('name' in error && error.name === 'DriverAdapterError' && 'cause' in error)
    return error.cause as AdapterCause;
  return undefined;
}

/** Reads the SQLSTATE and message out of whatever Prisma or `pg` threw. */
export function readFault(thrown: unknown): DatabaseFault {
  if (!(thrown instanceof Error)) return { code: undefined, message: String(thrown) };
  const cause = adapterCause(thrown);
  if (cause) {
    const code = cause.originalCode ?? (BROKEN_SOCKETS.includes(cause.kind) ? CONNECTION_FAILURE : undefined);
    return { code, message: cause.originalMessage ?? cause.kind ?? thrown.message };
  }
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return readFault(thrown.errors[0]);
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
  return { code, message: thrown.message };
}

/** @returns the driver's error, as far as Prisma's wrapping kept it; any other error as it is */
export function driverErrorOf(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || !adapterCause(thrown)) return thrown;
  const { code, message } = readFault(thrown);
  return Object.assign(new Error(message, { cause: thrown }), { code });
}

/**
 * Marks what failed before a statement could be sent. What a server itself refuses a connection with stays as it is,
 * unless it would pass for a connection that broke later, as what poolers refuse with does (08P01).
 */
export function neverSent(error: Error): Error {
  const { code } = readFault(error);
  const told = code !== undefined && isSqlState(code) && !STOPPING.has(code) && !code.startsWith('08');
  if (told) return error;
  return Object.assign(new Error(error.message, { cause: error }), { code: NEVER_SENT, severity: 'FATAL' });
}

/** Marks what waited in vain for a connection while all of them were at work. */
export const poolBusy = (error: Error): Error =>
  Object.assign(new Error(error.message, { cause: error }), { code: POOL_BUSY });

const isSqlState = (code: string) => /^[0-9A-Z]{5}$/.test(code) && !isSystemCode(code);
/** Such as `ECONNRESET` or `ERR_STREAM_DESTROYED`; no SQLSTATE begins with E. */
const isSystemCode = (code: string) => /^E[A-Z_]+$/.test(code);

function isTransient({ code, message }: DatabaseFault): boolean {
  if (code === undefined) return LOST_ANSWER.test(message) || UNUSABLE.test(message);
  return isSystemCode(code) || TRANSIENT.has(code) || TRANSIENT.has(code.slice(0, 2));
}

/**
 * Whether a statement that failed so may have been committed all the same: it was sent, and nobody heard how it
 * ended. A server that answers with an error has rolled it back.
 */
export function mayHaveRun({ code, message }: DatabaseFault): boolean {
  if (code === undefined) return LOST_ANSWER.test(message);
  if (code === NEVER_SENT) return false;
  return isSystemCode(code) || code.startsWith('08') || STOPPING.has(code);
}

/** Whether what broke one connection will have broken the others too. */
export const spoilsConnections = (fault: DatabaseFault): boolean =>
  mayHaveRun(fault) || fault.code === READ_ONLY;

/**
 * The one place that turns a database failure into ours.
 * @returns undefined for a failure that is our own mistake and must end as a masked 500
 */
export function toRelayError(thrown: unknown): RelayError | undefined {
  const fault = readFault(thrown);
  const busy = busyError(fault.code, thrown);
  if (busy) return busy;
  if (isTransient(fault)) return databaseUnavailable(thrown);
  // PostgreSQL's text holds every character but NUL. The edge checks for it; this is the second line.
  if (fault.code === '22021' || fault.code === '22P05') {
    return badRequest('Text must not contain the NUL character.', thrown);
  }
  return undefined;
}

/** What a failure is about: the call itself, the rows that it waited for, or all that the database is asked. */
export type FailureScope = 'call' | 'rows' | 'database';

/** Locks that others kept, and statements that took too long, which behind a lock is the same. */
const ABOUT_ROWS: ReadonlySet<string> = new Set(['55P03', '57014', '40001', '40P01']);

/** @param thrown by the driver, or ours with the driver's as its cause */
export function scopeOfFault(thrown: unknown): FailureScope {
  const fault = readFault(thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown);
  if (ABOUT_ROWS.has(fault.code ?? '')) return 'rows';
  const isBusy = busyError(fault.code, thrown) !== undefined;
  return fault.code === undefined || isBusy || isTransient(fault) ? 'database' : 'call';
}
