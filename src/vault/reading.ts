import { toSafeNumber } from '../numbers.ts';
import { writeReadCursor } from './paging.ts';
import type { VaultEntry, VaultListItem } from './schema.ts';

export interface ListOptions {
  /** Only vaults whose summary or current entries hold this text, in any case. */
  q?: string | undefined;
  /** Only vaults that this client wrote into. */
  writer?: string | undefined;
  /** Only vaults with a current entry of this tag. */
  tag?: string | undefined;
  details?: boolean | undefined;
  limit?: number | undefined;
  cursor?: string | undefined;
}

export interface VaultListPage {
  vaults: VaultListItem[];
  nextCursor: string | null;
}

export interface ReadOptions {
  /** Only rows with a greater seq. */
  since?: number | undefined;
  /** Every version, by seq, instead of the highest of each entry, by entry number. */
  history?: boolean | undefined;
  kind?: 'content' | 'summary' | 'all' | undefined;
  /** The view as it was when this was the head. */
  as_of?: number | undefined;
  /** Only rows that hold this text, in any case. */
  q?: string | undefined;
  writer?: string | undefined;
  tag?: string | undefined;
  limit?: number | undefined;
  cursor?: string | undefined;
  /** The head that the reader has seen: while it still is the head, the entries are left out. */
  known_head?: number | undefined;
  /** Seconds to wait for something to show. */
  wait?: number | undefined;
  /** Whoever waits is gone. */
  signal?: AbortSignal | undefined;
}

export interface VaultPage {
  /** Parsed when it is looked at. */
  readonly entries: VaultEntry[];
  /** The same as PostgreSQL wrote it. */
  entriesJson: string;
  head: number;
  /** 64 hexadecimal digits. */
  headHash: string;
  nextCursor: string | null;
  /** The reader comes from another work session, as a past writer. */
  fromOutside: boolean;
}

/** What PostgreSQL writes for no entries. */
export const NO_ENTRIES = '[]';

/** A page as the statements that read answer it. */
export interface PageRow {
  from_outside: boolean;
  head: bigint;
  head_hash: string;
  entries: string;
  /** Where a page ends, and whether there is more; a whole view has neither. */
  last?: bigint | null;
  more?: boolean | null;
}

export class Page implements VaultPage {
  readonly entriesJson: string;
  readonly head: number;
  readonly headHash: string;
  readonly nextCursor: string | null;
  readonly fromOutside: boolean;

  constructor({ entries, head, head_hash, more, last, from_outside }: PageRow) {
    this.entriesJson = entries;
    this.head = toSafeNumber(head);
    this.headHash = head_hash;
    this.nextCursor =
      more && last != null ? writeReadCursor({ asOf: this.head, position: toSafeNumber(last) }) : null;
    this.fromOutside = from_outside;
  }

  get entries(): VaultEntry[] {
    return JSON.parse(this.entriesJson);
  }
}
