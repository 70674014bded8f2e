import { badRequest, databaseUnavailable, type RelayError } from '../errors.ts';
import { busyError, POOL_BUSY } from './busy-errors.ts';

/** An error of PostgreSQL, its driver or the operating system, without Prisma's wrapping. */
export interface DatabaseFault {
  /** SQLSTATE, or an operating system code such as `ECONNREFUSED`. */
  code: string | undefined;
  message: string;
}

/** "The SQL-client is unable to establish the SQL-connection": no statement was sent. */
const NEVER_SENT = '08001';
/** The server is a read-only standby, perhaps after a failover. */
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
  '28000', // role refused, for the same reason
  '3D000', // the database does not exist
]);

/** Messages of errors without a code, which the driver throws when it got no answer. */
const LOST_ANSWER = /connection terminated|query read timeout/i;
/** Messages for a connection that was found broken before the statement was sent. */
const UNUSABLE = /not queryable|was closed and is not/i;

/** SQLSTATEs that a server sends when it stops or crashes. A statement may have been committed before. */
const STOPPING: ReadonlySet<string> = new Set(['57P01', '57P02', '57P05']);

/** Names that Prisma's adapter gives to a socket that broke during a statement, instead of a code. */
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

/** Reads the SQLSTATE and message from any error of Prisma or `pg`. */
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

/** @returns the driver's error, as far as Prisma kept it; any other error unchanged */
export function driverErrorOf(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || !adapterCause(thrown)) return thrown;
  const { code, message } = readFault(thrown);
  return Object.assign(new Error(message, { cause: thrown }), { code });
}

/**
 * Marks an error that occurred before a statement was sent. A SQLSTATE with which the server refused the connection is
 * kept, unless it would look like a connection that broke later, such as the 08P01 of poolers.
 */
export function neverSent(error: Error): Error {
  const { code } = readFault(error);
  const isRefusal = code !== undefined && isSqlState(code) && !STOPPING.has(code) && !code.startsWith('08');
  if (isRefusal) return error;
  return Object.assign(new Error(error.message, { cause: error }), { code: NEVER_SENT, severity: 'FATAL' });
}

/** Marks a time-out of a call that waited for a connection while all of them were busy. */
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
 * Whether a failed statement may have been committed: it was sent, but its outcome is unknown. If the server answered with
 * an error, it was rolled back.
 */
export function mayHaveRun({ code, message }: DatabaseFault): boolean {
  if (code === undefined) return LOST_ANSWER.test(message);
  if (code === NEVER_SENT) return false;
  return isSystemCode(code) || code.startsWith('08') || STOPPING.has(code);
}

/** Whether a write failed because the database takes none. */
export const isReadOnly = ({ code }: DatabaseFault): boolean => code === READ_ONLY;

/** Whether the cause that broke one connection probably broke the others too. */
export const spoilsConnections = (fault: DatabaseFault): boolean => mayHaveRun(fault) || isReadOnly(fault);

/**
 * The one place that turns a database failure into a RelayError.
 * @returns undefined for a failure that is a bug of ours and must become a masked 500
 */
export function toRelayError(thrown: unknown): RelayError | undefined {
  const fault = readFault(thrown);
  const busy = busyError(fault.code, thrown);
  if (busy) return busy;
  if (isTransient(fault)) return databaseUnavailable(thrown);
  // PostgreSQL's text can hold every character but NUL. Input validation refuses NUL first; this is a second check.
  if (fault.code === '22021' || fault.code === '22P05') {
    return badRequest('Text must not contain the NUL character.', thrown);
  }
  return undefined;
}

/** The scope of a failure: the call itself, the rows that it waited for, or all statements. */
export type FailureScope = 'call' | 'rows' | 'database';

/** Lock conflicts, and statement time-outs, because waiting for a lock may cause them. */
const ABOUT_ROWS: ReadonlySet<string> = new Set(['55P03', '57014', '40001', '40P01']);

/** @param thrown an error of the driver, or a RelayError with it as its cause */
export function scopeOfFault(thrown: unknown): FailureScope {
  const fault = readFault(thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown);
  if (ABOUT_ROWS.has(fault.code ?? '')) return 'rows';
  const isBusy = busyError(fault.code, thrown) !== undefined;
  return fault.code === undefined || isBusy || isTransient(fault) ? 'database' : 'call';
}
