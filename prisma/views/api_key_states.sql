-- Keys as they stand by the database's clock, for the typed client. The hash of a key is not part of it.
--
-- `state` is live, expired or revoked. Times are texts to the microsecond, because the client's have milliseconds. They sort
-- as the times do. `work_session_id` and `id` sort by bytes.
CREATE VIEW api_key_states WITH (security_invoker = true) AS
SELECT id COLLATE "C" AS id, work_session_id COLLATE "C" AS work_session_id, name, client_id, scopes, vaults, created_by,
    CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN 'expired' ELSE 'live' END AS state,
    wire_time(created_at) COLLATE "C" AS created_at, wire_time(expires_at) AS expires_at,
    wire_time(last_used_at) AS last_used_at, wire_time(revoked_at) AS revoked_at
FROM api_keys;
