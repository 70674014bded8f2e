-- Ends the provisional standing of an Astation, because it has bound a session: its key stays, and the audit log records it.
--
-- In:     `the_astation`: its id. `the_request`, `the_address`: request id and address for the audit log.
-- Out:    nothing. An Astation that is unknown, or not provisional, changes nothing.
-- Locks:  the row of `astations`.
-- VOLATILE, because it writes.
-- Errors: none.
CREATE OR REPLACE FUNCTION confirm_astation(the_astation TEXT, the_request TEXT, the_address TEXT) RETURNS VOID
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE astations SET provisional = false WHERE astation_id = the_astation AND provisional;
    IF FOUND THEN
        INSERT INTO audit_log (action, outcome, work_session_id, request_id, address)
        VALUES ('key_register', 'done', the_astation, the_request, the_address);
    END IF;
END
$$;
