import { hashSessionId, makeSessionId } from '../access/session-id.ts';
import { type Source, sourceColumns } from '../access/source.ts';
import type { Database } from '../db/client.ts';
import { conflict, gone, notFound, unauthorized } from '../errors.ts';
import { hashOtp, makeToken, otpOf } from './otp.ts';
import type { CreatedSession, DeniedSession, GrantedSession, SessionStatus } from './schema.ts';
import { MAX_BOUND_SESSIONS } from './schema.ts';
import { DECIDED, DENY, GRANT, PEEK, REQUEST, STATUS, SWEEP } from './sql.ts';

/** Clears expired tokens, because nobody can read them any more. */
const CLEAR_TOKENS = `
  UPDATE sessions SET token = NULL, token_until = NULL WHERE token IS NOT NULL AND token_until <= now()`;

/** What a page shows of a request. */
export interface LoginRequest {
  hostname: string;
  status: 'pending' | 'granted' | 'denied' | 'revoked';
  remainingMs: number;
}

export interface GrantOptions {
  /** The Astation whose signature was verified. */
  signedBy?: string | undefined;
  from?: Source | undefined;
}

/** Sessions on their way from request to decision. */
export class LoginStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** A new request, pending for five minutes. */
  async request(hostname: string): Promise<CreatedSession> {
    const id = makeSessionId();
    const otp = otpOf(id);
    const [row] = await this.#db.change<{ created_at: string; expires_at: string }>(
      REQUEST,
      hashSessionId(id),
      hostname,
      hashOtp(id, otp),
    );
    if (!row) throw new Error('INSERT returned no row');
    return { id, otp, hostname, status: 'pending', ...row };
  }

  /** @throws RelayError `NOT_FOUND` */
  async status(id: string): Promise<SessionStatus> {
    const [row] = await this.#db.rows<{ status: SessionStatus['status']; token: string | null }>(
      STATUS,
      hashSessionId(id),
    );
    if (!row) throw noSuchSession();
    return { id, status: row.status, ...(row.token === null ? {} : { token: row.token }) };
  }

  /** The same for a page, which takes no token. @returns undefined for an unknown session */
  async peek(id: string): Promise<LoginRequest | undefined> {
    const [row] = await this.#db.rows<{
      hostname: string;
      status: LoginRequest['status'];
      remaining_ms: number;
    }>(PEEK, hashSessionId(id));
    return row && { hostname: row.hostname, status: row.status, remainingMs: row.remaining_ms };
  }

  /**
   * Grants a request by its OTP, and binds it if an Astation signed.
   * @throws RelayError `UNAUTHORIZED` wrong OTP, `CONFLICT` decided already, or the Astation holds as many sessions as it
   *   may, `GONE` expired, `NOT_FOUND` unknown
   */
  async grant(id: string, otp: string, { signedBy, from }: GrantOptions = {}): Promise<GrantedSession> {
    const token = makeToken();
    const [row] = await this.#db.change<{ status: string; matched: boolean }>(
      GRANT,
      hashSessionId(id),
      hashOtp(id, otp),
      token,
      signedBy ?? null,
      ...sourceColumns(from),
    );
    if (!row) throw await this.#whyNot(id, signedBy);
    if (row.matched) return { id, status: 'granted', token };
    throw unauthorized(
      row.status === 'denied' ? 'Wrong OTP, once too often: this session has ended.' : 'Wrong OTP.',
    );
  }

  /** @throws RelayError `CONFLICT` decided already, `GONE` expired, `NOT_FOUND` unknown */
  async deny(id: string, from?: Source): Promise<DeniedSession> {
    const rows = await this.#db.change(DENY, hashSessionId(id), ...sourceColumns(from));
    if (rows.length === 0) throw await this.#whyNot(id);
    return { id, status: 'denied' };
  }

  /** Removes tokens whose time is up, and what ended long ago. */
  async sweep(): Promise<void> {
    await this.#db.rows(CLEAR_TOKENS);
    await this.#db.rows(SWEEP);
  }

  async #whyNot(id: string, signedBy?: string): Promise<Error> {
    const [row] = await this.#db.rows<{ status: string; expired: boolean }>(DECIDED, hashSessionId(id));
    if (!row) return noSuchSession();
    if (row.status !== 'pending') return conflict(`This session is already ${row.status}.`);
    if (row.expired) return gone('This session has expired; ask for a new one.');
    if (signedBy !== undefined) {
      return conflict(
        `This Astation holds ${MAX_BOUND_SESSIONS} sessions already; unbind one, then grant again.`,
      );
    }
    return conflict('This session has just changed; look at its status.');
  }
}

const noSuchSession = () => notFound('There is no such session.');
