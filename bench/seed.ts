import type pg from 'pg';
import { makeVaultId } from '../src/vault/vault-id.ts';
import { CALLER } from './stage.ts';

/** A text as agents write it. */
export const TEXT =
  'Decided: the session is a JWT in an HttpOnly cookie, 15 minutes, refreshed by /auth/refresh; see src/auth/session.ts.';

/** Makes an empty vault. @returns its id */
export async function seedVault(admin: pg.Pool): Promise<string> {
  const id = makeVaultId();
  await admin.query(
    `INSERT INTO vaults (vault_id, summary, work_session_id, created_by, created_at)
     VALUES ($1, 'bench', $2, $3, clock_timestamp())`,
    [id, CALLER.workSessionId, CALLER.clientId],
  );
  return id;
}

export const seedVaults = (admin: pg.Pool, count: number): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, () => seedVault(admin)));

/**
 * Makes a vault with so many entries, each with so many versions, written in rounds: all first versions, then all
 * second ones.
 * @returns its id
 */
export async function seedEntries(admin: pg.Pool, entries: number, versions = 1): Promise<string> {
  const id = await seedVault(admin);
  await admin.query(
    `INSERT INTO vault_entries (vault_id, entry_no, version, kind, writer_id, content, created_at)
     SELECT $1, entry_no, version, 'content', $2, $3 || ' ' || entry_no || '.' || version, clock_timestamp()
     FROM generate_series(1, $5::int) AS v (version), generate_series(1, $4::int) AS e (entry_no)
     ORDER BY version, entry_no`,
    [id, CALLER.clientId, TEXT, entries, versions],
  );
  await admin.query('UPDATE vaults SET next_entry_no = $2, writer_list = $3 WHERE vault_id = $1', [
    id,
    entries + 1,
    [CALLER.clientId],
  ]);
  return id;
}

/**
 * Fills a database with vaults, of which the caller can read 100: 90 of its work session, and 10 that it wrote into
 * from another one. The others belong to work sessions of 100 vaults each, and have three writers.
 */
export async function seedManyVaults(admin: pg.Pool, count: number): Promise<void> {
  await admin.query(
    `INSERT INTO vaults (vault_id, summary, work_session_id, created_by, created_at, writer_list)
     SELECT 'v-' || lpad(n::text, 10, '0'), 'Vault ' || n,
       CASE WHEN n <= 90 THEN $1 ELSE 'astation-' || n / 100 END,
       CASE WHEN n <= 90 THEN $2 ELSE 'client-' || n % 5000 END,
       clock_timestamp(),
       CASE WHEN n <= 100 THEN ARRAY[$2]
            ELSE ARRAY['client-' || n % 5000, 'client-' || (n + 1) % 5000, 'client-' || (n + 2) % 5000] END
     FROM generate_series(1, $3::int) AS n ORDER BY n * 7919 % 100003`,
    [CALLER.workSessionId, CALLER.clientId, count],
  );
}

/** Brings the planner's statistics and the visibility map up to date, as autovacuum does in time. */
export async function settle(admin: pg.Pool): Promise<void> {
  await admin.query('VACUUM ANALYZE');
  await admin.query('CHECKPOINT');
}
