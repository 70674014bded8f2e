import { type RefusalCause, RelayError } from '../errors.ts';
import { TIME_LIMITS } from './time-limits.ts';

/** Our own code: all connections of the pool were busy, so a call got none in time. */
export const POOL_BUSY = 'VR002';

interface Busy {
  /** Its name in the metrics, so that alerts can distinguish it from an unreachable database. */
  refusal: RefusalCause;
  message: string;
  /** Whole seconds. */
  retryAfter: number;
}

const seconds = (ms: number) => ms / 1000;

const EXHAUSTED: Busy = {
  refusal: 'DATABASE_EXHAUSTED',
  message:
    'The database has no disk space, memory or connections left. Nothing was changed; try again later.',
  retryAfter: 5,
};

const COLLISION: Busy = {
  refusal: 'COLLISION',
  message: 'This request conflicted with another one. Nothing was changed; retry it.',
  retryAfter: 1,
};

/** By SQLSTATE or class: failures of a reachable database that cannot run a statement now. */
const BUSY: ReadonlyMap<string, Busy> = new Map<string, Busy>([
  [
    '57014',
    {
      refusal: 'STATEMENT_TIMEOUT',
      message: `The database stopped this request after ${seconds(TIME_LIMITS.statement)} seconds. Nothing was changed; request less, for example with limit or since, or try again later.`,
      retryAfter: 10,
    },
  ],
  [
    '55P03',
    {
      refusal: 'LOCK_TIMEOUT',
      message: `Another write, or maintenance of the database, held a lock that this request needs for ${seconds(TIME_LIMITS.lock)} seconds. Nothing was changed; try again shortly.`,
      retryAfter: 1,
    },
  ],
  ['40001', COLLISION],
  ['40P01', COLLISION],
  ['53', EXHAUSTED],
  [
    POOL_BUSY,
    {
      refusal: 'POOL_BUSY',
      message:
        'All connections of this server to its database are in use. Nothing was changed; try again shortly.',
      retryAfter: 2,
    },
  ],
]);

/**
 * The error of a statement that a working database refused temporarily. Nothing was changed.
 * @param code SQLSTATE @returns undefined for another failure
 */
export function busyError(code: string | undefined, cause: unknown): RelayError | undefined {
  const busy = BUSY.get(code ?? '') ?? BUSY.get((code ?? '').slice(0, 2));
  if (!busy) return undefined;
  const { message, retryAfter, refusal } = busy;
  return new RelayError('SERVICE_UNAVAILABLE', message, { retryAfter, refusal, cause });
}
