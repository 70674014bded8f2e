/** The statements of keys. */

import { SESSION_ENDED_CHANNEL } from '../session/sql.ts';
import { MAX_KEYS } from './schema.ts';

const IS_LIVE = 'revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())';

/** Carries the id of a key that was used for the first time. */
export const KEY_USED_CHANNEL = 'vault_relay_key_used';

/**
 * `$1` hash of the key. The row is updated at most once a minute. `remaining_ms` is null for a key that does not expire.
 * The statement reads the row as it was before the update, and announces the first use.
 */
export const USE_KEY = `
  WITH used AS (
    UPDATE api_keys SET last_used_at = now()
    WHERE key_hash = $1 AND ${IS_LIVE} AND (last_used_at IS NULL OR last_used_at <= now() - interval '1 minute')
  )
  SELECT id, work_session_id, client_id, scopes, vaults, extract(epoch FROM expires_at - now())::float8 * 1000 AS remaining_ms,
    CASE WHEN last_used_at IS NULL THEN pg_notify('${KEY_USED_CHANNEL}', id)::text END AS announced
  FROM api_keys
  WHERE key_hash = $1 AND ${IS_LIVE}
    AND NOT EXISTS (SELECT FROM astation_bans AS b WHERE b.astation_id = api_keys.work_session_id)`;

/**
 * `$1` id, `$2` hash, `$3` work session, `$4` name, `$5` client id, `$6` scopes, `$7` vaults or null, `$8` who makes it,
 * `$9` seconds until it expires or null, `$10` request id, `$11` address. `stranger` is a vault of the list that the work
 * session does not have. The key is made if there is none, and room for one more.
 */
export const CREATE_KEY = `
  WITH asked AS MATERIALIZED (
    SELECT keys_left($3, ${MAX_KEYS}) > 0 AS has_room, (
      SELECT min(named) FROM unnest($7::text[]) AS named
      WHERE NOT EXISTS (
        SELECT FROM vaults AS v
        WHERE v.bucket = vault_bucket(named) AND v.vault_id = named AND v.work_session_id IS NOT DISTINCT FROM $3)
    ) AS stranger
  ), made AS (
    INSERT INTO api_keys (id, key_hash, work_session_id, name, client_id, scopes, vaults, created_by, expires_at)
    SELECT $1, $2, $3, $4, $5, $6::text[], $7::text[], $8, now() + $9::int * interval '1 second'
    FROM asked WHERE has_room AND stranger IS NULL
    RETURNING id, created_at, expires_at
  ), audited AS (
    INSERT INTO audit_log (action, outcome, work_session_id, client_id, session, request_id, address)
    SELECT 'key_create', CASE WHEN has_room AND stranger IS NULL THEN 'done' ELSE 'refused' END, $3, $8, 'key:' || $1, $10, $11
    FROM asked
  )
  SELECT has_room, stranger, wire_time(made.created_at) AS created_at, wire_time(made.expires_at) AS expires_at
  FROM asked LEFT JOIN made ON true`;

/**
 * `$1` id, `$2` work session (null: any), `$3` who revokes it, `$4` request id, `$5` address. The announcement is part of
 * the statement. No row: there is no such key. A key that was revoked before stays as it is.
 */
export const REVOKE_KEY = `
  WITH ended AS (
    UPDATE api_keys SET revoked_at = now()
    WHERE id = $1 AND ($2::text IS NULL OR work_session_id = $2) AND revoked_at IS NULL
    RETURNING id, key_hash, work_session_id
  ), audited AS (
    INSERT INTO audit_log (action, outcome, work_session_id, client_id, session, request_id, address)
    SELECT 'key_revoke', 'done', work_session_id, $3, 'key:' || id, $4, $5 FROM ended
  )
  SELECT encode(key_hash, 'hex') AS hash,
    (SELECT pg_notify('${SESSION_ENDED_CHANNEL}', encode(ended.key_hash, 'hex'))::text FROM ended) AS announced
  FROM api_keys WHERE id = $1 AND ($2::text IS NULL OR work_session_id = $2)`;
