-- A time as it goes over the wire and into the hash of a row: RFC 3339 in UTC, to the microsecond.
--
-- In:     `value`: a time or NULL.
-- Out:    such as `2026-11-24T09:00:00.000000Z`; NULL for NULL.
-- Locks:  none.
-- STABLE, because to_char() is.
-- Errors: none.
--
-- PostgreSQL prepares a function in SQL again in each transaction in which PL/pgSQL calls it. `vault_row_hash`, which every
-- write calls, therefore has the same expression in its own body.
CREATE OR REPLACE FUNCTION wire_time(value TIMESTAMPTZ) RETURNS TEXT
LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT to_char(value AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') $$;
