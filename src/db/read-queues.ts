import { type ErrorCode, type RefusalCause, RelayError } from '../errors.ts';
import { TurnQueue } from '../queues/turn-queue.ts';

/** Longer than the statement time-out, so that the next caller in turn always gets its place. */
const MAX_WAIT_MS = 10_000;
const RETRY_AFTER_SECONDS = MAX_WAIT_MS / 1000;

/** One of this many connections may run a scan. */
const SCANS_SHARE = 5;
const MAX_SCANS_OF_CALLER = 2;
const MAX_WAITING_SCANS_OF_CALLER = 32;
const MAX_WAITING_SCANS = 1000;

/** A commit wakes all waiting reads of its vault. Each needs a statement if their options differ. */
const MAX_WAITING_READS_OF_CALLER = 2000;
const MAX_WAITING_READS = 10_000;

const makeRefusal = (refusal: RefusalCause) => (code: ErrorCode, message: string) =>
  new RelayError(code, message, { retryAfter: RETRY_AFTER_SECONDS, refusal });

/**
 * Makes the queue of scans. They get a fifth of the connections, and each caller at most two.
 * @param poolSize connections to the database
 */
export function makeScanQueue(poolSize: number): TurnQueue {
  const places = Math.max(1, Math.floor(poolSize / SCANS_SHARE));
  const refusal = makeRefusal('SCANS_BUSY');
  return new TurnQueue({
    places,
    placesOfCaller: Math.max(1, Math.min(MAX_SCANS_OF_CALLER, places - 1)),
    maxWaitMs: MAX_WAIT_MS,
    maxWaitingOfCaller: MAX_WAITING_SCANS_OF_CALLER,
    maxWaiting: MAX_WAITING_SCANS,
    refuse: {
      tooManyOfCaller: () =>
        refusal(
          'TOO_MANY_REQUESTS',
          `Your work session already has ${MAX_WAITING_SCANS_OF_CALLER} queued searches, lists or histories; wait for their answers.`,
        ),
      tooMany: () =>
        refusal(
          'SERVICE_UNAVAILABLE',
          'This server has too many queued searches, lists and histories; try again shortly.',
        ),
      waitedTooLong: () =>
        refusal(
          'SERVICE_UNAVAILABLE',
          `This request scans many rows and waited ${RETRY_AFTER_SECONDS} seconds for its turn; request less, or try again.`,
        ),
    },
  });
}

/**
 * Makes the queue of all other reads. They get half of the connections, and one caller at most two thirds of those. The
 * other half is for writes and sessions. With three connections or more, these never wait behind a read.
 * @param poolSize connections to the database
 */
export function makeReadQueue(poolSize: number): TurnQueue {
  const places = Math.max(1, Math.floor(poolSize / 2));
  const refusal = makeRefusal('POOL_BUSY');
  return new TurnQueue({
    places,
    placesOfCaller: Math.max(1, Math.floor((places * 2) / 3)),
    maxWaitMs: MAX_WAIT_MS,
    maxWaitingOfCaller: MAX_WAITING_READS_OF_CALLER,
    maxWaiting: MAX_WAITING_READS,
    refuse: {
      tooManyOfCaller: () =>
        refusal(
          'TOO_MANY_REQUESTS',
          `Your work session already has ${MAX_WAITING_READS_OF_CALLER} queued reads; wait for their answers.`,
        ),
      tooMany: () =>
        refusal('SERVICE_UNAVAILABLE', 'This server has too many queued reads; try again shortly.'),
      waitedTooLong: () =>
        refusal(
          'SERVICE_UNAVAILABLE',
          `This read got no connection to the database within ${RETRY_AFTER_SECONDS} seconds; try again.`,
        ),
    },
  });
}
