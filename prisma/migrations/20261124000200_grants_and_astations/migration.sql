-- What a session needs between its request and its grant. The token can be read until it was fetched
-- or its time is up; of the OTP only a hash is kept.
ALTER TABLE sessions
    ADD COLUMN otp_hash        BYTEA,
    ADD COLUMN otp_tries       INT NOT NULL DEFAULT 0,
    ADD COLUMN token           TEXT,
    ADD COLUMN token_until     TIMESTAMPTZ;

-- The key that an Astation registered with first. Its bindings are the sessions that carry its id.
CREATE TABLE astations (
    astation_id   TEXT PRIMARY KEY,
    public_key    TEXT NOT NULL CHECK (public_key ~ '^04[0-9a-f]{128}$'),
    registered_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- Serves the sweep of sessions that ended long ago.
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

GRANT DELETE ON sessions TO vault_relay_app;
GRANT SELECT, INSERT, DELETE ON astations TO vault_relay_app;
