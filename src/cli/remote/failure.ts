import type { CurrentVersion } from '../../errors.ts';
import { explainSystemError } from '../complaint.ts';

/** A call that failed, as a sentence for a person that says what to do. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError';
  /** Whether the same call may succeed later: the network or the server failed, or the server is busy. */
  readonly isTransient: boolean;
  /** Seconds that the server asks to wait. */
  readonly retryAfter: number | undefined;
  /** The version that a write found instead of the one that it expected. */
  readonly current: CurrentVersion | undefined;

  constructor(
    message: string,
    { isTransient, retryAfter, current, cause }: Pick<RemoteError, 'isTransient'> & Partial<RemoteError>,
  ) {
    super(message, { cause });
    this.isTransient = isTransient;
    this.retryAfter = retryAfter;
    this.current = current;
  }
}

/** What the typed client throws. `data` is there when the server itself has refused the call. */
interface Thrown extends Error {
  data?: { httpStatus?: number; current?: CurrentVersion } | null;
  meta?: { response?: Response };
}

/** What a person can do about a status. The server's own sentence comes first. */
const ADVICE: Record<number, string> = {
  401: ' Check the key or session, or run `vault-relay login <url>` with another one.',
  403: ' Use a key of the work session of the vault, with the scope for this call.',
};

/** Failures before a request left. */
const UNSENT = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH', 'EHOSTUNREACH'];

/** @returns the deepest cause, which has the code of the network's failure */
function rootOf(error: Error, depth = 0): NodeJS.ErrnoException {
  const { cause } = error;
  const next = cause instanceof AggregateError ? cause.errors[0] : cause;
  return next instanceof Error && depth < 5 ? rootOf(next, depth + 1) : error;
}

/** @returns what a person can do, where the server's sentence does not say it */
function advise(said: string, status: number): string {
  // A session has no client id, and the command line no query parameters.
  if (said.startsWith('The query parameter id '))
    return ' Give it with --client-id or VAULT_RELAY_CLIENT_ID.';
  // Most refusals say it in a second sentence or clause.
  return /[.;] /.test(said) ? '' : (ADVICE[status] ?? '');
}

function refused({ message, data, meta }: Thrown, status: number): RemoteError {
  const seconds = Number(meta?.response?.headers.get('retry-after') ?? Number.NaN);
  const retryAfter = Number.isInteger(seconds) ? seconds : undefined;
  const isTransient = status === 429 || status === 408 || (status >= 500 && status !== 501);
  const said = status === 429 ? 'The server has taken too many requests of this key or address.' : message;
  const wait = isTransient && retryAfter !== undefined ? ` Try again in ${retryAfter} s.` : '';
  return new RemoteError(`${said}${advise(said, status)}${wait}`, {
    isTransient,
    retryAfter,
    current: data?.current,
  });
}

const UNKNOWN =
  'The text may have been written: repeat the command with the same --idempotency-key, or read first.';

/** A proxy or another program answered, not the server. */
function foreign(url: string, status: number, writes: boolean): RemoteError {
  const isTransient = status >= 500;
  const todo = !isTransient ? 'Check the address.' : writes ? UNKNOWN : 'Try again shortly.';
  return new RemoteError(`${url} did not answer as vault-relay does (status ${status}). ${todo}`, {
    isTransient,
  });
}

function unreached(thrown: Thrown, url: string, writes: boolean): RemoteError {
  const root = rootOf(thrown);
  const isUnsent = UNSENT.includes(root.code ?? '');
  const todo = writes && !isUnsent ? UNKNOWN : 'Check the address, and that the server runs.';
  return new RemoteError(`Cannot reach ${url}: ${explainSystemError(root)}. ${todo}`, {
    isTransient: true,
    cause: thrown,
  });
}

const isOfClient = (thrown: unknown): thrown is Thrown =>
  thrown instanceof Error && thrown.name === 'TRPCClientError';

/**
 * @param call where it went, and whether it changes something
 * @returns what a person can read, for whatever the typed client threw; anything else as it is
 */
export function explainRemote(
  thrown: unknown,
  { url, writes = false }: { url: string; writes?: boolean },
): unknown {
  if (!isOfClient(thrown)) return thrown;
  const answered = thrown.meta?.response?.status;
  if (thrown.data?.httpStatus !== undefined) return refused(thrown, thrown.data.httpStatus);
  return answered === undefined ? unreached(thrown, url, writes) : foreign(url, answered, writes);
}
