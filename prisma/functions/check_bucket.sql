-- Refuses a row in another bucket than that of its vault. A CHECK would do the same, but PostgreSQL prepares each CHECK of a
-- table for each statement that writes into it, and writes update their vault.
--
-- In:     NEW row, from the triggers `…_bucket`, which fire for a new row and where bucket or vault change.
-- Out:    the row as it is.
-- Locks:  none.
-- VOLATILE (the default), as triggers are.
-- Errors: SQLSTATE 23514 for another bucket.
CREATE OR REPLACE FUNCTION check_bucket() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.bucket <> vault_bucket(NEW.vault_id) THEN
        RAISE check_violation USING MESSAGE = format('vault %L is not of bucket %s', NEW.vault_id, NEW.bucket);
    END IF;
    RETURN NEW;
END
$$;
