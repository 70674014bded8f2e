-- Sessions are kept by the SHA-256 of their id: who reads this table cannot act as any of them.
CREATE TABLE sessions (
    id_hash      BYTEA PRIMARY KEY CHECK (octet_length(id_hash) = 32),
    hostname     TEXT NOT NULL,
    status       TEXT NOT NULL CHECK (status IN ('pending', 'granted', 'denied', 'revoked')),
    astation_id  TEXT,
    created_at   TIMESTAMPTZ NOT NULL DEFAULT now(),
    last_used_at TIMESTAMPTZ,
    expires_at   TIMESTAMPTZ NOT NULL
);

-- Serves `session list` and the bindings of one Astation.
CREATE INDEX sessions_by_astation ON sessions (astation_id, created_at);

GRANT SELECT, INSERT, UPDATE ON sessions TO vault_relay_app;
