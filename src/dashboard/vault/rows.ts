/** A row as the procedures answer it: one version of one entry, or of the summary. */
export interface Row {
  seq: number;
  entry_no: number;
  version: number;
  kind: 'content' | 'summary';
  writer_id: string;
  content: string;
  created_at: string;
  tags?: string[] | undefined;
}

/** The vault's rows of one kind of view, and where it stands. */
export interface View {
  entries: Row[];
  head: number;
  /** Where the rest goes on, as the server said; null: there is none. */
  next: string | null;
}

/** Of each entry the highest version, by entry number. */
export function currentView(rows: readonly Row[]): Row[] {
  const top = new Map<number, Row>();
  for (const row of rows) {
    if (row.kind !== 'content') continue;
    const seen = top.get(row.entry_no);
    if (!seen || seen.version < row.version) top.set(row.entry_no, row);
  }
  return [...top.values()].sort((a, b) => a.entry_no - b.entry_no);
}

/** A vault as it was at a moment. */
export interface Moment {
  entries: Row[];
  /** Undefined: it still had the one that it was made with. */
  summary: string | undefined;
  /** The row that made the moment; undefined before the first. */
  changed: Row | undefined;
}

/** The vault after so many of its rows. @param rows every row, of both kinds, by `seq` */
export function viewAfter(rows: readonly Row[], count: number): Moment {
  const past = rows.slice(0, count);
  return {
    entries: currentView(past),
    summary: past.findLast(({ kind }) => kind === 'summary')?.content,
    changed: past.at(-1),
  };
}

/** Adds a row that has arrived, once, in `seq` order; what the server says of it replaces what was there. */
export function withRow(rows: readonly Row[], row: Row): Row[] {
  const at = rows.findLastIndex(({ seq }) => seq <= row.seq);
  return rows[at]?.seq === row.seq
    ? rows.with(at, row)
    : [...rows.slice(0, at + 1), row, ...rows.slice(at + 1)];
}

/** A row that has arrived, in a view that shows the highest version of each entry. */
export function withCurrent(entries: readonly Row[], row: Row): Row[] {
  if (row.kind !== 'content') return [...entries];
  const at = entries.findIndex(({ entry_no }) => entry_no >= row.entry_no);
  if (at === -1) return [...entries, row];
  const there = entries[at];
  if (there?.entry_no !== row.entry_no) return [...entries.slice(0, at), row, ...entries.slice(at)];
  return there.version > row.version ? [...entries] : entries.with(at, row);
}

/** The vault as text, for a terminal or a mail. */
export const asText = (entries: readonly Row[]): string =>
  entries
    .map((row) => `e${row.entry_no} v${row.version} · ${row.writer_id} · ${row.created_at}\n${row.content}\n`)
    .join('\n');

/** Whether an entry matches a filter. */
export type Matches = (row: Row) => boolean;

/**
 * Finds entries that hold the words of a filter, wherever they stand: text, writer, label or tags.
 * @returns a function that remembers what it found; undefined for a filter that lets everything pass
 */
export function makeFilter(filter: string): Matches | undefined {
  const words = filter.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return undefined;
  const found = new WeakMap<Row, boolean>();
  return (row) => {
    const before = found.get(row);
    if (before !== undefined) return before;
    const text = [row.content, row.writer_id, `e${row.entry_no} v${row.version}`, ...(row.tags ?? [])];
    const haystack = text.join('\n').toLocaleLowerCase();
    const matches = words.every((word) => haystack.includes(word));
    found.set(row, matches);
    return matches;
  };
}
