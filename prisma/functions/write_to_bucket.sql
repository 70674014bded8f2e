-- The same as `write_to_vaults`, for vaults of one bucket. A distributed database can send this call to where the bucket is,
-- because its first argument says so.
--
-- In:     `the_bucket`: the bucket of every vault of `writes`. The other arguments are those of `write_to_vaults`.
-- Out:    that of `write_to_vaults`.
-- Locks:  those of `write_to_vaults`.
-- VOLATILE: see `write_to_vaults`.
-- Errors: SQLSTATE 22023 when a vault is of another bucket, and those of `write_to_vaults`. Then nothing is written.
CREATE OR REPLACE FUNCTION write_to_bucket(the_bucket INT, writes JSON, max_entries BIGINT, max_bytes BIGINT)
RETURNS TABLE (place INT, outcome TEXT, entry_no INT, version INT, seq BIGINT, current JSON)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF EXISTS (
        SELECT FROM json_populate_recordset(NULL::vault_write, writes) AS asked
        WHERE vault_bucket(asked.vault_id) IS DISTINCT FROM the_bucket)
    THEN
        RAISE invalid_parameter_value USING MESSAGE = format('a vault is not of bucket %s', the_bucket);
    END IF;
    RETURN QUERY SELECT * FROM write_to_vaults(writes, max_entries, max_bytes);
END
$$;
