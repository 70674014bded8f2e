import type pg from 'pg';
import { SEALED_PREFIX } from './sealed.ts';

/** A row of a vault. */
export interface RowPlace {
  vaultId: string;
  seq: number;
}

/**
 * Finds rows that an older server or another relay let in, although atems take them for sealed. Reads every text, so
 * it belongs where the database is migrated.
 * @returns at most `limit` of them, in no order
 */
export async function findSealedRows(client: pg.Client, limit: number): Promise<RowPlace[]> {
  const { rows } = await client.query<{ vault_id: string; seq: string }>(
    'SELECT vault_id, seq::text FROM vault_entries WHERE starts_with(content, $1) LIMIT $2',
    [SEALED_PREFIX, limit],
  );
  return rows.map(({ vault_id, seq }) => ({ vaultId: vault_id, seq: Number(seq) }));
}
