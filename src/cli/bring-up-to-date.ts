import type { Logger } from 'pino';
import { withConnection } from '../db/connection.ts';
import { migrate } from '../db/migrate.ts';
import { findSealedRows } from '../vault/write/sealed-store.ts';

/** Lines that the log gets at most. */
const MAX_NAMED = 20;

async function nameSealedRows(url: string, log: Logger): Promise<void> {
  const rows = await withConnection(url, (client) => findSealedRows(client, MAX_NAMED + 1));
  for (const { vaultId, seq } of rows.slice(0, MAX_NAMED)) {
    log.warn({ vault: vaultId, seq }, 'This row begins with "e1.", so newer atems cannot read its vault');
  }
  if (rows.length > MAX_NAMED) log.warn(`More than ${MAX_NAMED} rows begin with "e1."`);
}

/**
 * Migrates the database. When that changed anything, the log names the rows that came with it and that newer atems
 * cannot read; every write path of this server refuses such rows.
 * @returns names of the migrations applied now
 * @throws MigrationError as `migrate`
 */
export async function bringUpToDate(url: string, log: Logger): Promise<string[]> {
  const applied = await migrate(url);
  if (applied.length > 0) await nameSealedRows(url, log);
  return applied;
}
