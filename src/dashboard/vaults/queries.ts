import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { type Client, codeOf } from '../api/client.ts';
import { useStream, useThrottled } from '../api/live.ts';
import { useSession } from '../api/session.tsx';

export const LIST_KEY = ['vaults'];

/** A vault in the list. */
export interface ListedVault {
  vault_id: string;
  summary: string;
  changed_at?: string | undefined;
  entries?: number | undefined;
  writers?: string[] | undefined;
}

/** Which vaults are listed; empty: any. */
export interface ListFilter {
  /** A text that they hold. */
  q: string;
  /** The proven author of a row of them. */
  author: string;
}

/** Vaults that are read at a time, and that a page holds at most. */
const PORTION = 1000;
const MAX_VAULTS = 20_000;
/** Between two looks at vaults that change all the time. */
const LOOK_MS = 1000;
/** Vaults that are looked at in one look. */
const MAX_LOOKS = 20;
/** Between two searches or reads of the whole list while vaults change. */
const RELOAD_MS = 10_000;
/** How long the list waits for the stream of changes: what changes before that opens would be missed. */
const STREAM_MS = 1000;

async function readAll(
  client: Client,
  { q, author }: ListFilter,
  signal: AbortSignal,
): Promise<ListedVault[]> {
  const vaults: ListedVault[] = [];
  let cursor: string | null = null;
  do {
    const input = {
      details: true,
      limit: PORTION,
      ...(q ? { q } : {}),
      ...(author ? { author } : {}),
      ...(cursor === null ? {} : { cursor }),
    };
    const page: Awaited<ReturnType<Client['vault']['listPage']['query']>> = await client.vault.listPage.query(
      input,
      { signal },
    );
    vaults.push(...page.vaults);
    cursor = page.next_cursor;
  } while (cursor !== null && vaults.length < MAX_VAULTS);
  return vaults;
}

/** One vault as the list shows it; undefined when it is no longer the person's to read. */
async function readOne(client: Client, vault_id: string): Promise<ListedVault | undefined> {
  try {
    const { summary, changed_at, entries, writers } = await client.vault.meta.query({ vault_id });
    const names = writers.map(({ client_id }) => client_id).reverse();
    return { vault_id, summary, changed_at, entries, writers: names };
  } catch (error) {
    if (['NOT_FOUND', 'FORBIDDEN'].includes(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** Replaces vaults of the list by their newer states. */
function replace(list: ListedVault[], now: ReadonlyMap<string, ListedVault | undefined>): ListedVault[] {
  const others = list.filter(({ vault_id }) => !now.has(vault_id));
  return [...others, ...[...now.values()].filter((vault) => vault !== undefined)];
}

/**
 * Keeps the list up to date: looks at the vaults that changed, not at all of them.
 * @returns whether changes are followed, or nobody knows when they will be
 */
function useChanges({ q, author }: ListFilter): boolean {
  const { client, isOperator } = useSession();
  const queryClient = useQueryClient();
  const changed = useRef(new Set<string>());
  const [ready, setReady] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setReady(true), STREAM_MS);
    return () => clearTimeout(timer);
  }, []);
  const reload = () => void queryClient.invalidateQueries({ queryKey: LIST_KEY });
  const reloadSoon = useThrottled(reload, RELOAD_MS);
  const look = useThrottled(() => {
    const ids = [...changed.current].slice(0, MAX_LOOKS);
    for (const id of ids) changed.current.delete(id);
    if (changed.current.size > 0) look();
    const read = async () => {
      const now = await Promise.all(ids.map(async (id) => [id, await readOne(client, id)] as const));
      const names = new Map(now);
      queryClient.setQueryData<ListedVault[]>([...LIST_KEY, '', ''], (list) => list && replace(list, names));
    };
    // Without an answer the list is read again when the server is back.
    read().catch(reloadSoon);
  }, LOOK_MS);
  const note = (vaultId: string) => {
    // What an operator reads of a vault is kept in the audit log, and nobody knows whether a search finds it now.
    if (isOperator || q || author) return reloadSoon();
    changed.current.add(vaultId);
    look();
  };
  const onStarted = () => {
    if (ready) reload();
    setReady(true);
  };
  useStream(
    (handlers) =>
      client.vault.changes.subscribe(undefined, {
        ...handlers,
        onStarted,
        onData: ({ vault_id }) => note(vault_id),
      }),
    'changes',
  );
  return ready;
}

/** The vaults that a filter selects, the one that changed last first; kept up to date. */
export function useVaults(filter: ListFilter) {
  const { client } = useSession();
  const ready = useChanges(filter);
  return useQuery({
    queryKey: [...LIST_KEY, filter.q, filter.author],
    queryFn: ({ signal }) => readAll(client, filter, signal),
    enabled: ready,
    // What changed while another page was looked at was not followed.
    staleTime: 0,
    placeholderData: keepPreviousData,
    select: (vaults) => vaults.toSorted((a, b) => (b.changed_at ?? '').localeCompare(a.changed_at ?? '')),
  });
}
