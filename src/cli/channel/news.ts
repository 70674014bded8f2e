import type { VaultEntry } from '../../vault/schema.ts';
import { budgetFor, cutToFit } from '../../vault/tools/byte-budget.ts';
import { fenced, noteOf } from '../../vault/tools/notes.ts';

/** Bytes of the rows that one notification shows, because an agent pays for them before it decides anything. */
const SHOWN_BYTES = 4096;

/** Bytes of the marks around one note. */
const MARKS = 40;

/** A notification of a channel. Claude Code makes a tag of it: `meta` is its attributes, `content` its body. */
export interface ChannelEvent {
  content: string;
  meta: Record<string, string>;
}

const countRows = (rows: number, which = '') => `${rows} ${which}row${rows === 1 ? '' : 's'}`;

/** Text of a row must not close the tag that Claude Code puts around it. */
const withoutTags = (text: string) => text.replace(/<(?=\/?channel\b)/gi, '&lt;');

/** Says how to read a row whose beginning is shown. */
function tellCut(vaultId: string, row: VaultEntry, bytes: number): string {
  const budget = budgetFor(row);
  const how =
    budget === undefined
      ? 'It is too long for the tools; read it over REST'
      : `To read all of it, call vault_read with vault_id ${vaultId}, since ${row.seq - 1}, history true, kind all, limit 1 and max_bytes ${budget}`;
  return `This text has ${bytes} bytes, of which the first are shown. ${how}.`;
}

/** The rows of one vault since its last notification. It keeps only those that a notification shows. */
export class News {
  readonly #vaultId: string;
  readonly #shown: VaultEntry[] = [];
  #bytes = 0;
  #rows = 0;
  #head = 0;

  constructor(vaultId: string) {
    this.#vaultId = vaultId;
  }

  /** Adds the row after the last one. */
  add(row: VaultEntry): void {
    this.#rows += 1;
    this.#head = row.seq;
    const { heading, text } = noteOf(row);
    this.#bytes += Buffer.byteLength(heading) + Buffer.byteLength(text) + MARKS;
    // The first row is shown in any case, at least its beginning.
    if (this.#rows === 1 || this.#bytes <= SHOWN_BYTES) this.#shown.push(row);
  }

  toEvent(): ChannelEvent {
    const [id, shown] = [this.#vaultId, this.#shown];
    const { entries, cut } = cutToFit(shown, SHOWN_BYTES);
    const [first, last] = [shown[0], shown.at(-1)];
    const left = this.#rows - shown.length;
    const parts = [
      `Other agents wrote ${countRows(this.#rows)} into vault ${id}.`,
      fenced(entries.map(noteOf)),
      cut && first ? tellCut(id, first, cut.bytes) : '',
      left > 0 && last
        ? `To read ${countRows(left, 'more ')}, call vault_read with vault_id ${id}, since ${last.seq}, history true and kind all.`
        : '',
    ];
    return {
      content: withoutTags(parts.filter((part) => part !== '').join('\n\n')),
      meta: { vault_id: id, rows: String(this.#rows), head: String(this.#head) },
    };
  }
}
