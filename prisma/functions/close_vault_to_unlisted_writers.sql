-- Removes from `vault_writers` each client that an UPDATE removes from `vaults.writer_list`. A server of a version before
-- `vault_writers` removes a writer from that list only, and the removal must hold for every server.
--
-- In:     OLD and NEW row of `vaults`, from the trigger `vaults_close_to_unlisted_writers`, which fires when the list shrinks.
-- Out:    NULL, which PostgreSQL ignores after a row.
-- Locks:  the removed rows of `vault_writers`. The UPDATE already holds the lock of the vault.
-- VOLATILE (the default), because it deletes rows.
-- Errors: none.
CREATE OR REPLACE FUNCTION close_vault_to_unlisted_writers() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM vault_writers
    WHERE bucket = NEW.bucket AND vault_id = NEW.vault_id
        AND client_id = ANY (OLD.writer_list) AND client_id <> ALL (NEW.writer_list);
    RETURN NULL;
END
$$;
