-- Refuses every change of `vault_entries` except INSERT, for every role.
--
-- In:     the statement that fired the trigger `vault_entries_append_only`: UPDATE, DELETE or TRUNCATE, once a statement.
--         Only statement triggers can stop TRUNCATE, so one trigger names all three. It is ENABLE ALWAYS, because ordinary
--         triggers do not fire while a session replicates or restores.
-- Out:    nothing; it never returns.
-- Locks:  none.
-- VOLATILE (the default), because it raises an error.
-- Errors: SQLSTATE VR001, with a hint.
CREATE OR REPLACE FUNCTION refuse_change_of_vault_entries() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'vault_entries is append-only: % refused', TG_OP
        USING ERRCODE = 'VR001', HINT = 'Write a new version of the entry instead.';
END
$$;
