-- Astations and sessions of a newer relay server, where its tables are there: their Astations prove the same keys here, and
-- their sessions go on. The tables stay as they are; an administrator should drop them, because they hold the ids of
-- sessions in clear.

-- `astation_keys`: astation_id, public_key (hexadecimal), registered_at (seconds since 1970).
DO $$
BEGIN
    IF 3 = (
        SELECT count(*) FROM pg_attribute
        WHERE attrelid = to_regclass('astation_keys') AND NOT attisdropped
            AND (attname, atttypid::regtype::text) IN (
                ('astation_id', 'text'), ('public_key', 'text'), ('registered_at', 'bigint')))
    THEN
        WITH added AS (
            INSERT INTO astations (astation_id, public_key, registered_at)
            SELECT astation_id, lower(public_key), to_timestamp(registered_at) FROM astation_keys
            WHERE lower(public_key) ~ '^04[0-9a-f]{128}$'
                AND octet_length(astation_id) BETWEEN 1 AND 255 AND astation_id !~ '[[:cntrl:]]'
            ON CONFLICT DO NOTHING
            RETURNING astation_id
        )
        INSERT INTO audit_log (action, outcome, work_session_id)
        SELECT 'key_register', 'imported', astation_id FROM added;
    END IF;
END
$$;

-- `session_bindings`: session_id, astation_id, created_at, last_used_at (seconds since 1970). A binding ends 7 days after
-- its last use, as sessions do. At most 1,000 sessions are bound to one Astation: those that were used last.
DO $$
BEGIN
    IF 4 = (
        SELECT count(*) FROM pg_attribute
        WHERE attrelid = to_regclass('session_bindings') AND NOT attisdropped
            AND (attname, atttypid::regtype::text) IN (
                ('session_id', 'text'), ('astation_id', 'text'), ('created_at', 'bigint'), ('last_used_at', 'bigint')))
    THEN
        WITH live AS (
            SELECT sha256(convert_to(session_id, 'UTF8')) AS id_hash, astation_id,
                to_timestamp(created_at) AS created_at, least(to_timestamp(last_used_at), now()) AS last_used_at,
                row_number() OVER (PARTITION BY astation_id ORDER BY last_used_at DESC, session_id) AS place
            FROM session_bindings
            WHERE session_id COLLATE "C" ~ '^[!-~]{16,128}$'
                AND to_timestamp(last_used_at) > now() - interval '7 days'
                AND octet_length(astation_id) BETWEEN 1 AND 255 AND astation_id !~ '[[:cntrl:]]'
        ), added AS (
            INSERT INTO sessions (id_hash, hostname, status, astation_id, created_at, last_used_at, expires_at)
            SELECT id_hash, '', 'granted', astation_id, created_at, last_used_at, last_used_at + interval '7 days'
            FROM live WHERE place <= 1000
            ON CONFLICT DO NOTHING
            RETURNING id_hash, astation_id
        )
        INSERT INTO audit_log (action, outcome, work_session_id, session)
        SELECT 'session_bind', 'imported', astation_id, left(encode(id_hash, 'hex'), 12) FROM added;
    END IF;
END
$$;
