-- Refuses every change of `audit_log` except INSERT, for every role.
--
-- In:     the statement that fired the trigger `audit_log_append_only`: UPDATE, DELETE or TRUNCATE, once a statement. It is
--         ENABLE ALWAYS, as the trigger of `vault_entries` is.
-- Out:    nothing; it never returns.
-- Locks:  none.
-- VOLATILE (the default), because it raises an error.
-- Errors: SQLSTATE VR001.
CREATE OR REPLACE FUNCTION refuse_change_of_audit_log() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_log is append-only: % refused', TG_OP USING ERRCODE = 'VR001';
END
$$;
