-- Made from prisma/functions by `npm run functions:migration`. Change the files there and make the next migration.

-- Finds where a vault was at a moment, without an index on time.
--
-- In:     `the_bucket`, `the_vault`: a vault. `head`: a `seq` at which the search ends. `moment`: a time.
-- Out:    a `seq`: the rows up to it were written at the moment or before, those behind it later. 0: none was.
-- Locks:  none.
-- STABLE: one step into the primary key for each halving, so 20 steps for a million rows.
-- Errors: none.
--
-- Times follow `seq`, because the lock of the vault gives both. Where the clock was set back, and in an adopted vault, they
-- may not; there the row at the answer was written at the moment or before, and the one behind it later.
CREATE OR REPLACE FUNCTION vault_seq_at(the_bucket INT, the_vault TEXT, head BIGINT, moment TIMESTAMPTZ) RETURNS BIGINT
LANGUAGE plpgsql STABLE AS $$
DECLARE
    low BIGINT := 0;
    high BIGINT := head;
    middle BIGINT;
    found_seq BIGINT;
    found_at TIMESTAMPTZ;
BEGIN
    WHILE low < high LOOP
        middle := low + (high - low + 1) / 2;
        SELECT e.seq, e.created_at INTO found_seq, found_at FROM vault_entries AS e
        WHERE e.bucket = the_bucket AND e.vault_id = the_vault AND e.seq > low AND e.seq <= middle
        ORDER BY e.seq DESC LIMIT 1;
        IF found_at IS NULL OR found_at <= moment THEN
            low := middle;
        ELSE
            high := found_seq - 1;
        END IF;
    END LOOP;
    RETURN low;
END
$$;
