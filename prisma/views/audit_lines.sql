-- The audit log for the typed client. `wire_at` is `at` as a text to the microsecond, because the client's times have
-- milliseconds; it sorts as the time does. Bound `at` too, to the millisecond: the index of the table is for it.
CREATE VIEW audit_lines WITH (security_invoker = true) AS
SELECT id, at, wire_time(at) COLLATE "C" AS wire_at, action, outcome, vault_id, seq, work_session_id, client_id, session,
    request_id, address, bucket
FROM audit_log;
