-- How many more people may sign in by a session of an Astation.
--
-- In:     `the_parent`: hash of the session. `max_people`: the limit.
-- Out:    the limit less the people who are signed in by it.
-- Locks:  an advisory lock of the session until the end of the transaction, so that people sign in by it in turns.
-- VOLATILE: the count must see what was committed before the lock was acquired.
-- Errors: none.
CREATE OR REPLACE FUNCTION sign_ins_left(the_parent BYTEA, max_people INT) RETURNS INT
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('vault-relay sign in ' || encode(the_parent, 'hex'), 0));
    RETURN max_people - (
        SELECT count(*) FROM sessions
        WHERE parent_hash = the_parent AND status = 'granted' AND expires_at > now());
END
$$;
