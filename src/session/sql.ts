/** The statements of the session stores. `$1` is the hash of a session's id, unless a statement says otherwise. */

import { audited, BY_OPERATOR } from '../audit/session-rows.ts';
import { LIFETIME, MAX_BOUND_SESSIONS } from './schema.ts';

/** Payload: the hash (hexadecimal) of a session, key or person's session that is no longer usable. */
export const SESSION_ENDED_CHANNEL = 'vault_relay_session_ended';

export const CREATE_GRANTED = `
  WITH created AS (
    INSERT INTO sessions (id_hash, hostname, status, astation_id, last_used_at, expires_at)
    VALUES ($1, $2, 'granted', $3, now(), now() + ${LIFETIME})
    RETURNING id_hash, astation_id
  ), ${audited('created', { action: 'session_create', ...BY_OPERATOR })}
  SELECT 1 FROM created`;

/** Excludes sessions of banned Astations. */
const NOT_BANNED = `NOT EXISTS (SELECT FROM astation_bans AS b WHERE b.astation_id = sessions.astation_id)`;

/** Use extends the life of a session. The row is updated at most once a minute. */
export const USE = `
  WITH used AS (
    UPDATE sessions SET last_used_at = now(), expires_at = now() + ${LIFETIME}
    WHERE id_hash = $1 AND kind = 'session' AND status = 'granted' AND expires_at > now() AND astation_id IS NOT NULL
      AND (last_used_at IS NULL OR last_used_at <= now() - interval '1 minute')
  )
  SELECT astation_id, extract(epoch FROM expires_at - now())::float8 * 1000 AS remaining_ms
  FROM sessions
  WHERE id_hash = $1 AND kind = 'session' AND status = 'granted' AND expires_at > now() AND astation_id IS NOT NULL
    AND ${NOT_BANNED}`;

/** `$1` hashes (hexadecimal). Returns those of credentials that are no longer usable. */
export const ENDED = `
  SELECT wanted.hash FROM unnest($1::text[]) AS wanted (hash)
  WHERE NOT EXISTS (
    SELECT FROM sessions
    WHERE id_hash = decode(wanted.hash, 'hex') AND kind = 'session' AND status = 'granted' AND expires_at > now()
      AND astation_id IS NOT NULL AND ${NOT_BANNED}
  ) AND NOT EXISTS (
    SELECT FROM session_states WHERE id_hash = decode(wanted.hash, 'hex') AND kind = 'person' AND acts
  ) AND NOT EXISTS (
    SELECT FROM api_keys AS k
    WHERE key_hash = decode(wanted.hash, 'hex') AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
      AND NOT EXISTS (SELECT FROM astation_bans AS b WHERE b.astation_id = k.work_session_id)
  )`;

/**
 * The announcement is part of the same statement, so that every revocation is announced. `$2` who revokes it, or null,
 * `$3` request id, `$4` address. Returns the hashes of what ended: the session, and the people who came from it.
 */
export const REVOKE = `
  WITH ended AS (
    UPDATE sessions SET status = 'revoked' WHERE id_hash = $1 AND status <> 'revoked'
    RETURNING id_hash, astation_id, kind
  ), audited AS (
    INSERT INTO audit_log (action, outcome, work_session_id, client_id, session, request_id, address)
    SELECT kind || '_revoke', 'done', astation_id, $2, left(encode(id_hash, 'hex'), 12), $3, $4 FROM ended
  )
  SELECT hash FROM announce_ended(ARRAY(SELECT id_hash FROM ended))`;

/** How long a request stays pending, and how long a token can be read. */
const WAITING = `interval '5 minutes'`;
/** The number of wrong OTPs that ends a request. */
const MAX_TRIES = 5;

const timestamp = (column: string) =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS ${column}`;

/** `$2` host, `$3` hash of the OTP. Not audited, because any client may send requests and audit rows are permanent. */
export const REQUEST = `
  INSERT INTO sessions (id_hash, hostname, status, otp_hash, created_at, expires_at)
  VALUES ($1, $2, 'pending', $3, now(), now() + ${WAITING})
  RETURNING ${timestamp('created_at')}, ${timestamp('expires_at')}`;

/** The token can be read repeatedly until it expires, because an answer may get lost. */
export const STATUS = `
  SELECT
    CASE WHEN status = 'revoked' THEN 'denied'
         WHEN status IN ('pending', 'granted') AND expires_at <= now() THEN 'expired'
         ELSE status END AS status,
    CASE WHEN status = 'granted' AND expires_at > now() AND token_until > now() THEN token END AS token
  FROM sessions WHERE id_hash = $1 AND kind = 'session'`;

/** What a page shows of a request. Anybody can open it, so it must not load the Prisma client into the server. */
export const PEEK = `SELECT hostname, status, remaining_ms FROM session_states
  WHERE id_hash = $1 AND kind = 'session'`;

/**
 * One conditional statement decides: a correct OTP grants, a wrong one is counted, the last wrong one ends the request. Only
 * a signature binds; binding requests from the pending phase are ignored. The audit log records the grant. Wrong OTPs are
 * counted in the row of the request and are deleted with it.
 * `$2` hash of the offered OTP, `$3` token, `$4` the Astation that signed, or null, `$5` request id, `$6` address.
 */
export const GRANT = `
  WITH tried AS (UPDATE sessions SET
    status = CASE WHEN otp_hash = $2 THEN 'granted' WHEN otp_tries + 1 >= ${MAX_TRIES} THEN 'denied' ELSE status END,
    otp_tries = otp_tries + CASE WHEN otp_hash = $2 THEN 0 ELSE 1 END,
    token = CASE WHEN otp_hash = $2 THEN $3 END,
    token_until = CASE WHEN otp_hash = $2 THEN now() + ${WAITING} END,
    astation_id = CASE WHEN otp_hash = $2 THEN $4 END,
    last_used_at = CASE WHEN otp_hash = $2 THEN now() END,
    expires_at = CASE WHEN otp_hash = $2 THEN now() + ${LIFETIME} ELSE expires_at END
  WHERE id_hash = $1 AND kind = 'session' AND status = 'pending' AND expires_at > now()
    AND ($4::text IS NULL OR bindings_left($4, ${MAX_BOUND_SESSIONS}) > 0)
  RETURNING id_hash, astation_id, status, otp_hash = $2 AS matched
  ), ${audited('tried WHERE matched', { action: 'session_grant', request: '$5', address: '$6' })}
  SELECT status, matched, CASE WHEN matched AND $4 IS NOT NULL THEN confirm_astation($4, $5, $6)::text END AS confirmed
  FROM tried`;

/** `$2` request id, `$3` address. */
export const DENY = `
  WITH denied AS (
    UPDATE sessions SET status = 'denied' WHERE id_hash = $1 AND kind = 'session' AND status = 'pending' AND expires_at > now()
    RETURNING id_hash, astation_id
  ), ${audited('denied', { action: 'session_deny', request: '$2', address: '$3' })}
  SELECT 1 FROM denied`;

/**
 * The database's clock, and when the first token and the first unrevoked session become due. They show whether there is
 * anything to sweep.
 */
export const SWEEP_CLOCK = `
  SELECT now() AS now, (SELECT min(token_until) FROM sessions) AS first_token,
    (SELECT min(expires_at) FROM sessions WHERE status <> 'revoked') AS first_expiry`;
