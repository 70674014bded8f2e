import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import type { Client } from '../api/client.ts';
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
/** Between two updates of the list by vaults that change all the time. */
const UPDATE_MS = 1000;
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

/** Replaces vaults of the list by their newer states. */
const replace = (list: ListedVault[], now: ReadonlyMap<string, ListedVault>): ListedVault[] => [
  ...list.filter(({ vault_id }) => !now.has(vault_id)),
  ...now.values(),
];

/**
 * Keeps the list up to date: each change carries its vault as the list shows it.
 * @returns whether changes are followed, or nobody knows when they will be
 */
export function useChanges({ q, author }: ListFilter): boolean {
  const { client, isOperator } = useSession();
  const queryClient = useQueryClient();
  const changed = useRef(new Map<string, ListedVault>());
  const [ready, setReady] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setReady(true), STREAM_MS);
    return () => clearTimeout(timer);
  }, []);
  const reload = () => void queryClient.invalidateQueries({ queryKey: LIST_KEY });
  const reloadSoon = useThrottled(reload, RELOAD_MS);
  const update = useThrottled(() => {
    const now = changed.current;
    changed.current = new Map();
    queryClient.setQueryData<ListedVault[]>([...LIST_KEY, '', ''], (list) => list && replace(list, now));
  }, UPDATE_MS);
  const note = (item: ListedVault | undefined) => {
    // An operator gets no item, and nobody knows whether a search finds the vault now.
    if (item === undefined || isOperator || q || author) return reloadSoon();
    changed.current.set(item.vault_id, item);
    update();
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
        onData: ({ item }) => note(item),
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
