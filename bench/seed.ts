import type pg from 'pg';
import { CREATE, makeVaultId } from '../src/vault/write/create-store.ts';
import { CALLER } from './stage.ts';

/** A text like those of real agents. */
export const TEXT =
  'Decided: the session is a JWT in an HttpOnly cookie, 15 minutes, refreshed by /auth/refresh; see src/auth/session.ts.';

/** Makes an empty vault with the server's statement. @returns its id */
export async function seedVault(admin: pg.Pool): Promise<string> {
  const vault_id = makeVaultId();
  const creation = {
    vault_id,
    summary: 'bench',
    work_session_id: CALLER.workSessionId,
    client_id: CALLER.clientId,
  };
  await admin.query(CREATE, [JSON.stringify(creation), 0]);
  return vault_id;
}

export async function seedVaults(admin: pg.Pool, count: number): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) ids.push(await seedVault(admin));
  return ids;
}

/** Writes per seeding statement. */
const PORTION = 1000;

/**
 * Makes a vault with this many entries and versions, written in rounds: all first versions, then all second ones.
 * The server's own function writes every row, so that its hash is correct.
 * @returns its id
 */
export async function seedEntries(admin: pg.Pool, entries: number, versions = 1): Promise<string> {
  const id = await seedVault(admin);
  for (let from = 0; from < entries * versions; from += PORTION) {
    await admin.query(
      `SELECT count(*) FROM (
         SELECT json_agg(json_build_object(
           'place', n, 'op', CASE WHEN n < $3 THEN 'append' ELSE 'override' END, 'entry_no', n % $3 + 1, 'vault_id', $1::text,
           'work_session_id', $2::text, 'client_id', $4::text, 'text', $5::text || ' ' || n)) AS writes
         FROM generate_series($6::bigint, $7::bigint) AS n) AS portion,
       write_to_vaults(portion.writes, 0, 0)`,
      [
        id,
        CALLER.workSessionId,
        entries,
        CALLER.clientId,
        TEXT,
        from,
        Math.min(from + PORTION, entries * versions) - 1,
      ],
    );
  }
  return id;
}

/**
 * Fills a database with vaults. The caller can read 100 of them: 90 of its work session, and 10 of another one that it
 * wrote into. The others belong to work sessions of 100 vaults each, and have three writers each.
 */
export async function seedManyVaults(admin: pg.Pool, count: number): Promise<void> {
  await admin.query(
    `SELECT count(created.seq) FROM generate_series(1, $3::int) AS n,
       create_vault(json_build_object(
         'vault_id', 'v-' || lpad(n::text, 10, '0'), 'summary', 'Vault ' || n,
         'work_session_id', CASE WHEN n <= 90 THEN $1 ELSE 'astation-' || n / 100 END,
         'client_id', CASE WHEN n <= 90 THEN $2 ELSE 'client-' || n % 5000 END), 0) AS created`,
    [CALLER.workSessionId, CALLER.clientId, count],
  );
  await admin.query(
    `INSERT INTO vault_writers (bucket, vault_id, client_id)
     SELECT vault_bucket(vault_id), vault_id, CASE WHEN n <= 100 THEN $1 ELSE 'client-' || (n + more) % 5000 END
     FROM (SELECT vault_id, substr(vault_id, 3)::int AS n FROM vaults) AS numbered, generate_series(0, 2) AS more
     WHERE n > 100 OR more = 0`,
    [CALLER.clientId],
  );
}

/** Makes a vault with this many writers, who wrote once each. @returns its id */
export async function seedWriters(admin: pg.Pool, count: number): Promise<string> {
  const id = await seedVault(admin);
  for (let from = 0; from < count; from += PORTION) {
    await admin.query(
      `SELECT count(*) FROM (
         SELECT json_agg(json_build_object('place', n, 'op', 'append', 'vault_id', $1::text, 'work_session_id', $2::text,
           'client_id', md5(n::text)::uuid, 'text', $3::text)) AS writes
         FROM generate_series($4::bigint, $5::bigint) AS n) AS portion,
       write_to_vaults(portion.writes, 0, 0)`,
      [id, CALLER.workSessionId, TEXT, from, Math.min(from + PORTION, count) - 1],
    );
  }
  return id;
}

/** Updates the planner's statistics and the visibility map, as autovacuum eventually does. */
export async function settle(admin: pg.Pool): Promise<void> {
  await admin.query('VACUUM ANALYZE');
  await admin.query('CHECKPOINT');
}
