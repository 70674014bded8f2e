-- Recounts the rows of content of a vault: `next_entry_no`, `gaps`, `versions` and `irregular`. The counter
-- goes past every entry up to 1,000,000. An entry with a higher number keeps it, and the numbers before it stay free.
--
-- In:     `the_vault_id`: an adopted or imported vault whose rows are all stored.
-- Out:    nothing.
-- Locks:  the row of `vaults`, until the end of the transaction.
-- VOLATILE: it writes, and it must see the rows that were committed while it waited for the lock.
-- Errors: none. An unknown vault changes nothing.
CREATE OR REPLACE FUNCTION settle_vault_numbers(the_vault_id TEXT) RETURNS VOID
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    the_bucket INT := vault_bucket(the_vault_id);
    counter INT;
    numbers RECORD;
BEGIN
    SELECT v.next_entry_no INTO counter FROM vaults AS v WHERE v.bucket = the_bucket AND v.vault_id = the_vault_id
    FOR NO KEY UPDATE;
    SELECT count(DISTINCT e.entry_no)::int AS entries, count(*) AS versions,
        min(e.entry_no) AS lowest, max(e.entry_no) AS highest,
        greatest(counter, max(e.entry_no) FILTER (WHERE e.entry_no <= 1000000) + 1) AS next
    INTO numbers
    FROM vault_entries AS e WHERE e.bucket = the_bucket AND e.vault_id = the_vault_id AND e.kind = 'content';
    UPDATE vaults SET
        next_entry_no = numbers.next, gaps = numbers.next - 1 - numbers.entries, versions = numbers.versions,
        irregular = coalesce(numbers.lowest < 1 OR numbers.highest >= numbers.next, false) OR EXISTS (
            SELECT FROM (
                SELECT e.version < lag(e.version) OVER (PARTITION BY e.entry_no ORDER BY e.seq) AS goes_back
                FROM vault_entries AS e WHERE e.bucket = the_bucket AND e.vault_id = the_vault_id
            ) AS by_seq WHERE goes_back)
    WHERE bucket = the_bucket AND vault_id = the_vault_id;
END
$$;
