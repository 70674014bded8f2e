/** The statements of people: links that sign them in, and their sessions. */

import { LIFETIME } from '../session/schema.ts';
import { CODE_LIFETIME, MAX_PEOPLE_PER_SESSION, PERSON_LIFETIME } from './schema.ts';

/** `$1` hash of the code, `$2` role, `$3` work session of a member, `$4` name or null. */
export const CREATE_CODE = `
  WITH made AS (
    INSERT INTO sign_in_codes (code_hash, role, work_session_id, name, expires_at)
    VALUES ($1, $2, $3, $4, now() + ${CODE_LIFETIME})
    RETURNING role, work_session_id
  )
  INSERT INTO audit_log (action, outcome, work_session_id) SELECT 'sign_in_link', 'done', work_session_id FROM made`;

/**
 * Use extends the life of a person's session and that of the session it came from. Both rows are updated at most once a
 * minute. `$1` hash of the secret.
 */
export const USE_PERSON = `
  WITH used AS (
    UPDATE sessions SET last_used_at = now(), expires_at = now() + ${PERSON_LIFETIME}
    WHERE id_hash = $1 AND kind = 'person' AND status = 'granted' AND expires_at > now()
      AND last_used_at <= now() - interval '1 minute'
      AND EXISTS (SELECT FROM session_states AS s WHERE s.id_hash = $1 AND s.acts)
    RETURNING parent_hash
  ), parent AS (
    UPDATE sessions SET last_used_at = now(), expires_at = now() + ${LIFETIME}
    WHERE id_hash = (SELECT parent_hash FROM used) AND status = 'granted' AND expires_at > now()
  )
  SELECT person_id, person_name, role, astation_id, remaining_ms, EXISTS (SELECT FROM used) AS renewed
  FROM session_states WHERE id_hash = $1 AND kind = 'person' AND acts`;

/**
 * Signs a person in by the row of `source` (role, work_session_id, name), if there is one. `$2` hash of the new secret,
 * `$3` the person, who may be known, `$4` name or null, `$5` hash of the session that this one replaces, or null,
 * `$6` request id, `$7` address.
 */
const signedIn = (source: string, parent: string) => `
  WITH source AS (${source}), person AS (
    INSERT INTO people (id, name) SELECT $3, coalesce($4, name) FROM source
    ON CONFLICT (id) DO UPDATE SET name = coalesce(excluded.name, people.name)
    RETURNING id, name
  ), replaced AS (
    UPDATE sessions SET status = 'revoked'
    WHERE id_hash = $5 AND kind = 'person' AND status = 'granted' AND EXISTS (SELECT FROM source)
    RETURNING id_hash
  ), created AS (
    INSERT INTO sessions (id_hash, kind, person_id, role, parent_hash, astation_id, hostname, status, last_used_at, expires_at)
    SELECT $2, 'person', person.id, role, ${parent}, work_session_id, '', 'granted', now(), now() + ${PERSON_LIFETIME}
    FROM source, person
    RETURNING id_hash, person_id, role, astation_id
  ), audited AS (
    INSERT INTO audit_log (action, outcome, work_session_id, client_id, session, request_id, address)
    SELECT 'sign_in', 'done', astation_id, left(encode(id_hash, 'hex'), 12), 'person:' || person_id, $6, $7 FROM created
  )
  SELECT person_id, person.name AS person_name, role, astation_id,
    ARRAY(SELECT hash FROM announce_ended(ARRAY(SELECT id_hash FROM replaced))) AS ended
  FROM created, person`;

/** `$1` hash of the code, which is used up by the same statement. */
export const SIGN_IN = signedIn(
  `DELETE FROM sign_in_codes WHERE code_hash = $1 AND expires_at > now()
      AND NOT EXISTS (SELECT FROM astation_bans AS b WHERE b.astation_id = work_session_id)
    RETURNING role, work_session_id, name`,
  'NULL',
);

/** `$1` hash of a session that is granted and bound. Its row stays locked, so that its end finds the person. */
export const SIGN_IN_WITH_SESSION = signedIn(
  `SELECT 'member' AS role, astation_id AS work_session_id, NULL AS name FROM sessions
    WHERE id_hash = $1 AND kind = 'session' AND status = 'granted' AND expires_at > now() AND astation_id IS NOT NULL
      AND NOT EXISTS (SELECT FROM astation_bans AS b WHERE b.astation_id = sessions.astation_id)
      AND sign_ins_left($1, ${MAX_PEOPLE_PER_SESSION}) > 0
    FOR SHARE`,
  '$1',
);

/** `$1` person, `$2` name, `$3` fingerprint of the session, `$4` work session or null, `$5` request id, `$6` address. */
export const RENAME = `
  WITH renamed AS (UPDATE people SET name = $2 WHERE id = $1 RETURNING id)
  INSERT INTO audit_log (action, outcome, work_session_id, client_id, session, request_id, address)
  SELECT 'person_rename', 'done', $4, $3, 'person:' || id, $5, $6 FROM renamed`;

/**
 * Ends one session of a person, or all. `$1` person, `$2` hash of the session (null: all of them), `$3` request id,
 * `$4` address.
 */
export const SIGN_OUT = `
  WITH ended AS (
    UPDATE sessions SET status = 'revoked'
    WHERE person_id = $1 AND ($2::bytea IS NULL OR id_hash = $2) AND status = 'granted'
    RETURNING id_hash, person_id, astation_id
  ), audited AS (
    INSERT INTO audit_log (action, outcome, work_session_id, client_id, session, request_id, address)
    SELECT 'sign_out', 'done', astation_id, left(encode(id_hash, 'hex'), 12), 'person:' || person_id, $3, $4 FROM ended
  )
  SELECT hash FROM announce_ended(ARRAY(SELECT id_hash FROM ended))`;

/** Removes links and sessions of people whose time is up. The people stay, because rows name them. */
export const SWEEP_PEOPLE = `
  WITH codes AS (DELETE FROM sign_in_codes WHERE expires_at <= now())
  DELETE FROM sessions WHERE kind = 'person' AND expires_at <= now() - interval '1 day'`;
