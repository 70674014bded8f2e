import type { Caller } from '../vault/policy.ts';

/** What a procedure knows of the request that called it, whichever surface it came by. */
export interface Context {
  /** @throws RelayError `UNAUTHORIZED`, `BAD_REQUEST` or `SERVICE_UNAVAILABLE` */
  authenticate(): Promise<Caller>;
  /** Grants are tried by OTP, so that each address may try only so many. @throws RelayError `TOO_MANY_REQUESTS` */
  countGrantAttempt(): Promise<void>;
  /** A vault was read from another work session, on the word of a client id. */
  noteReadFromOutside(vaultId: string): void;
}
