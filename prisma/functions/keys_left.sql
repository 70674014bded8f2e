-- How many more keys a work session may have.
--
-- In:     `the_work_session`: its id. `max_keys`: the limit.
-- Out:    the limit less the live keys of the work session.
-- Locks:  an advisory lock of the work session until the end of the transaction, so that its keys are made in turns.
-- VOLATILE: the count must see what was committed before the lock was acquired.
-- Errors: none.
CREATE OR REPLACE FUNCTION keys_left(the_work_session TEXT, max_keys INT) RETURNS INT
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('vault-relay key ' || the_work_session, 0));
    RETURN max_keys - (
        SELECT count(*) FROM api_keys
        WHERE work_session_id = the_work_session AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()));
END
$$;
