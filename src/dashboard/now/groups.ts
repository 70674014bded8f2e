import type { Row } from './row.ts';

/** What one client did in one vault, without a long break. */
export interface Group {
  /** Of its oldest row, so that newer ones do not change it. */
  key: string;
  client: string;
  vault: string;
  /** The newest first. */
  rows: Row[];
}

/** Groups of one day, or of a part of it: before and after the last visit. */
export interface Section {
  key: string;
  /** The day, in the reader's time zone; the time of a row of it. */
  day: string;
  /** Whether the section begins where the reader was last here. */
  beginsAtVisit: boolean;
  groups: Group[];
}

/** A longer break begins another group. */
const BREAK_MS = 600_000;

export const idOf = ({ vault_id, n }: Row): string => `${vault_id} ${n}`;

const dayOf = (at: string): string => new Date(at).toDateString();

/** Rows without repetition, the newest first. */
export function mergeRows(...lists: readonly (readonly Row[])[]): Row[] {
  const rows = new Map(lists.flat().map((row) => [idOf(row), row]));
  return [...rows.values()].toSorted((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : b.n - a.n));
}

/**
 * Puts rows into sections by day and by the last visit, and within them into groups.
 * @param rows the newest first
 * @param visit when the reader was last here; undefined: never, or it does not matter
 */
export function groupRows(rows: readonly Row[], visit: string | undefined): Section[] {
  const sections: Section[] = [];
  const open = new Map<string, Group>();
  const isNew = (row: Row) => visit !== undefined && row.at > visit;
  for (const [index, row] of rows.entries()) {
    const previous = rows[index - 1];
    const crossesVisit = previous !== undefined && isNew(previous) && !isNew(row);
    if (!previous || crossesVisit || dayOf(previous.at) !== dayOf(row.at)) {
      const key = `${dayOf(row.at)} ${crossesVisit}`;
      sections.push({ key, day: row.at, beginsAtVisit: crossesVisit, groups: [] });
      open.clear();
    }
    const who = JSON.stringify([row.client_id, row.author, row.vault_id]);
    const group = open.get(who);
    const oldest = group?.rows.at(-1);
    if (group && oldest && Date.parse(oldest.at) - Date.parse(row.at) <= BREAK_MS) {
      group.rows.push(row);
      group.key = idOf(row);
    } else {
      const made: Group = { key: idOf(row), client: row.client_id, vault: row.vault_id, rows: [row] };
      open.set(who, made);
      sections.at(-1)?.groups.push(made);
    }
  }
  return sections;
}
