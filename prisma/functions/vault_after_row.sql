-- The row of a vault after one more entry or summary: head, counts and summary. It stores nothing.
--
-- In:     `v`: the row of the vault before. `made`: the row that was made. `op`: append, override or summary.
-- Out:    the new row of the vault. Only an append moves the counter: an override of an
--         irregular vault may have the number that the counter has reached.
-- Locks:  none.
-- IMMUTABLE, because the result follows from the arguments alone.
-- Errors: none.
CREATE OR REPLACE FUNCTION vault_after_row(v vaults, made vault_row, op TEXT) RETURNS vaults
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    v.head_seq := made.seq;
    v.head_hash := made.hash;
    v.changed_at := made.created_at;
    v.bytes := v.bytes + octet_length(made.content);
    IF op = 'summary' THEN
        v.summary := made.content;
        v.summary_version := made.version;
    ELSE
        v.versions := v.versions + 1;
        IF op = 'append' THEN v.next_entry_no := v.next_entry_no + 1; END IF;
    END IF;
    RETURN v;
END
$$;
