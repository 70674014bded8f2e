import { CHAIN_START, hashRow } from '../vault/proof/chain.ts';
import { looksSealed, SEALED_PREFIX } from '../vault/write/sealed.ts';
import type { RowLine, VaultLine } from './format.ts';
import type { KnownVault, VaultTarget } from './vault-target.ts';

/** Rows that are sent together. */
const MAX_ROWS = 200;
const MAX_BYTES = 1024 * 1024;

export interface VaultImportOptions {
  line: VaultLine;
  /** The vault as it is here already. */
  known: KnownVault | undefined;
}

/** One vault on its way in: its rows are checked against each other as they come, and committed together. */
export class VaultImport {
  readonly #target: VaultTarget;
  readonly #known: KnownVault | undefined;
  #line: VaultLine;
  #waiting: RowLine[] = [];
  #waitingBytes = 0;
  #rows = 0;
  #keys = 0;
  #versions = 0;
  #bytes = 0;
  #seq = 0;
  #hash = CHAIN_START;
  #changedAt = '';
  #summary: { content: string; version: number } = { content: '', version: 0 };

  constructor(target: VaultTarget, { line, known }: VaultImportOptions) {
    this.#target = target;
    this.#line = line;
    this.#known = known;
  }

  async begin(): Promise<void> {
    if (this.#line.continued) throw new Error('the first rows of this vault are in another file');
    if (!this.#known) await this.#target.begin(this.#line);
  }

  /** The export went on within this vault, which may have got rows meanwhile. @returns whether it is this one */
  continueWith(line: VaultLine): boolean {
    if (line.vault_id === this.#line.vault_id && line.continued) {
      this.#line = line;
      return true;
    }
    if (Buffer.compare(Buffer.from(line.vault_id), Buffer.from(this.#line.vault_id)) <= 0) {
      throw new Error(`vault ${line.vault_id} is out of order`);
    }
    return false;
  }

  /** @throws Error unless the row follows from the one before */
  async take(row: RowLine): Promise<void> {
    const { vault_id: vaultId } = this.#line;
    if (row.vault_id !== vaultId) throw new Error(`it is among the rows of vault ${vaultId}`);
    if (row.seq <= this.#seq) throw new Error(`seq ${row.seq} comes after ${this.#seq}`);
    if (hashRow(this.#hash, vaultId, row) !== row.hash) {
      throw new Error(
        `the hash of row ${row.seq} of vault ${vaultId} does not follow from the row before it`,
      );
    }
    this.#count(row);
    if (this.#known) return;
    if (looksSealed(row.content)) {
      throw new Error(
        `row ${row.seq} of vault ${vaultId} begins with "${SEALED_PREFIX}", which atem treats as sealed text; export the other vaults with --vault, or move the whole database with pg_dump`,
      );
    }
    this.#waiting.push(row);
    this.#waitingBytes += Buffer.byteLength(row.content);
    if (this.#waiting.length >= MAX_ROWS || this.#waitingBytes >= MAX_BYTES) await this.#send();
  }

  #count(row: RowLine): void {
    this.#rows++;
    this.#bytes += Buffer.byteLength(row.content);
    this.#seq = row.seq;
    this.#hash = row.hash;
    this.#changedAt = row.created_at;
    if (row.key) this.#keys++;
    if (row.kind === 'summary') {
      this.#summary = { content: row.content, version: row.version };
    } else {
      this.#versions++;
    }
  }

  async #send(): Promise<void> {
    await this.#target.add(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  /** @throws Error unless the rows lead to the head that the vault's line says, and `verify` finds nothing */
  async finish(): Promise<{ written: boolean; rows: number }> {
    const { vault_id, head, next_entry_no, writer_list } = this.#line;
    if (head.seq !== this.#seq || head.hash !== this.#hash) {
      throw new Error(`vault ${vault_id} ends with row ${this.#seq}, but its line says ${head.seq}`);
    }
    if (this.#known) {
      this.#compare(this.#known);
      return { written: false, rows: 0 };
    }
    await this.#send();
    await this.#target.commit(this.#line, {
      vault_id,
      writer_list,
      next_entry_no,
      summary: this.#summary.content,
      summary_version: this.#summary.version,
      head_seq: this.#seq,
      head_hash: this.#hash,
      changed_at: this.#changedAt,
      versions: this.#versions,
      bytes: this.#bytes,
    });
    return { written: true, rows: this.#rows };
  }

  #compare({ keys, ...known }: KnownVault): void {
    const { type: _type, position: _position, continued: _continued, ...line } = this.#line;
    // The order of writers may differ where a writer left the list and came back.
    const sorted = ({ writer_list, ...vault }: Pick<VaultLine, 'writer_list'>) =>
      JSON.stringify([...Object.entries(vault).toSorted(), [...new Set(writer_list)].toSorted()]);
    if (keys !== this.#keys || sorted(known) !== sorted(line)) {
      throw new Error(
        `vault ${line.vault_id} already exists here with other rows; clients wrote into one of the two since the export`,
      );
    }
  }
}
