import { CHAIN_START, type ChainRow, FIRST_FORM, hashRow, SECOND_FORM } from './chain.ts';
import { judgeRow, judgeVault, quote } from './chain-form.ts';

/** A row as it stands in the database. */
export interface StoredRow extends ChainRow {
  /** 64 hexadecimal digits. */
  hash: string;
}

/** The columns of a vault that follow from its rows. */
export interface VaultRecord {
  vault_id: string;
  created_by: string;
  /** Its first summary came long after it: its rows before that are from before the chain, numbered as they were left. */
  is_adopted: boolean;
  writer_list: string[];
  summary: string;
  summary_version: number;
  next_entry_no: number;
  versions: number;
  bytes: number;
  changed_at: string;
  head_seq: number;
  head_hash: string;
}

/** A row that was the last one of its vault at some time. */
export interface Head {
  seq: number;
  /** 64 hexadecimal digits. */
  hash: string;
}

/** The first thing of a vault that does not fit. */
export interface Misfit {
  vault_id: string;
  /** Null when it is the vault's own record, or a row that is not there. */
  row: { seq: number; entry_no: number; version: number } | null;
  problem: string;
}

/** The counter of an adopted vault goes past every entry up to this number; higher ones keep theirs. */
const HIGHEST_PASSED = 1_000_000;

/** Checks the rows of one vault in the order of seq. It keeps a number for each entry and, of texts, only the summary. */
export class ChainCheck {
  readonly #vault: VaultRecord;
  readonly #remembered: Head | undefined;
  /** By entry number, the highest version that was seen. */
  readonly #versions = new Map<number, number>();
  readonly #writers = new Set<string>();
  #highest = 0;
  #highestPassed = 0;
  #summary: string | undefined;
  #contentRows = 0;
  #bytes = 0;
  #changedAt: string | undefined;
  #last: Head = { seq: 0, hash: CHAIN_START };
  #foundRemembered: boolean;
  #hasSecondForm = false;

  /** @param remembered a head that the chain must contain */
  constructor(vault: VaultRecord, remembered?: Head) {
    this.#vault = vault;
    this.#remembered = remembered;
    this.#foundRemembered = remembered?.seq === 0 && remembered.hash === CHAIN_START;
  }

  /** The last row that fits. */
  get last(): Head {
    return this.#last;
  }

  /** @returns what does not fit about the next row, or undefined */
  add(row: StoredRow): string | undefined {
    const problem =
      judgeRow(row) ??
      this.#judgePlace(row) ??
      this.#judgeHash(row) ??
      this.#judgeForm(row) ??
      this.#compareWithRemembered(row);
    if (problem !== undefined) return problem;
    this.#versions.set(row.entry_no, Math.max(row.version, this.#versions.get(row.entry_no) ?? 0));
    this.#highest = Math.max(row.entry_no, this.#highest);
    if (row.entry_no <= HIGHEST_PASSED) this.#highestPassed = Math.max(row.entry_no, this.#highestPassed);
    this.#last = { seq: row.seq, hash: row.hash };
    this.#hasSecondForm = row.author !== null;
    this.#changedAt = row.created_at;
    this.#bytes += Buffer.byteLength(row.content);
    if (row.kind === 'summary') this.#summary = row.content;
    else {
      this.#contentRows++;
      this.#writers.add(row.writer_id);
    }
    return undefined;
  }

