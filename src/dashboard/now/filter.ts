import { setParameter, useParameter } from '../address.ts';
import type { Row } from './row.ts';

export const WHAT = ['created', 'wrote', 'edited', 'summed_up', 'read'] as const;
export type What = Row['what'];

/** Which rows are shown; empty: any. It stands in the address. */
export interface Filter {
  vault: string;
  writer: string;
  tag: string;
  what: string;
  workSession: string;
  /** A time in RFC 3339. */
  since: string;
}

const NAMES = ['vault', 'writer', 'tag', 'what', 'session', 'since'] as const;

const isWhat = (text: string): text is What => (WHAT as readonly string[]).includes(text);

/** @returns what the address says; the component follows changes */
export function useFilter(): Filter {
  const since = useParameter('since');
  const what = useParameter('what');
  return {
    vault: useParameter('vault'),
    writer: useParameter('writer'),
    tag: useParameter('tag'),
    what: isWhat(what) ? what : '',
    workSession: useParameter('session'),
    since: Number.isNaN(Date.parse(since)) ? '' : since,
  };
}

export function clearFilter(): void {
  for (const name of NAMES) setParameter(name, '');
}

export const isFiltered = (filter: Filter): boolean => Object.values(filter).some((value) => value !== '');

/** The filter as the server takes it. */
export const toInput = ({ vault, writer, tag, what, workSession, since }: Filter) => ({
  ...(vault && { vault_id: vault }),
  ...(writer && { client_id: writer }),
  ...(tag && { tag }),
  ...(isWhat(what) && { what: [what] }),
  ...(workSession && { work_session_id: workSession }),
  // A view since a moment should be complete, so it loads the largest page.
  ...(since && { since: new Date(since).toISOString(), limit: 200 }),
});

/** Whether a row that the stream tells belongs to what is shown. */
export const matches = (row: Row, { vault, writer, tag, what, workSession, since }: Filter): boolean =>
  (!vault || row.vault_id === vault) &&
  (!writer || row.client_id === writer) &&
  (!tag || (row.tags?.includes(tag) ?? false)) &&
  (!what || row.what === what) &&
  (!workSession || row.work_session_id === workSession) &&
  (!since || Date.parse(row.at) >= Date.parse(since));
