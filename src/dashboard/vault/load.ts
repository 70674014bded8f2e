import type { Client } from '../api/client.ts';
import type { Row, View } from './rows.ts';

/** Rows of the first page. The rest is loaded in larger batches. */
const FIRST_PORTION = 100;
const PORTION = 1000;
/** Characters of text that a page holds. A larger vault is shown in part. */
const MAX_CHARACTERS = 64 * 1024 * 1024;

/** The highest version of each entry, every row of both kinds, or every version of the entry of a number. */
export type ViewName = 'current' | 'history' | number;

/** Puts rows that have arrived into a view. */
export type AddRows = (rows: readonly Row[], arrived: readonly Row[]) => Row[];

/** The arguments of a read. */
export interface Reading {
  client: Client;
  vaultId: string;
  view: ViewName;
  signal: AbortSignal;
}

type PageInput = Parameters<Client['vault']['readPage']['query']>[0];

async function readPart({ client, vaultId, view, signal }: Reading, part: Partial<PageInput>): Promise<View> {
  const past = view === 'current' ? {} : ({ history: true, kind: 'all' } as const);
  const entry = typeof view === 'number' ? { entry_id: view } : {};
  const input = { vault_id: vaultId, details: true, ...past, ...entry, ...part };
  const { entries, head, next_cursor } = await client.vault.readPage.query(input, { signal });
  return { entries, head, next: next_cursor };
}

/** The first rows of a view. */
export const readFirst = (reading: Reading): Promise<View> => readPart(reading, { limit: FIRST_PORTION });

/** The rows that follow a view that is not complete. */
export const readNext = (reading: Reading, cursor: string): Promise<View> =>
  readPart(reading, { limit: PORTION, cursor });

/** Every row after a `seq`, in the order of the commits. */
export async function* readSince(reading: Reading, since: number): AsyncGenerator<View> {
  let cursor: string | undefined;
  do {
    const part = { since, limit: PORTION, ...(cursor === undefined ? {} : { cursor }) };
    const page = await readPart(reading, part);
    yield page;
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
}

const sizeOf = (rows: readonly Row[]): number => rows.reduce((sum, { content }) => sum + content.length, 0);

/** A view with the rows that follow it; cut where it grows larger than a page can hold. */
export function withNext(view: View, page: View, add: AddRows): View {
  const entries = add(view.entries, page.entries);
  const cut = page.next !== null && sizeOf(entries) > MAX_CHARACTERS;
  return { ...view, entries, next: cut ? null : page.next, ...(cut && { cut }) };
}
