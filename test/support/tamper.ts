import type pg from 'pg';

/** Runs statements as a superuser who disables every trigger first, and enables them afterwards. */
export async function withoutTriggers(admin: pg.Pool, sql: string): Promise<void> {
  const client = await admin.connect();
  try {
    await client.query(`
      BEGIN;
      ALTER TABLE vault_entries DISABLE TRIGGER ALL;
      ALTER TABLE vaults DISABLE TRIGGER ALL;
      ${sql};
      ALTER TABLE vault_entries ENABLE TRIGGER ALL, ENABLE ALWAYS TRIGGER vault_entries_append_only;
      ALTER TABLE vaults ENABLE TRIGGER ALL;
      COMMIT`);
  } finally {
    client.release(true);
  }
}
