/** The statements of the session stores. `$1` is the hash of a session's id, unless a statement says otherwise. */

/** Carries the hash (hexadecimal) of a session that may no longer act. */
export const SESSION_ENDED_CHANNEL = 'vault_relay_session_ended';

/**
 * Keeps what happened to the sessions of `from` (columns id_hash and astation_id) in the audit log, within the statement
 * that makes it happen. `request` and `address` are the places of those two values.
 */
const audited = (from: string, { action, outcome = `'done'`, request, address }: AuditOf) => `
  audited AS (
    INSERT INTO audit_log (action, outcome, work_session_id, session, request_id, address)
    SELECT '${action}', ${outcome}, astation_id, left(encode(id_hash, 'hex'), 12), ${request}::text, ${address}::text
    FROM ${from}
  )`;

interface AuditOf {
  action: string;
  /** An expression over `from`. */
  outcome?: string;
  request: string;
  address: string;
}

/** Of what the operator does, there is neither request nor address. */
const BY_OPERATOR = { request: 'NULL', address: 'NULL' };

/** A session expires after so long without use. */
const LIFETIME = `interval '7 days'`;

export const CREATE_GRANTED = `
  WITH created AS (
    INSERT INTO sessions (id_hash, hostname, status, astation_id, last_used_at, expires_at)
    VALUES ($1, $2, 'granted', $3, now(), now() + ${LIFETIME})
    RETURNING id_hash, astation_id
  ), ${audited('created', { action: 'session_create', ...BY_OPERATOR })}
  SELECT 1 FROM created`;

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

/** `$1` hashes (hexadecimal). Those of them whose sessions may no longer act. */
export const ENDED = `
  SELECT wanted.hash FROM unnest($1::text[]) AS wanted (hash)
  WHERE NOT EXISTS (
    SELECT FROM sessions
    WHERE id_hash = decode(wanted.hash, 'hex') AND status = 'granted' AND expires_at > now() AND astation_id IS NOT NULL
  )`;

export const LIST = `
  SELECT id_hash, hostname, astation_id, created_at, last_used_at, expires_at,
    CASE WHEN expires_at <= now() AND status IN ('pending', 'granted') THEN 'expired' ELSE status END AS status
  FROM sessions ORDER BY created_at`;

/** Of each Astation, how many sessions may act for it now. */
export const LIST_WORK_SESSIONS = `
  SELECT astation_id, count(*)::int AS sessions FROM sessions
  WHERE astation_id IS NOT NULL AND status = 'granted' AND expires_at > now()
  GROUP BY astation_id ORDER BY astation_id`;

/** Telling the servers is part of the same transaction: no revocation without its announcement. */
export const REVOKE = `
  WITH ended AS (
    UPDATE sessions SET status = 'revoked' WHERE id_hash = $1 AND status <> 'revoked' RETURNING id_hash, astation_id
  ), ${audited('ended', { action: 'session_revoke', ...BY_OPERATOR })}
  SELECT pg_notify('${SESSION_ENDED_CHANNEL}', encode(id_hash, 'hex'))::text FROM ended`;

export const EXISTS = 'SELECT 1 FROM sessions WHERE id_hash = $1';

/** `$1` the first hexadecimal digits of a hash. As a range, so that the primary key serves it. */
export const FIND_BY_FINGERPRINT = `
  SELECT id_hash FROM sessions
  WHERE id_hash BETWEEN decode(rpad($1, 64, '0'), 'hex') AND decode(rpad($1, 64, 'f'), 'hex')
  LIMIT 2`;

/** How long a request waits for its grant, and how long a token waits to be fetched. */
const WAITING = `interval '5 minutes'`;
/** The wrong OTP that ends a request. */
const MAX_TRIES = 5;

const timestamp = (column: string) =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS ${column}`;

/** `$2` host, `$3` hash of the OTP, `$4` request id, `$5` address. */
export const REQUEST = `
  WITH requested AS (
    INSERT INTO sessions (id_hash, hostname, status, otp_hash, created_at, expires_at)
    VALUES ($1, $2, 'pending', $3, now(), now() + ${WAITING})
    RETURNING *
  ), ${audited('requested', { action: 'session_request', request: '$4', address: '$5' })}
  SELECT ${timestamp('created_at')}, ${timestamp('expires_at')} FROM requested`;

/** Reading the token takes it: who reads it second gets none. */
export const STATUS = `
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

