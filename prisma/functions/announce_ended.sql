-- Announces sessions that ended or lost their Astation, and the people who came from them, who end with them.
--
-- In:     `ended`: hashes of the sessions.
-- Out:    the hash of each announced session in hexadecimal digits, a row each.
-- Locks:  none. The caller has changed the rows of the sessions already. A person who signs in by one of them holds its row
--         (`FOR SHARE`), so that sign-in is either committed before the change, or finds the change.
-- VOLATILE: it must see the people who were committed before the locks of the change were acquired.
-- Errors: none.
CREATE OR REPLACE FUNCTION announce_ended(ended BYTEA[]) RETURNS TABLE (hash TEXT)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    FOR hash IN
        SELECT encode(id, 'hex') FROM unnest(ended) AS e (id)
        UNION
        SELECT encode(s.id_hash, 'hex') FROM sessions AS s
        WHERE s.parent_hash = ANY (ended) AND s.status = 'granted' AND s.expires_at > now()
    LOOP
        PERFORM pg_notify('vault_relay_session_ended', hash);
        RETURN NEXT;
    END LOOP;
END
$$;
