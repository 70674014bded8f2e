import pg from 'pg';
import { PORTION_OF_ROWS, streamRows, streamVaultRows } from '../../db/connection.ts';
import { statementName } from '../../db/statement-name.ts';
import type { StoredRow, VaultRecord } from './chain-check.ts';

/** Before every seq, whatever stands in the column. */
const BEFORE_ALL = '-9223372036854775808';

/** A time as it goes into the hash; one that has no such form as PostgreSQL writes it, such as `infinity`. */
const time = (column: string) => `
  CASE WHEN ${column} >= '0001-01-01Z' AND ${column} < '10000-01-01Z'
    THEN to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') ELSE ${column}::text END AS ${column}`;

/** `$1` the vault; null: all. */
const VAULT_IDS = `
  SELECT bucket, vault_id FROM vaults
  WHERE $1::text IS NULL OR bucket = vault_bucket($1) AND vault_id = $1 ORDER BY vault_id COLLATE "C"`;

/** `$1` the vault. */
const VAULT = `
  SELECT vault_id, created_by, writer_list, summary, summary_version, next_entry_no, versions, bytes, head_seq,
    encode(head_hash, 'hex') AS head_hash, ${time('changed_at')},
    EXISTS (
      SELECT FROM vault_entries AS e
      WHERE e.bucket = v.bucket AND e.vault_id = v.vault_id AND e.entry_no = 0 AND e.version = 1 AND e.created_at <> v.created_at
    ) AS is_adopted
  FROM vaults AS v WHERE bucket = vault_bucket($1) AND vault_id = $1`;

const ROWS = `
  WITH ${PORTION_OF_ROWS}
  SELECT seq, (SELECT ahead FROM portion), entry_no, version, kind, writer_id, content, tags,
    encode(hash, 'hex') AS hash, ${time('created_at')}, author, addressees AS to, encode(salt, 'hex') AS salt
  FROM vault_entries WHERE bucket = vault_bucket($1) AND vault_id = $1 AND seq > $2::bigint AND seq <= (SELECT last FROM portion) ORDER BY seq`;

/** `$1` the vault. */
const WRITERS =
  'SELECT client_id FROM vault_writers WHERE bucket = vault_bucket($1) AND vault_id = $1 ORDER BY client_id COLLATE "C"';

const STRAYS = `
  SELECT DISTINCT ON (vault_id COLLATE "C") vault_id, seq, entry_no, version FROM vault_entries AS e
  WHERE NOT EXISTS (SELECT FROM vaults AS v WHERE v.bucket = e.bucket AND v.vault_id = e.vault_id) ORDER BY vault_id COLLATE "C", seq`;

type Text<T, Keys extends keyof T> = Omit<T, Keys> & Record<Keys, string>;

type Stray = Pick<StoredRow, 'seq' | 'entry_no' | 'version'> & { vault_id: string };

/** Rows that PostgreSQL fails to read. The message is PostgreSQL's. */
export class UnreadableError extends Error {
  override readonly name = 'UnreadableError';
}

/** Chains as they stand, read within the transaction that is open, in portions and past every function of the database. */
export class ChainStore {
  readonly #client: pg.Client;

  constructor(client: pg.Client) {
    this.#client = client;
  }

  /** Yields id and bucket of every vault, or of the one that is named. */
  vaultIds(vaultId?: string): AsyncGenerator<{ vault_id: string; bucket: number }> {
    return streamRows(this.#client, VAULT_IDS, [vaultId ?? null]);
  }

  /** @returns the columns of an existing vault that follow from its rows */
  async vault(vaultId: string): Promise<VaultRecord> {
    type Row = Text<VaultRecord, 'versions' | 'bytes' | 'head_seq'>;
    const query = { name: statementName(VAULT), text: VAULT, values: [vaultId] };
    const [row] = (await this.#client.query<Row>(query)).rows;
    if (!row) throw new UnreadableError('its index and its table disagree');
    const { versions, bytes, head_seq, ...vault } = row;
    return { ...vault, versions: Number(versions), bytes: Number(bytes), head_seq: Number(head_seq) };
  }

  /** Yields the rows of a vault by seq. */
  async *rows(vaultId: string): AsyncGenerator<StoredRow> {
    const rows = streamVaultRows<Text<StoredRow, 'seq'>>(this.#client, ROWS, { vaultId, after: BEFORE_ALL });
    for await (const row of rows) yield { ...row, seq: Number(row.seq) };
  }

  /**
   * Runs work that reads, and keeps the transaction open when PostgreSQL cannot.
   * @throws UnreadableError then; what `work` throws else
   */
  async attempt<T>(work: () => Promise<T>): Promise<T> {
    await this.#client.query('SAVEPOINT attempt');
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      await this.#client.query('ROLLBACK TO attempt').catch(() => {
        throw error;
      });
      throw new UnreadableError(error.message, { cause: error });
    } finally {
      // The connection was lost, and the error of the work already reports it.
      await this.#client.query('RELEASE attempt').catch(() => undefined);
    }
  }

  /** Yields the clients that a vault is open to. */
  async *writers(vaultId: string): AsyncGenerator<string> {
    const writers = streamRows<{ client_id: string }>(this.#client, WRITERS, [vaultId]);
    for await (const { client_id } of writers) yield client_id;
  }

  /** Yields of each vault that does not exist the first row. */
  async *strays(): AsyncGenerator<Stray> {
    for await (const stray of streamRows<Text<Stray, 'seq'>>(this.#client, STRAYS)) {
      yield { ...stray, seq: Number(stray.seq) };
    }
  }
}
