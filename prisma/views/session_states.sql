-- Sessions as they stand by the database's clock, for the typed client.
--
-- `status` is what was decided, `state` the same or `expired`. `acts`: granted, alive, bound, and its Astation not banned.
-- Times are texts to the microsecond, because the client's have milliseconds. They sort as the times do.
-- `astation_id` sorts by bytes.
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