export const PEEK = `
  SELECT hostname, status, greatest(0, extract(epoch FROM expires_at - now()))::float8 * 1000 AS remaining_ms
  FROM sessions WHERE id_hash = $1`;

/** The last wrong OTP ends the request. */
const GRANT_OUTCOME = `CASE WHEN matched THEN 'done' WHEN status = 'denied' THEN 'last_wrong_otp' ELSE 'wrong_otp' END`;

/**
 * One conditional statement decides: a right OTP grants, a wrong one counts, the last wrong one ends the request.
 * `$2` hash of the offered OTP, `$3` token, `$4` the Astation that signed, or null, `$5` request id, `$6` address.
 */
export const GRANT = `
  WITH tried AS (UPDATE sessions SET
    status = CASE WHEN otp_hash = $2 THEN 'granted' WHEN otp_tries + 1 >= ${MAX_TRIES} THEN 'denied' ELSE status END,
    otp_tries = otp_tries + CASE WHEN otp_hash = $2 THEN 0 ELSE 1 END,
    token = CASE WHEN otp_hash = $2 THEN $3 END,
    token_until = CASE WHEN otp_hash = $2 THEN now() + ${WAITING} END,
    astation_id = CASE WHEN otp_hash = $2 THEN coalesce($4, astation_id) ELSE astation_id END,
    last_used_at = CASE WHEN otp_hash = $2 THEN now() END,
    expires_at = CASE WHEN otp_hash = $2 THEN now() + ${LIFETIME} ELSE expires_at END
  WHERE id_hash = $1 AND status = 'pending' AND expires_at > now()
    AND ($4::text IS NULL OR astation_id IS NULL OR astation_id = $4)
  RETURNING id_hash, astation_id, status, otp_hash = $2 AS matched
  ), ${audited('tried', { action: 'session_grant', outcome: GRANT_OUTCOME, request: '$5', address: '$6' })}
  SELECT status, matched FROM tried`;

/** `$2` request id, `$3` address. */
export const DENY = `
  WITH denied AS (
    UPDATE sessions SET status = 'denied' WHERE id_hash = $1 AND status = 'pending' AND expires_at > now()
    RETURNING id_hash, astation_id
  ), ${audited('denied', { action: 'session_deny', request: '$2', address: '$3' })}
  SELECT 1 FROM denied`;

export const DECIDED = `
  SELECT status, expires_at <= now() AS expired, astation_id FROM sessions WHERE id_hash = $1`;

/**
 * Requests that nobody decided, and sessions that nobody used for a month, are of no use to anybody. One that was
 * revoked stays: without its row, an Astation that still lists it would begin it anew.
 */
export const SWEEP = `
  DELETE FROM sessions
  WHERE expires_at < now() - interval '1 day'
    AND (status = 'pending' OR (status <> 'revoked' AND expires_at < now() - interval '30 days'))`;

/**
 * Binds the sessions with the hashes `$2` (hexadecimal) to the Astation `$1`, in the order of their hashes, so that
 * two of these never wait for each other. One that nobody knows yet begins its life here: the Astation vouches for it.
 * Left alone: those that another Astation holds, and those that a person or an operator ended.
 */
const BOUND = `
  bound AS (
    INSERT INTO sessions (id_hash, hostname, status, astation_id, last_used_at, expires_at)
    SELECT decode(hash, 'hex'), '', 'granted', $1, now(), now() + ${LIFETIME}
    FROM unnest($2::text[]) AS wanted (hash) ORDER BY 1
    ON CONFLICT (id_hash) DO UPDATE SET
      astation_id = $1,
      expires_at = CASE WHEN sessions.status = 'granted' THEN excluded.expires_at ELSE sessions.expires_at END
    WHERE sessions.status IN ('pending', 'granted') AND (sessions.astation_id IS NULL OR sessions.astation_id = $1)
    RETURNING id_hash
  )`;

/** Sessions that were bound to the Astation before the statement, and are told nothing new. */
const HELD = `EXISTS (SELECT FROM sessions AS s WHERE s.id_hash = decode(wanted.hash, 'hex') AND s.astation_id = $1)`;

