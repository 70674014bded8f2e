/** The statements of the session store. `$1` is the hash of a session's id, unless a statement says otherwise. */

/** Carries the hash (hexadecimal) of a session that may no longer act. */
export const SESSION_ENDED_CHANNEL = 'vault_relay_session_ended';

/** A session expires after so long without use. */
const LIFETIME = `interval '7 days'`;

export const CREATE_GRANTED = `
  INSERT INTO sessions (id_hash, hostname, status, astation_id, last_used_at, expires_at)
  VALUES ($1, $2, 'granted', $3, now(), now() + ${LIFETIME})`;

/** Use extends the life of a session; that is written at most once a minute. */
export const USE = `
  WITH used AS (
    UPDATE sessions SET last_used_at = now(), expires_at = now() + ${LIFETIME}
    WHERE id_hash = $1 AND status = 'granted' AND expires_at > now()
      AND (last_used_at IS NULL OR last_used_at <= now() - interval '1 minute')
  )
  SELECT astation_id, extract(epoch FROM expires_at - now())::float8 * 1000 AS remaining_ms
  FROM sessions
  WHERE id_hash = $1 AND status = 'granted' AND expires_at > now() AND astation_id IS NOT NULL`;

export const LIST = `
  SELECT id_hash, hostname, astation_id, created_at, last_used_at, expires_at,
    CASE WHEN expires_at <= now() AND status IN ('pending', 'granted') THEN 'expired' ELSE status END AS status
  FROM sessions ORDER BY created_at`;

/** Telling the servers is part of the same transaction: no revocation without its announcement. */
export const REVOKE = `
  WITH ended AS (
    UPDATE sessions SET status = 'revoked' WHERE id_hash = $1 AND status <> 'revoked' RETURNING id_hash
  )
  SELECT pg_notify('${SESSION_ENDED_CHANNEL}', encode(id_hash, 'hex'))::text FROM ended`;

export const EXISTS = 'SELECT 1 FROM sessions WHERE id_hash = $1';

/** `$1` the first hexadecimal digits of a hash. As a range, so that the primary key serves it. */
export const FIND_BY_FINGERPRINT = `
  SELECT id_hash FROM sessions
  WHERE id_hash BETWEEN decode(rpad($1, 64, '0'), 'hex') AND decode(rpad($1, 64, 'f'), 'hex')
  LIMIT 2`;
