-- Made from prisma/functions by `npm run functions:migration`. Change the files there and make the next migration.

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
