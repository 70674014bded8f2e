import { type QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import type { Client } from '../api/client.ts';
import { useReload, useStream } from '../api/live.ts';
import { useSession } from '../api/session.tsx';
import { currentView, type Row, type View, withCurrent, withRow } from './rows.ts';

const keysOf = (vaultId: string) => ({
  current: ['vault', vaultId, 'current'],
  history: ['vault', vaultId, 'history'],
  meta: ['vault', vaultId, 'meta'],
});

/** Entries that are on the page before anybody scrolls; the rest comes after them, in larger portions. */
const FIRST_PORTION = 100;
const PORTION = 1000;
const PAUSE_MS = 50;

type PageInput = Parameters<Client['vault']['readPage']['query']>[0];

async function readView(client: Client, input: PageInput, signal: AbortSignal): Promise<View> {
  const { entries, head, next_cursor } = await client.vault.readPage.query(input, { signal });
  return { entries, head, next: next_cursor };
}

type AddRow = (rows: readonly Row[], row: Row) => Row[];

/**
 * Reads a view, and what the stream has brought while the answer was on its way: the stream does not send it again.
 * @param followedTo how far the stream has come
 */
async function readAndCatchUp(
  read: (since?: number) => Promise<View>,
  followedTo: () => number,
  add: AddRow,
): Promise<View> {
  let view = await read();
  while (view.head < followedTo()) {
    const { entries, head } = await read(view.head);
    // A vault that was restored from a copy stands where it stood then.
    if (head <= view.head) break;
    view = { ...view, entries: entries.reduce(add, view.entries), head };
  }
  return view;
}

/** The vault's entries, each in its highest version: the first of them at once, the others as they come. */
export function useCurrent(vaultId: string) {
  const { client } = useSession();
  const queryClient = useQueryClient();
  const query = useQuery({
    queryKey: keysOf(vaultId).current,
    queryFn: ({ signal }) =>
      readAndCatchUp(
        (since) =>
          readView(
            client,
            { vault_id: vaultId, ...(since === undefined ? { limit: FIRST_PORTION } : { since }) },
            signal,
          ),
        () => followedTo(queryClient, vaultId),
        withCurrent,
      ),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const next = query.data?.next ?? null;
  useEffect(() => {
    if (next === null) return;
    const input = { vault_id: vaultId, limit: PORTION, cursor: next };
    const queryKey = [...keysOf(vaultId).current, next];
    const readOn = async () => {
      const page = await queryClient.fetchQuery({
        queryKey,
        queryFn: ({ signal }) => readView(client, input, signal),
        gcTime: 0,
      });
      queryClient.setQueryData<View>(keysOf(vaultId).current, (view) =>
        view && view.next === next
          ? { ...view, entries: currentView([...view.entries, ...page.entries]), next: page.next }
          : view,
      );
    };
    // What is there is painted before the others take the processor. Without an answer they wait for the server to be
    // back, which loads everything anew.
    const timer = setTimeout(() => void readOn().catch(() => undefined), PAUSE_MS);
    return () => {
      clearTimeout(timer);
      void queryClient.cancelQueries({ queryKey });
    };
  }, [client, queryClient, vaultId, next]);
  return query;
}

/** Every row of the vault, of both kinds, by `seq`. */
export function useHistory(vaultId: string) {
  const { client } = useSession();
  const queryClient = useQueryClient();
  return useQuery({
    queryKey: keysOf(vaultId).history,
    queryFn: ({ signal }) =>
      readAndCatchUp(
        (since = 0) => readView(client, { vault_id: vaultId, history: true, kind: 'all', since }, signal),
        () => followedTo(queryClient, vaultId),
        withRow,
      ),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** What is known of the vault beside its entries. */
export function useMeta(vaultId: string) {
  const { client } = useSession();
  return useQuery({
    queryKey: keysOf(vaultId).meta,
    queryFn: ({ signal }) => client.vault.meta.query({ vault_id: vaultId }, { signal }),
  });
}

const followedTo = (queryClient: QueryClient, vaultId: string): number =>
  queryClient.getQueryData<View>(keysOf(vaultId).current)?.head ?? 0;

/** Puts a row into what was loaded. @param head up to where nothing is missing, if the row moves that */
function addRow(queryClient: QueryClient, vaultId: string, row: Row, head = 0): void {
  const { current, history } = keysOf(vaultId);
  const headOf = (view: View) => Math.max(view.head, head);
  queryClient.setQueryData<View>(
    current,
    (view) => view && { ...view, entries: withCurrent(view.entries, row), head: headOf(view) },
  );
  queryClient.setQueryData<View>(
    history,
    (view) => view && { ...view, entries: withRow(view.entries, row), head: headOf(view) },
  );
}

/**
 * Follows the vault, from where it was loaded.
 * @param loaded whether it was
 * @param onRow hears of each row after it was put in its place
 */
export function useWatch(vaultId: string, loaded: boolean, onRow: (row: Row) => void): void {
  const { client } = useSession();
  const queryClient = useQueryClient();
  const { current, meta } = keysOf(vaultId);
  const reloadMeta = useReload(meta);
  useStream((handlers) => {
    const since = queryClient.getQueryData<View>(current)?.head;
    if (since === undefined) return { unsubscribe: () => undefined };
    return client.vault.watch.subscribe(
      { vault_id: vaultId, since, kind: 'all' },
      {
        ...handlers,
        onData: ({ data: row }) => {
          addRow(queryClient, vaultId, row, row.seq);
          reloadMeta();
          onRow(row);
        },
      },
    );
  }, `watch ${vaultId} ${loaded}`);
}

interface Written {
  text: string;
  idempotency_key: string;
}

/** Writes a new entry. @param onWritten is called also when the page was left before the answer came */
export function useAppend(vaultId: string, onWritten: () => void) {
  const { client, credentials } = useSession();
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (input: Written) => client.vault.append.mutate({ vault_id: vaultId, ...input }),
    onSuccess: (written, { text }) => {
      addRow(queryClient, vaultId, ownRow(credentials, { ...written, content: text }));
      onWritten();
    },
  });
}

/**
 * Writes the next version of an entry, if it still has the version that the person saw.
 * @param onWritten is called also when the page was left before the answer came
 */
export function useOverride(vaultId: string, onWritten: () => void) {
  const { client, credentials } = useSession();
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (input: Written & { base: Row }) => {
      const { base, ...written } = input;
      const { entry_no: entry_id, version: expected_version } = base;
      return client.vault.override.mutate({ vault_id: vaultId, entry_id, expected_version, ...written });
    },
    onSuccess: (written, { text, base }) => {
      addRow(queryClient, vaultId, ownRow(credentials, { ...written, content: text, tags: base.tags }));
      onWritten();
    },
  });
}

/** Replaces the summary, if it is still the one that the person saw. */
export function useSetSummary(vaultId: string) {
  const { client } = useSession();
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (input: Written & { expected_summary_version: number }) =>
      client.vault.setSummary.mutate({ vault_id: vaultId, ...input }),
    onSettled: () => queryClient.invalidateQueries({ queryKey: keysOf(vaultId).meta }),
  });
}

/** What was just written, as it looks until the stream brings it: rows of others before it may be on their way. */
function ownRow(
  credentials: ReturnType<typeof useSession>['credentials'],
  row: Pick<Row, 'seq' | 'entry_no' | 'version' | 'content' | 'tags'>,
): Row {
  const writer_id = credentials.kind === 'session' ? credentials.clientId : '';
  return { ...row, kind: 'content', writer_id, created_at: new Date().toISOString() };
}
