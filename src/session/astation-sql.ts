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
