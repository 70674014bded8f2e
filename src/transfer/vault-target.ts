import type pg from 'pg';
import { mayHaveRun, readFault } from '../db/pg-errors.ts';
import type { AppendOnlyClient } from '../db/prisma.ts';
import { bucketOf } from '../vault/bucket.ts';
import { ChainStore } from '../vault/proof/chain-store.ts';
import { formatMisfit, verifyVault } from '../vault/proof/verify-chains.ts';
import type { RowLine, VaultLine } from './format.ts';
import {
  AUDIT,
  FINISH_VAULT,
  INSERT_CREATION_KEY,
  INSERT_ROWS,
  INSERT_VAULT,
  INSERT_WRITE_KEYS,
  INSERT_WRITERS,
  SETTLE_NUMBERS,
} from './sql.ts';
import { findVault, type VaultFields } from './vaults.ts';

/** A vault as this server has it. */
export type KnownVault = VaultFields & { keys: number };

/** What follows from the rows of a vault. */
export interface FinishedVault {
  vault_id: string;
  writer_list: string[];
  next_entry_no: number;
  summary: string;
  summary_version: number;
  head_seq: number;
  head_hash: string;
  changed_at: string;
  versions: number;
  bytes: number;
}

/** The database that an import writes into: rows are inserted and nothing else, as the server may. */
export class VaultTarget {
  readonly #client: pg.Client;
  readonly #prisma: AppendOnlyClient;

  /** @param prisma on the same connection */
  constructor(client: pg.Client, prisma: AppendOnlyClient) {
    this.#client = client;
    this.#prisma = prisma;
  }

  async find(vaultId: string): Promise<KnownVault | undefined> {
    const vault = await findVault(this.#prisma, vaultId);
    return (
      vault && {
        ...vault,
        keys: await this.#prisma.vaultWriteKey.count({ where: { bucket: bucketOf(vaultId), vaultId } }),
      }
    );
  }

  async begin(vault: VaultLine): Promise<void> {
    await this.#client.query('BEGIN');
    await this.#client.query(INSERT_VAULT, [JSON.stringify(vault)]);
  }

  async add(rows: RowLine[]): Promise<void> {
    if (rows.length === 0) return;
    await this.#client.query(INSERT_ROWS, [JSON.stringify(rows)]);
    const keys = rows.flatMap(({ key, vault_id, seq }) => (key ? [{ ...key, vault_id, seq }] : []));
    if (keys.length > 0) await this.#client.query(INSERT_WRITE_KEYS, [JSON.stringify(keys)]);
  }

  /** Commits what `verify` accepts. @throws Error about the first thing that it does not */
  async commit(vault: VaultLine, finished: FinishedVault): Promise<void> {
    const { vault_id, work_session_id, creation_key: key } = vault;
    await this.#client.query(FINISH_VAULT, [JSON.stringify(finished)]);
    await this.#client.query(INSERT_WRITERS, [vault_id, finished.writer_list]);
    const misfit = await verifyVault(new ChainStore(this.#client), vault_id);
    if (misfit) throw new Error(`vault ${formatMisfit(misfit)}`);
    await this.#client.query(SETTLE_NUMBERS, [vault_id]);
    if (key) {
      const { client_id, request_hash } = key;
      const values = [work_session_id, client_id, key.key, request_hash, vault_id];
      await this.#client.query(INSERT_CREATION_KEY, values);
    }
    await this.#client.query(AUDIT, ['import', vault_id, work_session_id]);
    await this.#client.query('COMMIT').catch((error) => {
      if (!mayHaveRun(readFault(error))) throw error;
      throw new Error(
        `the connection to the database was lost before vault ${vault_id} was confirmed, so it may be imported; import the same file again`,
        { cause: error },
      );
    });
  }

  async rollback(): Promise<void> {
    await this.#client.query('ROLLBACK').catch(() => undefined); // a lost connection rolls back by itself
  }
}
