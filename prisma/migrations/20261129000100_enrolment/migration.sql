-- Who may enrol, and what one Astation may hold.

-- Whoever knew a pending request could bind it before the person granted it.
UPDATE sessions SET astation_id = NULL WHERE status = 'pending' AND astation_id IS NOT NULL;

-- A key that was registered by its first proof is provisional until its Astation binds a session. Whoever can reach the
-- server can register one, so it is forgotten after 30 days, and the audit log begins with what it binds.
ALTER TABLE astations ADD COLUMN provisional BOOLEAN NOT NULL DEFAULT false;
UPDATE astations AS a SET provisional = true
WHERE NOT EXISTS (SELECT FROM sessions WHERE astation_id = a.astation_id)
  AND NOT EXISTS (SELECT FROM vaults WHERE work_session_id = a.astation_id)
  AND NOT EXISTS (SELECT FROM audit_log WHERE action = 'session_bind' AND outcome = 'done' AND work_session_id = a.astation_id);
-- Serves the sweep of provisional keys.
CREATE INDEX astations_by_standing ON astations (provisional, registered_at);
GRANT UPDATE (provisional) ON astations TO vault_relay_app;

-- An Astation has bound a session: its key stays, and the audit log has it from here on.
CREATE FUNCTION confirm_astation(the_astation TEXT, the_request TEXT, the_address TEXT) RETURNS VOID
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE astations SET provisional = false WHERE astation_id = the_astation AND provisional;
    IF FOUND THEN
        INSERT INTO audit_log (action, outcome, work_session_id, request_id, address)
        VALUES ('key_register', 'done', the_astation, the_request, the_address);
    END IF;
END
$$;

-- How many more sessions may be bound to an Astation. The lock makes bindings of one Astation take turns until the end
-- of the transaction. VOLATILE: the count sees what was committed before the lock was acquired.
CREATE FUNCTION bindings_left(the_astation TEXT, max_bound INT) RETURNS INT
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('vault-relay bind ' || the_astation, 0));
    RETURN max_bound - (
        SELECT count(*) FROM sessions
        WHERE astation_id = the_astation AND status = 'granted' AND expires_at > now());
END
$$;

-- Binds sessions (SHA-256 of their ids) to an Astation; with `exact` its bindings become exactly this set. A session that
-- nobody knows begins here, because the Astation vouches for it. The function skips sessions that are pending or ended,
-- and those of another Astation.
--
-- The answer: `outcome` is done, or full where the set would exceed `max_bound` and nothing changed; `bound` counts the
-- wanted sessions that are bound now; `dropped` has the hashes of those that no longer are.
CREATE FUNCTION bind_sessions(
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
    WHERE s.id_hash = ANY (wanted) OR (exact AND s.astation_id = the_astation)
    ORDER BY s.id_hash FOR UPDATE;
    held := ARRAY(
        SELECT s.id_hash FROM unnest(wanted) AS w (id) JOIN sessions AS s ON s.id_hash = w.id
        WHERE s.astation_id = the_astation AND s.status = 'granted' AND s.expires_at > now());
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
            WHERE s.astation_id = the_astation AND s.id_hash NOT IN (SELECT unnest(wanted))
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
        WHERE sessions.status = 'granted' AND (sessions.astation_id IS NULL OR sessions.astation_id = the_astation)
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
