-- Sessions of agents and of people as they stand by the database's clock, for the typed client.
--
-- `status` is what was decided, `state` the same or `expired`. `acts`: granted and alive, for an agent also bound, and its
-- Astation not banned. A person who came from a session of an Astation acts while that session is bound to it.
-- Times are texts to the microsecond, because the client's have milliseconds. They sort as the times do.
-- `astation_id` sorts by bytes.
CREATE VIEW session_states WITH (security_invoker = true) AS
SELECT id_hash, encode(id_hash, 'hex') AS hash, kind, person_id,
    (SELECT p.name FROM people AS p WHERE p.id = s.person_id) AS person_name, role, hostname, status,
    CASE WHEN status IN ('pending', 'granted') AND expires_at <= now() THEN 'expired' ELSE status END AS state,
    astation_id COLLATE "C" AS astation_id,
    status = 'granted' AND expires_at > now() AND (astation_id IS NOT NULL OR kind = 'person')
        AND NOT EXISTS (SELECT FROM astation_bans AS b WHERE b.astation_id = s.astation_id)
        AND (parent_hash IS NULL OR EXISTS (
            SELECT FROM sessions AS p
            WHERE p.id_hash = s.parent_hash AND p.status = 'granted' AND p.astation_id = s.astation_id)) AS acts,
    greatest(0, extract(epoch FROM expires_at - now()))::float8 * 1000 AS remaining_ms,
    wire_time(created_at) COLLATE "C" AS created_at, wire_time(last_used_at) AS last_used_at,
    wire_time(expires_at) AS expires_at
FROM sessions AS s;
