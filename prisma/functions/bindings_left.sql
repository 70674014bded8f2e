-- How many more sessions may be bound to an Astation.
--
-- In:     `the_astation`: its id. `max_bound`: the limit.
-- Out:    the limit less the live sessions of agents that are bound now; negative when there are more than that.
-- Locks:  an advisory lock of the Astation until the end of the transaction, so that its bindings take turns.
-- VOLATILE: the count must see what was committed before the lock was acquired.
-- Errors: none.
CREATE OR REPLACE FUNCTION bindings_left(the_astation TEXT, max_bound INT) RETURNS INT
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('vault-relay bind ' || the_astation, 0));
    RETURN max_bound - (
        SELECT count(*) FROM sessions
        WHERE kind = 'session' AND astation_id = the_astation AND status = 'granted' AND expires_at > now());
END
$$;
