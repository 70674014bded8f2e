import type { Snapshot } from '../db/snapshot.ts';
import type { StoredRow, VaultRecord } from './chain-check.ts';

/** Vaults or rows that are fetched together. */
const PORTION = 200;

/** Before every seq, whatever stands in the column. */
const BEFORE_ALL = '-9223372036854775808';

const TIME = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`;

/** `$1` the vault (null: all), `$2` the last one of the portion before, `$3` how many. */
const VAULTS = `
  SELECT vault_id, created_by, writer_list, summary, summary_version, next_entry_no, versions, bytes, head_seq,
    encode(head_hash, 'hex') AS head_hash, to_char(changed_at AT TIME ZONE 'UTC', ${TIME}) AS changed_at,
    EXISTS (
      SELECT FROM vault_entries AS e
      WHERE e.vault_id = v.vault_id AND e.entry_no = 0 AND e.version = 1 AND e.created_at <> v.created_at
    ) AS is_adopted
  FROM vaults AS v
  WHERE ($1::text IS NULL OR vault_id = $1) AND ($2::text IS NULL OR vault_id > $2)
  ORDER BY vault_id LIMIT $3`;

/** `$1` the vault, `$2` the last seq of the portion before, `$3` how many. */
const ROWS = `
  SELECT seq, entry_no, version, kind, writer_id, content, tags, encode(hash, 'hex') AS hash,
    to_char(created_at AT TIME ZONE 'UTC', ${TIME}) AS created_at
  FROM vault_entries WHERE vault_id = $1 AND seq > $2::bigint ORDER BY seq LIMIT $3`;

/** `$1` the vault, `$2` the last client of the portion before (null: from the start), `$3` how many. */
const WRITERS = `
  SELECT client_id FROM vault_writers WHERE vault_id = $1 AND ($2::text IS NULL OR client_id > $2)
  ORDER BY client_id LIMIT $3`;

const STRAYS = `
  SELECT vault_id, seq, entry_no, version FROM vault_entries AS e
  WHERE NOT EXISTS (SELECT FROM vaults AS v WHERE v.vault_id = e.vault_id) ORDER BY seq LIMIT 1`;

type Text<T, Keys extends keyof T> = Omit<T, Keys> & Record<Keys, string>;

/** Chains as they stand, read in portions and past every function of the database's own. */
export class ChainStore {
  readonly #snapshot: Snapshot;

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
  }

  /** Every vault by its id, or the one that is named. */
  async *vaults(vaultId?: string): AsyncGenerator<VaultRecord> {
    let last: string | null = null;
    for (;;) {
      const portion: Text<VaultRecord, 'versions' | 'bytes' | 'head_seq'>[] = await this.#snapshot.rows(
        VAULTS,
        vaultId ?? null,
        last,
        PORTION,
      );
      for (const { versions, bytes, head_seq, ...vault } of portion) {
        yield { ...vault, versions: Number(versions), bytes: Number(bytes), head_seq: Number(head_seq) };
      }
      if (portion.length < PORTION) return;
      last = portion.at(-1)?.vault_id ?? null;
    }
  }

  /** The rows of a vault by seq. */
  async *rows(vaultId: string): AsyncGenerator<StoredRow> {
    let last = BEFORE_ALL;
    for (;;) {
      const portion: Text<StoredRow, 'seq'>[] = await this.#snapshot.rows(ROWS, vaultId, last, PORTION);
      for (const row of portion) yield { ...row, seq: Number(row.seq) };
      if (portion.length < PORTION) return;
      last = portion.at(-1)?.seq ?? last;
    }
  }

  /** The clients that a vault is open to. */
  async *writers(vaultId: string): AsyncGenerator<string> {
    let last: string | null = null;
    for (;;) {
      const portion: { client_id: string }[] = await this.#snapshot.rows(WRITERS, vaultId, last, PORTION);
      for (const { client_id } of portion) yield client_id;
      if (portion.length < PORTION) return;
      last = portion.at(-1)?.client_id ?? null;
    }
  }

  /** The first row whose vault does not exist. */
  async findStray(): Promise<
    (Pick<StoredRow, 'seq' | 'entry_no' | 'version'> & { vault_id: string }) | undefined
  > {
    const [stray] = await this.#snapshot.rows<Text<StoredRow, 'seq'> & { vault_id: string }>(STRAYS);
    return stray && { ...stray, seq: Number(stray.seq) };
  }
}
