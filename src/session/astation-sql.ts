import { SESSION_ENDED_CHANNEL } from './sql.ts';

/** Payload: the name of the store that registered a key, a blank, and the id of the Astation. */
export const KEY_REGISTERED_CHANNEL = 'vault_relay_key_registered';

/** Payload: the id of an Astation whose key was forgotten. */
export const KEY_FORGOTTEN_CHANNEL = 'vault_relay_key_forgotten';

/**
 * `$1` Astation, `$2` key, `$3` name of the store. Any client may register a key, so the audit log records it only once it
 * has bound a session (`confirm_astation`).
 */
export const REGISTER_KEY = `
  WITH registered AS (
    INSERT INTO astations (astation_id, public_key, provisional) VALUES ($1, $2, true)
    ON CONFLICT (astation_id) DO NOTHING
    RETURNING astation_id
  )
  SELECT pg_notify('${KEY_REGISTERED_CHANNEL}', $3 || ' ' || astation_id)::text FROM registered`;

export const FIND_KEY = `SELECT public_key FROM astations WHERE astation_id = $1`;

/** The most important keys for the cache, at most `$1`: those that have bound a session, then the newest. */
export const LOAD_KEYS = `
  SELECT astation_id, public_key FROM astations ORDER BY provisional, registered_at DESC LIMIT $1`;

/** `$1` ids of Astations. */
export const FIND_KEYS = `SELECT astation_id, public_key FROM astations WHERE astation_id = ANY ($1::text[])`;

export const FORGET_KEY = `
  WITH forgotten AS (DELETE FROM astations WHERE astation_id = $1 RETURNING astation_id), audited AS (
    INSERT INTO audit_log (action, outcome, work_session_id) SELECT 'key_forget', 'done', astation_id FROM forgotten
  )
  SELECT pg_notify('${KEY_FORGOTTEN_CHANNEL}', astation_id)::text FROM forgotten`;

/** `$1` Astation, `$2` key, `$3` name of the store. No row: another key is registered. */
export const ADD_KEY = `
  WITH added AS (
    INSERT INTO astations (astation_id, public_key) VALUES ($1, $2)
    ON CONFLICT (astation_id) DO UPDATE SET provisional = false WHERE astations.public_key = excluded.public_key
    RETURNING astation_id
  ), audited AS (
    INSERT INTO audit_log (action, outcome, work_session_id) SELECT 'key_register', 'done', astation_id FROM added
  )
  SELECT pg_notify('${KEY_REGISTERED_CHANNEL}', $3 || ' ' || astation_id)::text FROM added`;

/** Payload: the id of an Astation that was banned. */
export const ASTATION_BANNED_CHANNEL = 'vault_relay_astation_banned';

/** Payload: the id of an Astation whose ban was lifted. */
export const ASTATION_UNBANNED_CHANNEL = 'vault_relay_astation_unbanned';

/**
 * Sessions and keys of the Astation end on every server. A second ban does nothing. `$1` Astation, `$2` who bans it (null: the
 * command line), `$3` request id, `$4` address.
 */
export const BAN = `
  WITH banned AS (
    INSERT INTO astation_bans (astation_id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING astation_id
  ), audited AS (
    INSERT INTO audit_log (action, outcome, work_session_id, client_id, request_id, address)
    SELECT 'astation_ban', 'done', astation_id, $2, $3, $4 FROM banned
  )
  SELECT pg_notify('${ASTATION_BANNED_CHANNEL}', banned.astation_id)::text,
    (SELECT count(pg_notify('${SESSION_ENDED_CHANNEL}', encode(id_hash, 'hex'))) FROM sessions
     WHERE sessions.astation_id = banned.astation_id AND status = 'granted') AS ended,
    (SELECT count(pg_notify('${SESSION_ENDED_CHANNEL}', encode(key_hash, 'hex'))) FROM api_keys
     WHERE work_session_id = banned.astation_id AND revoked_at IS NULL) AS ended_keys
  FROM banned`;

/** The same values. No row: it was not banned. */
export const UNBAN = `
  WITH unbanned AS (DELETE FROM astation_bans WHERE astation_id = $1 RETURNING astation_id), audited AS (
    INSERT INTO audit_log (action, outcome, work_session_id, client_id, request_id, address)
    SELECT 'astation_unban', 'done', astation_id, $2, $3, $4 FROM unbanned
  )
  SELECT pg_notify('${ASTATION_UNBANNED_CHANNEL}', astation_id)::text FROM unbanned`;

export const LIST_BANS = 'SELECT astation_id FROM astation_bans';

export const IS_BANNED = 'SELECT 1 FROM astation_bans WHERE astation_id = $1';

/** The number of keys in one sweep; each is announced. */
const SWEPT_AT_ONCE = 500;

/**
 * Forgets provisional keys after 30 days, and announces each like `FORGET_KEY`. A key stays if its Astation has a session
 * or a key of a program, perhaps from the command line, or a vault.
 */
export const SWEEP_KEYS = `
  WITH swept AS (
    DELETE FROM astations WHERE astation_id IN (
      SELECT a.astation_id FROM astations AS a
      WHERE a.provisional AND a.registered_at < now() - interval '30 days'
        AND NOT EXISTS (SELECT FROM sessions AS s WHERE s.astation_id = a.astation_id)
        AND NOT EXISTS (SELECT FROM api_keys AS k WHERE k.work_session_id = a.astation_id)
        AND NOT EXISTS (SELECT FROM vaults AS v WHERE v.work_session_id = a.astation_id)
      ORDER BY a.registered_at LIMIT ${SWEPT_AT_ONCE}
    ) AND provisional RETURNING astation_id
  )
  SELECT pg_notify('${KEY_FORGOTTEN_CHANNEL}', astation_id)::text FROM swept`;
