-- Stores what the writes of one statement changed about a vault. The list of writers is not part of that.
--
-- In:     `v`: the row of the vault as it must be. The caller holds its lock.
-- Out:    nothing.
-- Locks:  the row of `vaults`, which the caller has locked already.
-- VOLATILE, because it writes.
-- Errors: none. An unknown vault changes nothing.
CREATE OR REPLACE FUNCTION store_vault_head(v vaults) RETURNS VOID
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE vaults SET
        summary = v.summary, next_entry_no = v.next_entry_no, gaps = v.gaps, head_seq = v.head_seq,
        head_hash = v.head_hash, changed_at = v.changed_at, summary_version = v.summary_version,
        versions = v.versions, bytes = v.bytes
    WHERE bucket = v.bucket AND vault_id = v.vault_id;
END
$$;
