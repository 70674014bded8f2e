import type { Database } from '../db/client.ts';
import { conflict, gone, notFound, unauthorized } from '../errors.ts';
import { hashOtp, makeToken, otpOf } from './otp.ts';
import type { CreatedSession, DeniedSession, GrantedSession, SessionStatus } from './schema.ts';
import { hashSessionId, makeSessionId } from './session-id.ts';
import { SESSION_LIFETIME } from './store.ts';

/** How long a request waits for its grant, and how long a token waits to be fetched. */
const WAITING = `interval '5 minutes'`;
/** Wrong OTPs that a request survives, and one more ends it. */
const MAX_TRIES = 5;

const timestamp = (column: string) =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS ${column}`;

const REQUEST = `
  INSERT INTO sessions (id_hash, hostname, status, otp_hash, created_at, expires_at)
  VALUES ($1, $2, 'pending', $3, now(), now() + ${WAITING})
  RETURNING ${timestamp('created_at')}, ${timestamp('expires_at')}`;

/** Reading the token takes it: who reads it second gets none. */
const STATUS = `
  WITH found AS (SELECT id_hash, status, expires_at, token, token_until FROM sessions WHERE id_hash = $1 FOR UPDATE),
  taken AS (
    UPDATE sessions SET token = NULL FROM found
    WHERE sessions.id_hash = found.id_hash AND found.token IS NOT NULL
  )
  SELECT
    CASE WHEN status = 'revoked' THEN 'denied'
         WHEN status IN ('pending', 'granted') AND expires_at <= now() THEN 'expired'
         ELSE status END AS status,
    CASE WHEN status = 'granted' AND token_until > now() THEN token END AS token
  FROM found`;

const PEEK = `
  SELECT hostname, status, greatest(0, extract(epoch FROM expires_at - now()))::float8 * 1000 AS remaining_ms
  FROM sessions WHERE id_hash = $1`;

/**
 * One conditional statement decides: a right OTP grants, a wrong one counts, the last wrong one ends the request.
 * `$2` hash of the offered OTP, `$3` token, `$4` the Astation that signed, or null.
 */
const GRANT = `
  UPDATE sessions SET
    status = CASE WHEN otp_hash = $2 THEN 'granted' WHEN otp_tries + 1 >= ${MAX_TRIES} THEN 'denied' ELSE status END,
    otp_tries = otp_tries + CASE WHEN otp_hash = $2 THEN 0 ELSE 1 END,
    token = CASE WHEN otp_hash = $2 THEN $3 END,
    token_until = CASE WHEN otp_hash = $2 THEN now() + ${WAITING} END,
    astation_id = CASE WHEN otp_hash = $2 THEN coalesce($4, astation_id) ELSE astation_id END,
    last_used_at = CASE WHEN otp_hash = $2 THEN now() END,
    expires_at = CASE WHEN otp_hash = $2 THEN now() + ${SESSION_LIFETIME} ELSE expires_at END
  WHERE id_hash = $1 AND status = 'pending' AND expires_at > now()
    AND ($4::text IS NULL OR astation_id IS NULL OR astation_id = $4)
  RETURNING status, otp_hash = $2 AS matched`;

const DENY = `
  UPDATE sessions SET status = 'denied' WHERE id_hash = $1 AND status = 'pending' AND expires_at > now()
  RETURNING id_hash`;

const DECIDED = `
  SELECT status, expires_at <= now() AS expired, astation_id FROM sessions WHERE id_hash = $1`;

/** Requests and grants that ended a day ago, and sessions that nobody used for a month, are of no use to anybody. */
const SWEEP = `
  DELETE FROM sessions
  WHERE expires_at < now() - CASE WHEN status = 'granted' THEN interval '30 days' ELSE interval '1 day' END`;

/** A token that nobody fetched in its time is readable no more, and need not lie here until its session ends. */
const CLEAR_TOKENS = `
  UPDATE sessions SET token = NULL, token_until = NULL WHERE token IS NOT NULL AND token_until <= now()`;

/** What a page shows of a request. */
export interface LoginRequest {
  hostname: string;
  status: 'pending' | 'granted' | 'denied' | 'revoked';
  remainingMs: number;
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
    const [row] = await this.#db.rows<{ created_at: string; expires_at: string }>(
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
   * @param signedBy the Astation whose signature was verified
   * @throws RelayError `UNAUTHORIZED` wrong OTP, `CONFLICT` decided already or another Astation's, `GONE` expired,
   *   `NOT_FOUND` unknown
   */
  async grant(id: string, otp: string, signedBy?: string): Promise<GrantedSession> {
    const token = makeToken();
    const [row] = await this.#db.rows<{ status: string; matched: boolean }>(
      GRANT,
      hashSessionId(id),
      hashOtp(id, otp),
      token,
      signedBy ?? null,
    );
    if (!row) throw await this.#whyNot(id, signedBy);
    if (row.matched) return { id, status: 'granted', token };
    throw unauthorized(
      row.status === 'denied' ? 'Wrong OTP, once too often: this session has ended.' : 'Wrong OTP.',
    );
  }

  /** @throws RelayError `CONFLICT` decided already, `GONE` expired, `NOT_FOUND` unknown */
  async deny(id: string): Promise<DeniedSession> {
    const rows = await this.#db.rows(DENY, hashSessionId(id));
    if (rows.length === 0) throw await this.#whyNot(id);
    return { id, status: 'denied' };
  }

  /** Removes tokens whose time is up, and what ended long ago. */
  async sweep(): Promise<void> {
    await this.#db.rows(CLEAR_TOKENS);
    await this.#db.rows(SWEEP);
  }

  async #whyNot(id: string, signedBy?: string): Promise<Error> {
    const [row] = await this.#db.rows<{ status: string; expired: boolean; astation_id: string | null }>(
      DECIDED,
      hashSessionId(id),
    );
    if (!row) return noSuchSession();
    if (row.status !== 'pending') return conflict(`This session is already ${row.status}.`);
    if (row.expired) return gone('This session has expired; ask for a new one.');
    if (signedBy !== undefined && row.astation_id !== signedBy) {
      return conflict('This session is bound to another Astation.');
    }
    return conflict('This session has just changed; look at its status.');
  }
}

const noSuchSession = () => notFound('There is no such session.');
