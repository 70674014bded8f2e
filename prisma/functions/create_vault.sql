-- Makes a vault with its first summary.
--
-- In:     `creation`: a JSON object of vault_id (fresh), summary, work_session_id, client_id, key, request_hash
--         (hexadecimal), session, request_id, address, author.
--         `max_vaults`: how many vaults a work session may have; 0 means no limit.
-- Out:    one row. `vault_id` and `seq` are of the vault and its newest row. `outcome` is one of the type
--         `vault_creation_outcome`:
--         written     the vault is made
--         replayed    the same request made a vault before, under the same key; the answer is that vault
--         key_reused  the key was used for another request
--         full        the work session has `max_vaults` vaults
--         taken       the id is not fresh; nothing is written, not even into the audit log
-- Locks:  with a key or a limit, an advisory lock of the work session until the end of the transaction. Creations take
--         turns, because two at the same time would both find no key, or room for one more.
-- VOLATILE: it writes, and each query must see what was committed before the lock was acquired.
-- Errors: SQLSTATE 55P03 or 57014 when the lock takes too long. Then nothing is written.
CREATE OR REPLACE FUNCTION create_vault(creation JSON, max_vaults BIGINT)
RETURNS TABLE (outcome TEXT, vault_id TEXT, seq BIGINT)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    w vault_write := json_populate_record(NULL::vault_write, creation);
    v vaults;
    made vault_row;
    known RECORD;
    decided vault_creation_outcome := 'written';
BEGIN
    IF w.key IS NOT NULL OR max_vaults > 0 THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('vault-relay create ' || w.work_session_id, 0));
    END IF;
    IF w.key IS NOT NULL THEN
        SELECT k.request_hash, k.vault_id INTO known FROM vault_creation_keys AS k
        WHERE k.work_session_id = w.work_session_id AND k.client_id = w.client_id AND k.key = w.key;
        IF FOUND AND known.request_hash = decode(w.request_hash, 'hex') THEN
            decided := 'replayed';
            vault_id := known.vault_id;
            SELECT head_seq INTO seq FROM vaults
            WHERE bucket = vault_bucket(known.vault_id) AND vault_id = known.vault_id;
        ELSIF FOUND THEN
            decided := 'key_reused';
        END IF;
    END IF;
    IF decided = 'written' AND max_vaults > 0
        AND (SELECT count(*) FROM vaults WHERE work_session_id = w.work_session_id) >= max_vaults THEN
        decided := 'full';
    END IF;
    IF decided = 'written' THEN
        w.op := 'summary';
        w.text := creation ->> 'summary';
        v.vault_id := w.vault_id;
        v.bucket := vault_bucket(w.vault_id);
        v.head_seq := 0;
        v.head_hash := decode(repeat('00', 32), 'hex');
        v.bytes := 0;
        made := new_vault_row(w, v, NULL, new_salt_seed());
        v := vault_after_row(v, made, w.op);
        INSERT INTO vaults (bucket, vault_id, summary, work_session_id, created_by, created_at, head_seq, head_hash,
            changed_at, summary_version, bytes)
        VALUES (v.bucket, v.vault_id, v.summary, w.work_session_id, w.client_id, made.created_at, v.head_seq, v.head_hash,
            v.changed_at, v.summary_version, v.bytes)
        ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            outcome := 'taken'::vault_creation_outcome;
            RETURN NEXT;
            RETURN;
        END IF;
        PERFORM store_vault_rows(ARRAY[made]);
        IF w.key IS NOT NULL THEN
            INSERT INTO vault_creation_keys (work_session_id, client_id, key, request_hash, bucket, vault_id)
            VALUES (w.work_session_id, w.client_id, w.key, decode(w.request_hash, 'hex'), v.bucket, w.vault_id);
        END IF;
        vault_id := w.vault_id;
        seq := made.seq;
    END IF;
    outcome := decided;
    INSERT INTO audit_log (bucket, action, outcome, vault_id, seq, work_session_id, client_id, session, request_id, address)
    VALUES (coalesce(vault_bucket(vault_id), 0), 'create', outcome, vault_id, seq, w.work_session_id, w.client_id,
        w.session, w.request_id, w.address);
    RETURN NEXT;
END
$$;
