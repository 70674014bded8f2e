-- Binds sessions to an Astation. A session that the database does not know begins here, because the Astation vouches for it.
-- The function skips sessions that are pending or expired, those of another Astation, and those of people.
--
-- In:     `the_astation`: its id. `wanted`: SHA-256 of the ids of the sessions.
--         `exact`: whether the bindings become exactly this set, so that all others end.
--         `lifetime`: how long a binding lasts from now. `fresh`: a binding that lasts longer than this is not refreshed.
--         `max_bound`: how many sessions one Astation may hold.
--         `the_request`, `the_address`: request id and address for the audit log.
-- Out:    one row. `outcome`: done; or full, where the set would exceed `max_bound` and nothing changed.
--         `bound`: how many of the wanted sessions are bound now. `dropped`: hashes of the sessions that no longer are.
-- Locks:  the advisory lock of `bindings_left`, then the rows of `sessions` in the order of their hashes, so that two
--         Astations that want the same rows never deadlock.
-- VOLATILE: it writes, and each query must see what was committed before the locks were acquired.
-- Errors: none.
CREATE OR REPLACE FUNCTION bind_sessions(
    the_astation TEXT, wanted BYTEA[], exact BOOLEAN, lifetime INTERVAL, fresh INTERVAL, max_bound INT,
    the_request TEXT, the_address TEXT)
RETURNS TABLE (outcome TEXT, bound INT, dropped BYTEA[])
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    places INT;
    held BYTEA[];
    changed BYTEA[];
BEGIN
    places := bindings_left(the_astation, max_bound);
    -- In one order, so that Astations that want the same rows never wait for each other in a ring.
    PERFORM 1 FROM sessions AS s
    WHERE s.id_hash = ANY (wanted) OR (exact AND s.kind = 'session' AND s.astation_id = the_astation)
    ORDER BY s.id_hash FOR UPDATE;
    held := ARRAY(
        SELECT s.id_hash FROM unnest(wanted) AS w (id) JOIN sessions AS s ON s.id_hash = w.id
        WHERE s.kind = 'session' AND s.astation_id = the_astation AND s.status = 'granted' AND s.expires_at > now());
    outcome := 'done';
    dropped := '{}';
    bound := 0;
    IF cardinality(wanted) > (CASE WHEN exact THEN max_bound ELSE places + cardinality(held) END) THEN
        outcome := 'full';
        RETURN NEXT;
        RETURN;
    END IF;
    IF exact THEN
        WITH gone AS (
            UPDATE sessions AS s SET astation_id = NULL
            WHERE s.kind = 'session' AND s.astation_id = the_astation AND s.id_hash NOT IN (SELECT unnest(wanted))
            RETURNING s.id_hash
        ), audited AS (
            INSERT INTO audit_log (action, outcome, work_session_id, session, request_id, address)
            SELECT 'session_unbind', 'done', the_astation, left(encode(id_hash, 'hex'), 12), the_request, the_address
            FROM gone
        )
        SELECT coalesce(array_agg(id_hash), '{}') INTO dropped FROM gone;
    END IF;
    WITH bound_now AS (
        INSERT INTO sessions (id_hash, hostname, status, astation_id, last_used_at, expires_at)
        SELECT w.id, '', 'granted', the_astation, now(), now() + lifetime FROM unnest(wanted) AS w (id)
        WHERE NOT EXISTS (
            SELECT FROM sessions AS s
            WHERE s.id_hash = w.id AND s.astation_id = the_astation AND s.status = 'granted'
              AND s.expires_at > now() + fresh)
        ORDER BY 1
        ON CONFLICT (id_hash) DO UPDATE SET astation_id = the_astation, expires_at = excluded.expires_at
        WHERE sessions.kind = 'session' AND sessions.status = 'granted'
            AND (sessions.astation_id IS NULL OR sessions.astation_id = the_astation)
        RETURNING id_hash
    )
    SELECT coalesce(array_agg(id_hash), '{}') INTO changed FROM bound_now;
    IF changed <> '{}' THEN PERFORM confirm_astation(the_astation, the_request, the_address); END IF;
    INSERT INTO audit_log (action, outcome, work_session_id, session, request_id, address)
    SELECT 'session_bind', CASE WHEN w.id IN (SELECT unnest(changed)) THEN 'done' ELSE 'refused' END, the_astation,
        left(encode(w.id, 'hex'), 12), the_request, the_address
    FROM unnest(wanted) AS w (id) WHERE w.id NOT IN (SELECT unnest(held));
    bound := (SELECT count(*) FROM (SELECT unnest(held) UNION SELECT unnest(changed)) AS both_of_them);
    RETURN NEXT;
END
$$;
