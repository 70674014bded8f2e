import { codeOf, isApiError } from './client.ts';
import { connection } from './connection.ts';

/** Every way a call can fail, as the dashboard words it. */
export type Problem =
  | 'unreachable'
  | 'unreadable'
  | 'busy'
  | 'unavailable'
  | 'unknownOutcome'
  | 'ended'
  | 'forbidden'
  | 'notFound'
  | 'conflict'
  | 'tooLarge'
  | 'secret'
  | 'refused'
  | 'failed';

const BY_CODE: Record<string, Problem> = {
  TOO_MANY_REQUESTS: 'busy',
  SERVICE_UNAVAILABLE: 'unavailable',
  UNAUTHORIZED: 'ended',
  FORBIDDEN: 'forbidden',
  NOT_FOUND: 'notFound',
  CONFLICT: 'conflict',
  PAYLOAD_TOO_LARGE: 'tooLarge',
};

/** @returns how a call failed */
export function problemOf(error: unknown): Problem {
  if (!isApiError(error)) return 'failed';
  const { data, cause } = error;
  // A page of a proxy is no JSON.
  if (!data) return cause instanceof SyntaxError ? 'unreadable' : 'unreachable';
  if (data.outcome === 'unknown') return 'unknownOutcome';
  if (data.secrets) return 'secret';
  // Other conflicts are about the text itself.
  if (data.code === 'CONFLICT' && !data.current) return 'refused';
  return BY_CODE[data.code] ?? (data.httpStatus < 500 ? 'refused' : 'failed');
}

/** Transient problems, after which the call is retried. */
const PASSING: readonly Problem[] = ['busy', 'unavailable', 'unknownOutcome', 'unreadable', 'failed'];

/** Whether the same call may get through later. A call that got no answer waits for the connection instead. */
export const isPassing = (_failures: number, error: unknown): boolean =>
  isApiError(error) && PASSING.includes(problemOf(error));

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;

/** @returns time of the automatic retry after this error, on the clock of `Date.now()`; 0 if there is none */
export const retryTimeOf = (error: unknown): number =>
  isApiError(error) ? connection.retryTimeOf(error) : 0;

/**
 * The delay before a retry: the server's `Retry-After`, else an exponential back-off.
 * @param failures how often it has failed before
 */
export function retryDelayOf(failures: number, error: unknown): number {
  const growing = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures, 10));
  const asked = connection.state.pausedUntil - Date.now();
  const delay = asked > 0 ? asked : growing;
  if (isApiError(error)) connection.noteRetry(error, delay);
  return delay;
}

export const isEnded = (error: unknown): boolean => codeOf(error) === 'UNAUTHORIZED';

/** Whether a write was refused because it looks like it holds a secret. */
export const hasSecrets = (error: unknown): boolean => !!error && problemOf(error) === 'secret';
