-- Astations that the operator keeps out. A ban names an id, whether or not a key is registered for it.
CREATE TABLE astation_bans (
    astation_id TEXT PRIMARY KEY,
    banned_at   TIMESTAMPTZ NOT NULL DEFAULT now()
);

GRANT SELECT, INSERT, DELETE ON astation_bans TO vault_relay_app;
