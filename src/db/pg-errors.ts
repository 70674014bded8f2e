import { badRequest, databaseUnavailable, type RelayError } from '../errors.ts';

/** What PostgreSQL, its driver or the operating system said, dug out of Prisma's wrapping. */
export interface DatabaseFault {
  /** SQLSTATE, or an operating system code such as `ECONNREFUSED`. */
  code: string | undefined;
  message: string;
}

/**
 * SQLSTATEs (or whole classes, by their first two characters) after which the same call may succeed later.
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const TRANSIENT = new Set([
  '08', // connection exceptions
  '53', // out of disk, memory or connections
  '57', // shut down, crashed, starting up, or the statement timed out
  '58', // the operating system failed PostgreSQL
  '25006', // the server became a read-only standby
  '28P01', // password refused: the operator is changing it, or must
  '28000', // role refused, likewise
  '3D000', // the database is not there
  '55P03', // lock not available within lock_timeout
  '40001', // serialization failure
  '40P01', // deadlock
]);

/** SQLSTATEs, or what they begin with, that are about the connection or the server and not about the statement. */
const NOT_OF_THE_STATEMENT = ['08', '25006', '28', '3D', '40003', '53300', '57P'];

/** Messages of failures that carry no code: the pool and the driver throw plain errors. */
const DRIVER_FAULT =
  /timeout exceeded when trying to connect|connection terminated|query read timeout|not queryable|pool after calling end/i;

/** Kinds that Prisma's adapter makes out of socket errors, dropping the code. */
const PRISMA_SOCKET_KINDS = new Set([
  'DatabaseNotReachable',
  'ConnectionClosed',
  'SocketTimeout',
  'TlsConnectionError',
]);

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
    const code = cause.originalCode ?? (PRISMA_SOCKET_KINDS.has(cause.kind ?? '') ? '08000' : undefined);
    return { code, message: cause.originalMessage ?? cause.kind ?? thrown.message };
  }
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return readFault(thrown.errors[0]);
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
  return { code, message: thrown.message };
}

function isTransient({ code, message }: DatabaseFault): boolean {
  if (code === undefined) return DRIVER_FAULT.test(message);
  return /^E[A-Z]+$/.test(code) || TRANSIENT.has(code) || TRANSIENT.has(code.slice(0, 2));
}

/**
 * The one place that turns a database failure into ours.
 * @returns undefined for a failure that is our own mistake and must end as a masked 500
 */
export function toRelayError(thrown: unknown): RelayError | undefined {
  const fault = readFault(thrown);
  if (isTransient(fault)) return databaseUnavailable(thrown);
  // PostgreSQL's text holds every character but NUL, as a byte or as an escape of JSON. The edge checks for it; this is
  // the second line.
  if (fault.code === '22021' || fault.code === '22P05') {
    return badRequest('Text must not contain the NUL character.', thrown);
  }
  return undefined;
}

/**
 * Whether PostgreSQL itself ended the statement, and so certainly changed nothing: what else was in it may be tried by
 * itself. A connection that was lost says nothing of the kind, and one that was never made fails the next try as well.
 */
export function wasRolledBack(thrown: unknown): boolean {
  const { code } = readFault(thrown);
  if (code === undefined || !/^[0-9FHPX][0-9A-Z]{4}$/.test(code)) return false;
  return !NOT_OF_THE_STATEMENT.some((start) => code.startsWith(start));
}
