-- Moves the counter of an irregular vault past numbers that are taken. Such a vault was adopted from another server and may
-- have entries whose numbers its counter has not reached.
--
-- In:     `v`: the row of the vault. The caller holds its lock.
-- Out:    the same row, whose `next_entry_no` is free, or 2147483647. `gaps` rises by one for each number skipped, so that
--         the count of entries stays right.
-- Locks:  none.
-- VOLATILE: it must see the rows that were committed before the lock was acquired.
-- Errors: none.
CREATE OR REPLACE FUNCTION skip_taken_numbers(v vaults) RETURNS vaults
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    WHILE v.next_entry_no < 2147483647 AND EXISTS (
        SELECT FROM vault_entries AS e WHERE e.bucket = v.bucket AND e.vault_id = v.vault_id AND e.entry_no = v.next_entry_no)
    LOOP
        v.next_entry_no := v.next_entry_no + 1;
        v.gaps := v.gaps + 1;
    END LOOP;
    RETURN v;
END
$$;
