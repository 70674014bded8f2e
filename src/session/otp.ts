import { createHmac, randomBytes } from 'node:crypto';

/**
 * The one-time password of a session: 8 digits that are derived from the session's id. So the page at `/auth?id=…` can
 * show them without storing them in the database. They are as secret as the id.
 */
export function otpOf(sessionId: string): string {
  // 64 bits onto 10^8 values: the bias is below 10^-11.
  const value = createHmac('sha256', sessionId).update('vault-relay-otp-v1').digest().readBigUInt64BE();
  return String(value % 100_000_000n).padStart(8, '0');
}

/** The stored hash of an OTP. It is keyed by the session's id, which is not stored, so the OTP cannot be brute-forced. */
export const hashOtp = (sessionId: string, otp: string): Buffer =>
  createHmac('sha256', sessionId).update(`vault-relay-otp-hash-v1\n${otp}`).digest();

/** A granted session's token: 64 hexadecimal digits from a CSPRNG. */
export const makeToken = (): string => randomBytes(32).toString('hex');
