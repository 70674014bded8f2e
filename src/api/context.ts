import type { Source } from '../session/source.ts';
import type { Caller, Reader } from '../vault/policy.ts';
import type { AnswerBounds } from '../vault/portions.ts';
import type { JsonRows } from '../vault/reading.ts';

/**
 * How often an answer that is made of values is in memory: as the database sent it, as values, as text, and beside the
 * other answers of a batch.
 */
export const COPIES_IN_MEMORY = 4;

/** Where a page of a vault stands. */
export interface PageHeaders {
  head: number;
  headHash: string;
}

/** What answers carry beside their body. */
export type AnswerHeader = 'etag' | 'x-vault-head' | 'x-vault-head-hash' | 'link' | 'idempotent-replayed';

/** What a procedure knows of the request that called it, whichever surface it came by. */
export interface Context {
  /** Where the request came from, for the audit log. */
  readonly source: Source;
  /** @throws RelayError `UNAUTHORIZED`, `BAD_REQUEST` or `SERVICE_UNAVAILABLE`, at once or by the promise */
  authenticateReader(): Reader | Promise<Reader>;
  /** @throws RelayError as `authenticateReader`, and `FORBIDDEN` for an operator */
  authenticate(): Caller | Promise<Caller>;
  /** Grants are tried by OTP, so that each address may try only so many. @throws RelayError `TOO_MANY_REQUESTS` */
  countGrantAttempt(): Promise<void>;
  /** Aborted when whoever asked has gone. */
  leaving(): AbortSignal;
  /** The head at which whoever asks has seen the answer, if it says so. */
  seenHead(): number | undefined;
  /** What an answer may be on this surface. @param limit the rows that were asked for; undefined: all */
  boundsOf(limit: number | undefined): AnswerBounds;
  /**
   * The rows of an answer, in the form that the surface hands answers over in.
   * @throws RelayError `SERVICE_UNAVAILABLE` while too many bytes are on their way
   */
  answerRows<Row>(rows: JsonRows): Row[];
  /**
   * Reserves memory for what is on its way to the caller, beyond what `answerRows` reserves.
   * @returns gives it back @throws RelayError `SERVICE_UNAVAILABLE` while too many bytes are on their way
   */
  hold(bytes: number): () => void;
  /** Says where the vault stands that the answer shows. */
  tellHead(page: PageHeaders): void;
  /** Says that another page follows. */
  tellNext(cursor: string | null): void;
  /** Says that the answer is that of an earlier request with the same key. */
  tellReplayed(): void;
}
