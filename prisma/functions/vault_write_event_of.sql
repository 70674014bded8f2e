-- The audit row of one write. It stores nothing.
--
-- In:     `w`: the write. `outcome`: what became of it. `seq`: of its row, or NULL where there is none. `bucket`: of its vault.
-- Out:    the fields of the row of `audit_log`, without the text of the write.
-- Locks:  none.
-- IMMUTABLE, because the result follows from the arguments alone.
-- Errors: none.
CREATE OR REPLACE FUNCTION vault_write_event_of(w vault_write, outcome TEXT, seq BIGINT, bucket INT) RETURNS vault_write_event
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    event vault_write_event;
BEGIN
    event.bucket := bucket;
    event.action := w.op;
    event.outcome := outcome;
    event.vault_id := w.vault_id;
    event.seq := seq;
    event.work_session_id := w.work_session_id;
    event.client_id := w.client_id;
    event.session := w.session;
    event.request_id := w.request_id;
    event.address := w.address;
    RETURN event;
END
$$;
