import { hashSessionId, makeSessionId } from '../access/session-id.ts';
import { type Source, sourceColumns } from '../access/source.ts';
import type { Database } from '../db/client.ts';
import { conflict, gone, notFound, unauthorized } from '../errors.ts';
import { hashOtp, makeToken, otpOf } from './otp.ts';
import type { CreatedSession, DeniedSession, GrantedSession, SessionStatus } from './schema.ts';
import { MAX_BOUND_SESSIONS } from './schema.ts';
import { DENY, GRANT, PEEK, REQUEST, STATUS, SWEEP_CLOCK } from './sql.ts';

/** The row of SWEEP_CLOCK; null where there is nothing to sweep. */
interface SweepClock {
  now: Date;
  first_token: Date | null;
  first_expiry: Date | null;
}

const DAY_MS = 86_400_000;

/** The fields of a request that a page shows. */
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

/** Login requests, from the request to the decision. */
export class LoginStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Creates a request that stays pending for five minutes. */
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

  /** Reads a request for a page, without its token. @returns null for an unknown session */
  async peek(id: string): Promise<LoginRequest | null> {
    const [row] = await this.#db.rows<Omit<LoginRequest, 'remainingMs'> & { remaining_ms: number }>(
      PEEK,
      hashSessionId(id),
    );
    return row ? { hostname: row.hostname, status: row.status, remainingMs: row.remaining_ms } : null;
  }

  /**
   * Grants a request by its OTP, and binds it if an Astation signed.
   * @throws RelayError `UNAUTHORIZED` wrong OTP, `CONFLICT` already decided, or the Astation is at its maximum of sessions,
   *   `GONE` expired, `NOT_FOUND` unknown
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
      row.status === 'denied' ? 'Too many wrong OTPs: this session has ended.' : 'Wrong OTP.',
    );
  }

  /** @throws RelayError `CONFLICT` already decided, `GONE` expired, `NOT_FOUND` unknown */
  async deny(id: string, from?: Source): Promise<DeniedSession> {
    const rows = await this.#db.change(DENY, hashSessionId(id), ...sourceColumns(from));
    if (rows.length === 0) throw await this.#whyNot(id);
    return { id, status: 'denied' };
  }

  /**
   * Removes tokens that can no longer be read, and useless sessions: undecided for a day, or unused for a month. Revoked
   * sessions stay, because an Astation that still lists one would otherwise create it again. The Prisma client is loaded
   * only if there is something to remove.
   */
  async sweep(): Promise<void> {
    const [clock] = await this.#db.rows<SweepClock>(SWEEP_CLOCK);
    if (!clock) return;
    const { now, first_token: firstToken, first_expiry: firstExpiry } = clock;
    const ago = (days: number) => new Date(now.getTime() - days * DAY_MS);
    if (firstToken && firstToken <= now) {
      const { session } = await this.#db.prisma();
      await session.updateMany({
        where: { token: { not: null }, tokenUntil: { lte: now } },
        data: { token: null, tokenUntil: null },
      });
    }
    if (firstExpiry && firstExpiry < ago(1)) {
      const { session } = await this.#db.prisma();
      await session.deleteMany({
        where: {
          expiresAt: { lt: ago(1) },
          OR: [{ status: 'pending' }, { status: { not: 'revoked' }, expiresAt: { lt: ago(30) } }],
        },
      });
    }
  }

  async #whyNot(id: string, signedBy?: string): Promise<Error> {
    const row = await this.peek(id);
    if (!row) return noSuchSession();
    if (row.status !== 'pending') return conflict(`This session is already ${row.status}.`);
    if (row.remainingMs === 0) return gone('This session has expired; request a new one.');
    if (signedBy !== undefined) {
      return conflict(
        `This Astation holds ${MAX_BOUND_SESSIONS} sessions already; unbind one, then grant again.`,
      );
    }
    return conflict('This session has just changed; read its status.');
  }
}

const noSuchSession = () => notFound('There is no such session.');