/** What became of each wanted session, as far as it `changed`. */
const asked = (changed: string) => `
  asked AS (
    SELECT decode(wanted.hash, 'hex') AS id_hash, $1 AS astation_id, bound.id_hash IS NOT NULL AS bound
    FROM unnest($2::text[]) AS wanted (hash) LEFT JOIN bound ON bound.id_hash = decode(wanted.hash, 'hex')
    WHERE ${changed}
  )`;

const BIND_OUTCOME = `CASE WHEN bound THEN 'done' ELSE 'refused' END`;
const BOUND_AUDITED = audited('asked', {
  action: 'session_bind',
  outcome: BIND_OUTCOME,
  request: '$3',
  address: '$4',
});

/** `$3` request id, `$4` address, here and below. One that is only refreshed leaves no row in the audit log. */
export const BIND = `
  WITH ${BOUND}, ${asked(`bound.id_hash IS NULL OR NOT ${HELD}`)}, ${BOUND_AUDITED}
  SELECT count(*)::int AS bound FROM bound`;

export const REPLACE = `
  WITH dropped AS (
    UPDATE sessions SET astation_id = NULL
    WHERE astation_id = $1 AND encode(id_hash, 'hex') <> ALL ($2::text[])
    RETURNING id_hash, $1 AS astation_id
  ), ${BOUND}, ${asked(`NOT ${HELD}`)}, ${BOUND_AUDITED},
  ${audited('dropped', { action: 'session_unbind', request: '$3', address: '$4' }).replace('audited', 'dropping_audited')}
  SELECT (SELECT count(*)::int FROM bound) AS bound,
         (SELECT count(pg_notify('${SESSION_ENDED_CHANNEL}', encode(id_hash, 'hex')))::int FROM dropped) AS told,
         ARRAY(SELECT encode(id_hash, 'hex') FROM dropped) AS dropped`;

export const UNBIND = `
  WITH dropped AS (
    UPDATE sessions SET astation_id = NULL WHERE id_hash = $2 AND astation_id = $1
    RETURNING id_hash, $1 AS astation_id
  ), ${audited('dropped', { action: 'session_unbind', request: '$3', address: '$4' })}
  SELECT encode(id_hash, 'hex') AS hash, pg_notify('${SESSION_ENDED_CHANNEL}', encode(id_hash, 'hex'))::text
  FROM dropped`;

/** Carries who registered a key (a store's own name), a blank, and the id of its Astation. */
export const KEY_REGISTERED_CHANNEL = 'vault_relay_key_registered';

/** Carries the id of an Astation whose key was forgotten. */
export const KEY_FORGOTTEN_CHANNEL = 'vault_relay_key_forgotten';

/** `$1` Astation, `$2` key, `$3` who registers it, `$4` request id, `$5` address. */
export const REGISTER_KEY = `
  WITH registered AS (
    INSERT INTO astations (astation_id, public_key) VALUES ($1, $2) ON CONFLICT (astation_id) DO NOTHING
    RETURNING astation_id
  ), audited AS (
    INSERT INTO audit_log (action, outcome, work_session_id, request_id, address)
    SELECT 'key_register', 'done', astation_id, $4::text, $5::text FROM registered
  )
  SELECT pg_notify('${KEY_REGISTERED_CHANNEL}', $3 || ' ' || astation_id)::text FROM registered`;

export const FIND_KEY = `SELECT public_key FROM astations WHERE astation_id = $1`;

export const LIST_ASTATIONS = `
  SELECT a.astation_id, a.public_key, a.registered_at,
    (SELECT count(*)::int FROM sessions AS s
     WHERE s.astation_id = a.astation_id AND s.status = 'granted' AND s.expires_at > now()) AS sessions
  FROM astations AS a ORDER BY a.registered_at`;

export const FORGET_KEY = `
  WITH forgotten AS (DELETE FROM astations WHERE astation_id = $1 RETURNING astation_id), audited AS (
    INSERT INTO audit_log (action, outcome, work_session_id) SELECT 'key_forget', 'done', astation_id FROM forgotten
  )
  SELECT pg_notify('${KEY_FORGOTTEN_CHANNEL}', astation_id)::text FROM forgotten`;
