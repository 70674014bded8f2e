import { fold } from '../../fold.ts';

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
  /** What the server proved about the writer. Rows from before authors were kept have none. */
  author?: string | undefined;
}

/** The vault's rows of one kind of view, and where it stands. */
export interface View {
  entries: Row[];
  head: number;
  /** The server's cursor for the remaining rows; null if there are none. */
  next: string | null;
  /** Whether the remaining rows were omitted, because a page cannot hold them. */
  cut?: boolean;
}

/** Of each entry the highest version, by entry number. */
export const currentView = (rows: readonly Row[]): Row[] => withCurrent([], rows);

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

/** Adds rows that have arrived, each once, in `seq` order; what the server says of a row replaces what was there. */
export function withRows(rows: readonly Row[], arrived: readonly Row[]): Row[] {
  const last = rows.at(-1)?.seq ?? 0;
  const goOn = arrived.every((row, index) => row.seq > (arrived[index - 1]?.seq ?? last));
  if (goOn) return [...rows, ...arrived];
  const bySeq = new Map([...rows, ...arrived].map((row) => [row.seq, row]));
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
}

/** Rows that have arrived, in a view that shows the highest version of each entry. */
export function withCurrent(entries: readonly Row[], arrived: readonly Row[]): Row[] {
  const newest = new Map(entries.map((row) => [row.entry_no, row]));
  let added = false;
  for (const row of arrived) {
    if (row.kind !== 'content') continue;
    const there = newest.get(row.entry_no);
    if (!there || there.version <= row.version) newest.set(row.entry_no, row);
    added ||= !there;
  }
  const view = [...newest.values()];
  return added ? view.sort((a, b) => a.entry_no - b.entry_no) : view;
}

/** The vault as text, for a terminal or a mail. */
export const asText = (entries: readonly Row[]): string =>
  entries
    .map((row) => `e${row.entry_no} v${row.version} · ${row.writer_id} · ${row.created_at}\n${row.content}\n`)
    .join('\n');

/** Whether an entry matches a filter. */
export type Matches = (row: Row) => boolean;

/**
 * Finds entries that hold the words of a filter, wherever they stand: text, writer, label or tags. Case and canonical
 * form count as little as in a search of the server.
 * @returns a function that remembers what it found; undefined for a filter that lets everything pass
 */
export function makeFilter(filter: string): Matches | undefined {
  const words = fold(filter).split(/\s+/).filter(Boolean);
  if (words.length === 0) return undefined;
  const found = new WeakMap<Row, boolean>();
  return (row) => {
    const before = found.get(row);
    if (before !== undefined) return before;
    const text = [row.content, row.writer_id, `e${row.entry_no} v${row.version}`, ...(row.tags ?? [])];
    const haystack = fold(text.join('\n'));
    const matches = words.every((word) => haystack.includes(word));
    found.set(row, matches);
    return matches;
  };
}
