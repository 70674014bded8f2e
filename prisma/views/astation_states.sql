-- Astations that have a key, a ban, or both, for the typed client. `sessions` counts the live ones of agents that are bound
-- to it. Times are texts to the microsecond, because the client's have milliseconds. `astation_id` sorts by bytes.
CREATE VIEW astation_states WITH (security_invoker = true) AS
SELECT astation_id COLLATE "C" AS astation_id, a.public_key,
    wire_time(a.registered_at) COLLATE "C" AS registered_at, wire_time(b.banned_at) AS banned_at,
    (SELECT count(*)::int FROM sessions AS s
     WHERE s.kind = 'session' AND s.astation_id = coalesce(a.astation_id, b.astation_id) AND s.status = 'granted'
        AND s.expires_at > now()) AS sessions
FROM astations AS a FULL JOIN astation_bans AS b USING (astation_id);
