-- Makes the row that a write adds to its vault. It stores nothing.
--
-- In:     `w`: a write that is allowed. `v`: the row of its vault, as the write before left it; the caller holds its lock.
--         `top`: the highest version of the entry that an override or a summary continues; NULL for a new entry.
--         `seed`: `new_salt_seed()` of the statement.
-- Out:    the row, with the next `seq` of its vault, a fresh salt and its hash. Its author is the credential that the server
--         proved (`w.author`). Where the server is of a version without that field, it is the session. An append takes the
--         number of the vault's counter. Tags that the write does not name stay as they are in `top`.
-- Locks:  none. The lock of the vault makes `seq` order commit order within the vault.
-- VOLATILE, because it reads the clock.
-- Errors: none.
CREATE OR REPLACE FUNCTION new_vault_row(w vault_write, v vaults, top vault_row, seed BYTEA) RETURNS vault_row
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    made vault_row;
BEGIN
    made.bucket := v.bucket;
    made.seq := v.head_seq + 1;
    made.vault_id := v.vault_id;
    made.entry_no := CASE w.op WHEN 'append' THEN v.next_entry_no WHEN 'summary' THEN 0 ELSE top.entry_no END;
    made.version := coalesce(top.version, 0) + 1;
    made.kind := CASE w.op WHEN 'summary' THEN 'summary' ELSE 'content' END;
    made.writer_id := w.client_id;
    made.author := coalesce(w.author, 'session:' || w.session, '');
    made.addressees := '{}';
    made.content := w.text;
    made.created_at := clock_timestamp();
    made.tags := coalesce(w.tags, top.tags, '{}');
    -- PostgreSQL's random bytes take longer than a hash of them, so the rows of one statement share a seed that is kept nowhere.
    made.salt := substr(sha256(seed || v.head_hash), 1, 16);
    made.hash := vault_row_hash(v.head_hash, made);
    RETURN made;
END
$$;