  #judgePlace({ entry_no, version, kind, writer_id }: StoredRow): string | undefined {
    const { created_by, is_adopted } = this.#vault;
    const isFirstSummary = kind === 'summary' && this.#summary === undefined;
    // Before its first summary an adopted vault has what the other server wrote, of whatever number and version.
    if (is_adopted && kind === 'content' && this.#summary === undefined) return undefined;
    if (kind !== (entry_no === 0 ? 'summary' : 'content')) {
      return `its kind is ${quote(kind)}, which its entry number does not allow`;
    }
    if (entry_no < 0) return `its entry_no is ${entry_no}, but must not be negative`;
    const before = this.#versions.get(entry_no) ?? 0;
    if (version !== before + 1) {
      return before === 0
        ? `it is version ${version}, but version 1 is missing before it`
        : `it is version ${version}, but the version before it is ${before}`;
    }
    const next = this.#highest + 1;
    if (entry_no > next && !is_adopted) return `entry ${next} is missing before it`;
    if (isFirstSummary && writer_id !== created_by) {
      return `its writer is not ${quote(created_by)}, the creator of the vault`;
    }
    return undefined;
  }

  #judgeHash(row: StoredRow): string | undefined {
    const expected = hashRow(this.#last.hash, this.#vault.vault_id, row);
    if (row.hash === expected) return undefined;
    const after = this.#last.seq === 0 ? 'as the first row' : `after seq ${this.#last.seq}`;
    return `its hash is ${row.hash}, but its fields ${after} give ${expected}: it was changed, or rows before it were removed, inserted or moved`;
  }

  /** Rows of the second form count on from the row before them, and no row of the first form follows one. */
  #judgeForm({ seq, author }: StoredRow): string | undefined {
    if (author === null) {
      return this.#hasSecondForm
        ? `it is of form ${FIRST_FORM}, but the row before it is of form ${SECOND_FORM}`
        : undefined;
    }
    return seq === this.#last.seq + 1
      ? undefined
      : `its seq is ${seq}, but the row before it has ${this.#last.seq}: rows between them are missing`;
  }

  #compareWithRemembered({ seq, hash }: StoredRow): string | undefined {
    if (seq !== this.#remembered?.seq) return undefined;
    this.#foundRemembered = true;
    return hash === this.#remembered.hash
      ? undefined
      : `its hash is ${hash}, but the kept head has ${this.#remembered.hash}: this chain was recomputed`;
  }

  #nextEntry(): number {
    const { is_adopted, next_entry_no } = this.#vault;
    return is_adopted ? Math.max(this.#highestPassed + 1, next_entry_no) : this.#highest + 1;
  }

  /** Call after the last row. @returns what does not fit about a row of `vault_writers`, or undefined */
  addWriter(writer: string): string | undefined {
    return this.#judgeWriter('vault_writers', writer);
  }

  #judgeWriter(where: string, writer: string): string | undefined {
    return this.#writers.has(writer)
      ? undefined
      : `its ${where} has ${quote(writer)}, which wrote none of its entries`;
  }

  /** Call after the last row. @returns what does not fit about the vault's own record, or undefined */
  finish(): string | undefined {
    const { seq, hash } = this.#last;
    const vault = this.#vault;
    const malformed = judgeVault(vault);
    if (malformed !== undefined) return malformed;
    if (vault.head_seq > seq) return `its head_seq is ${vault.head_seq}, but its rows end at seq ${seq}`;
    const facts: [keyof VaultRecord, unknown][] = [
      ['head_seq', seq],
      ['head_hash', hash],
      ['next_entry_no', this.#nextEntry()],
      ['summary', this.#summary ?? ''],
      ['summary_version', this.#versions.get(0) ?? 0],
      ['versions', this.#contentRows],
      ['bytes', this.#bytes],
      ['changed_at', this.#changedAt ?? vault.changed_at],
    ];
    for (const [name, fact] of facts) {
      if (vault[name] === fact) continue;
      return `its ${name} is ${quote(vault[name])}, but its rows give ${quote(fact)}`;
    }
    for (const writer of vault.writer_list) {
      const problem = this.#judgeWriter('writer_list', writer);
      if (problem !== undefined) return problem;
    }
    if (this.#remembered && !this.#foundRemembered) {
      return `no row has the seq ${this.#remembered.seq} of the kept head; its rows end at seq ${seq}`;
    }
    return undefined;
  }
}
