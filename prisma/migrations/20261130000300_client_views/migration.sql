-- Views for the typed client, whose queries can name neither the database's clock, nor microseconds, nor the order of bytes.
-- A role that reads a view needs the rights on the tables behind it.
CREATE VIEW session_states WITH (security_invoker = true) AS
SELECT id_hash, encode(id_hash, 'hex') AS hash, hostname, status,
    CASE WHEN status IN ('pending', 'granted') AND expires_at <= now() THEN 'expired' ELSE status END AS state,
    astation_id COLLATE "C" AS astation_id,
    status = 'granted' AND expires_at > now() AND astation_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM astation_bans AS b WHERE b.astation_id = s.astation_id) AS acts,
    greatest(0, extract(epoch FROM expires_at - now()))::float8 * 1000 AS remaining_ms,
    wire_time(created_at) COLLATE "C" AS created_at, wire_time(last_used_at) AS last_used_at,
    wire_time(expires_at) AS expires_at
FROM sessions AS s;

CREATE VIEW astation_states WITH (security_invoker = true) AS
SELECT astation_id COLLATE "C" AS astation_id, a.public_key,
    wire_time(a.registered_at) COLLATE "C" AS registered_at, wire_time(b.banned_at) AS banned_at,
    (SELECT count(*)::int FROM sessions AS s
     WHERE s.astation_id = coalesce(a.astation_id, b.astation_id) AND s.status = 'granted' AND s.expires_at > now()) AS sessions
FROM astations AS a FULL JOIN astation_bans AS b USING (astation_id);

CREATE VIEW audit_lines WITH (security_invoker = true) AS
SELECT id, at, wire_time(at) COLLATE "C" AS wire_at, action, outcome, vault_id, seq, work_session_id, client_id, session,
    request_id, address
FROM audit_log;

CREATE VIEW vault_lines WITH (security_invoker = true) AS
SELECT v.vault_id, v.vault_id COLLATE "C" AS by_bytes, v.work_session_id, v.created_by, wire_time(v.created_at) AS created_at,
    v.writer_list || ARRAY(
        SELECT w.client_id FROM vault_writers AS w
        WHERE w.vault_id = v.vault_id AND w.client_id <> ALL (v.writer_list) ORDER BY w.client_id COLLATE "C") AS writer_list,
    v.next_entry_no, v.head_seq, encode(v.head_hash, 'hex') AS head_hash, k.client_id AS key_client_id, k.key,
    encode(k.request_hash, 'hex') AS key_hash
FROM vaults AS v LEFT JOIN vault_creation_keys AS k ON k.vault_id = v.vault_id;

GRANT SELECT ON session_states, astation_states, audit_lines, vault_lines TO vault_relay_app;
