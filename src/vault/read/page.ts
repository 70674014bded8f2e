import type { JsonRows } from '../../answer.ts';
import { toSafeNumber } from '../../numbers.ts';
import type { VaultEntry, VaultListItem } from '../schema.ts';
import { type ListCursor, writeListCursor, writeReadCursor } from './cursors.ts';
import type { Portion, Rows } from './portions.ts';

export interface ListOptions {
  /** Only vaults whose summary or current entries hold this text, in any case. */
  q?: string | undefined;
  /** Only vaults that this client wrote into. */
  writer?: string | undefined;
  /** Only vaults that this proven author wrote into. */
  author?: string | undefined;
  /** Only vaults with a current entry of this tag. */
  tag?: string | undefined;
  details?: boolean | undefined;
  limit?: number | undefined;
  cursor?: string | undefined;
}

export interface ReadOptions {
  /** Only rows with a greater seq. */
  since?: number | undefined;
  /** Every version, by seq, instead of the highest of each entry, by entry number. */
  history?: boolean | undefined;
  kind?: 'content' | 'summary' | 'all' | undefined;
  /** The view as it was when this was the head. */
  as_of?: number | undefined;
  /** Only rows of the entry of this number. */
  entry_id?: number | undefined;
  /** Only rows that hold this text, in any case. */
  q?: string | undefined;
  writer?: string | undefined;
  author?: string | undefined;
  tag?: string | undefined;
  /** Also who the writer was proved to be, and the salt. */
  details?: boolean | undefined;
  limit?: number | undefined;
  cursor?: string | undefined;
  /** Seconds to wait for rows. */
  wait?: number | undefined;
  /** Aborts when the waiting client leaves. */
  signal?: AbortSignal | undefined;
}

export interface VaultPage extends JsonRows {
  /** Parsed at each access. */
  readonly entries: VaultEntry[];
  head: number;
  /** 64 hexadecimal digits. */
  headHash: string;
  nextCursor: string | null;
  /** Whether the reader is a past writer of another work session. */
  fromOutside: boolean;
}

export interface VaultListPage extends JsonRows {
  readonly vaults: VaultListItem[];
  nextCursor: string | null;
}

/** The head of a vault, and whether the reader is of another work session. */
export interface VaultStanding {
  head: number;
  headHash: string;
  fromOutside: boolean;
}

/** The first rows of a view, and the head of the vault. */
export interface Look extends VaultStanding {
  portion: Portion<number>;
  /** Upper bound for the JSON of all rows of the vault, in bytes; undefined: unknown. */
  ceiling?: number;
}

/** A look, as the statements return it. */
export interface LookRow {
  from_outside: boolean;
  head: bigint;
  head_hash: string;
  /** Null: the vault may hold more than a portion. */
  json: string | null;
  /** This and the fields below are present only where the view may have more than a portion. */
  rows?: number;
  bytes?: number;
  more?: boolean;
  next?: bigint | null;
  ceiling?: number;
  /** Whether there are more new rows than one look may scan. */
  overflow?: boolean;
}

export function readLook(row: LookRow): Look {
  const { json, rows = 0, bytes = json?.length ?? 0, more = false, next = null, ceiling } = row;
  return {
    head: toSafeNumber(row.head),
    headHash: row.head_hash,
    fromOutside: row.from_outside,
    portion: { json: json ?? '', rows, bytes, more, next: next === null ? null : toSafeNumber(next) },
    ...(ceiling !== undefined && { ceiling }),
  };
}

/** The rows of an answer. */
abstract class RowsPage<At> implements JsonRows {
  readonly #rows: Rows<At>;

  constructor(rows: Rows<At>) {
    this.#rows = rows;
  }

  get rowsJson(): string {
    return this.#rows.json;
  }

  get body(): Buffer | undefined {
    return this.#rows.body;
  }

  get rest(): AsyncGenerator<string> | undefined {
    return this.#rows.rest;
  }

  get bytes(): number {
    return this.#rows.bytes;
  }
}

export class Page extends RowsPage<number> implements VaultPage {
  readonly head: number;
  readonly headHash: string;
  readonly nextCursor: string | null;
  readonly fromOutside: boolean;

  constructor({ head, headHash, fromOutside }: VaultStanding, rows: Rows<number>) {
    super(rows);
    this.head = head;
    this.headHash = headHash;
    this.nextCursor = rows.next === null ? null : writeReadCursor({ asOf: head, position: rows.next });
    this.fromOutside = fromOutside;
  }

  get entries(): VaultEntry[] {
    return JSON.parse(`[${this.rowsJson}]`);
  }
}

export class ListPage extends RowsPage<ListCursor> implements VaultListPage {
  readonly nextCursor: string | null;

  constructor(rows: Rows<ListCursor>) {
    super(rows);
    this.nextCursor = rows.next && writeListCursor(rows.next);
  }

  get vaults(): VaultListItem[] {
    return JSON.parse(`[${this.rowsJson}]`);
  }
}
